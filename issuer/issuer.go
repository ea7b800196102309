// Package issuer answers: may this exchange happen, and what does the token say? It verifies who is calling, asks what
// they may be, decides, and has the decision signed, in one pipeline that no caller gets around. It knows nothing of
// HTTP, of SQL, of how Entra tokens are checked and of how signing keys live.
package issuer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// MaxToken bounds a minted token in bytes. Proxies cut header lines at 8 KiB, and an Authorization header is not the only one.
const MaxToken = 6 << 10

// The doors by which requests come, by their names in metrics and logs.
const (
	DoorToken       = "token"        // the token endpoint
	DoorWebhook     = "webhook"      // Hasura's auth hook
	DoorForwardAuth = "forward_auth" // a gateway asks about each request

	DoorAuthenticate = "authenticate" // an engine asks in which role a query may be made
)

// Verifier tells who is calling. Verify returns an *idp.TokenError for a token that is refused and idp.ErrUnavailable for
// one that could not be judged; one that has a method RetryAfter() time.Duration says when another try can succeed. It is
// called concurrently.
type Verifier interface {
	Verify(ctx context.Context, raw string) (idp.Subject, error)
}

// Roles tells what a caller may be: every grant and block that means them, also those of other times. No grants is an
// answer; an error means that there is none. NamedGroups tells which groups grants speak of, as many as most of them. Both
// are called concurrently, and their answers are only read.
type Roles interface {
	Grants(ctx context.Context, query rolestore.Query) (rolestore.Answer, error)
	NamedGroups(ctx context.Context, tenantID string, most int) (rolestore.NamedGroups, error)
}

// Signer makes a compact JWS of a payload and names the key; Holds tells from memory whether what that key signed is still
// good: it was not revoked. Both are called concurrently. Sign does not keep the payload.
type Signer interface {
	Sign(ctx context.Context, payload []byte) (jws, kid string, err error)
	Holds(kid string) bool
}

// Request is one wish for a token, or for the decision alone.
type Request struct {
	SubjectToken string   // as it came; any bytes
	Scope        []string // the roles to narrow to; empty: all that are held
	Role         string   // the one to act in, for Decide; empty: the default
	Audience     string   // whom the token is for; empty: the one audience there is
	Reuse        bool     // what came of the same wish before will do while it still holds, and then counts for no limit by caller
	Door         string   // by which route it came: DoorToken, …
	Address      string   // the client's address, without a port
	Origin       string   // for whom limits by address count it: an address, or a network of IPv6; empty: for nobody
	RequestID    string
	TraceID      string // of the trace that the request is in; empty: none
}

// Decision is what came of a Request. With an error it is filled as far as that got, and Token is empty.
type Decision struct {
	Token    string        // the compact JWS; Decide makes none
	KID, JTI string        // of the token; empty without one
	Reused   bool          // it came of the same wish before, and so did the token
	Lifetime time.Duration // of the token, or of one that would be minted now, in whole seconds
	Roles    []string      // default role first

	Role    string            // the one to act in, of Roles; from Decide alone, as is Session
	Session map[string]string // session variables as texts, by their names in lower case

	TenantID, ObjectID, Kind, ClientID string // the caller, once verified
	SubjectTokenID                     string // the subject token's own id (uti), if it has one
	TokenHash                          string // the subject token's SHA-256, its first 16 hex digits; always filled
	PolicyDecision                     string // what the policy calls its decision, if it was asked and gives it a name
}

// Issuer exchanges tokens. It is safe for concurrent use.
type Issuer struct {
	audience string
	terms    terms
	form     form
	limiter  Limiter
	now      func() time.Time
	verifier Verifier
	groups   Groups
	roles    Roles
	policy   Policy // nil: none
	signer   Signer
	journal  Journal                 // nil: none
	earlier  *bounded.Cache[earlier] // by the SHA-256 of subject tokens
	reused   atomic.Uint64           // decisions that one in earlier saved
	anew     atomic.Uint64           // those that none did
}

// Exchange decides on one request. A nil error means that Decision.Token may be handed out. Every error is an *Error; that
// a dependency failed, or that ctx ended before it answered, is one with RetryAfter, and never a token with fewer checks.
func (i *Issuer) Exchange(ctx context.Context, r Request) (Decision, error) {
	d, j, err := i.decide(ctx, r, i.canHandOut)
	// 10. Put it in writing, unless that was done already.
	switch {
	case err == nil && d.Reused:
		d, j.allowed = j.before.handOut(d, j.now), j.before.allowed // the same rights, for as long as that token has
	case err == nil:
		d, err = i.mint(ctx, d, j)
	}
	// 11. Keep account, before it is handed out.
	if d, err = i.keepAccount(ctx, r, d, &j, err); err == nil && r.Reuse && !d.Reused {
		i.remember(d, j)
	}
	return d, err
}

// decide is what all doors have in common: steps 1 to 9. What was decided before is only asked for where it can be of use.
func (i *Issuer) decide(ctx context.Context, r Request, canUse func(earlier) bool) (Decision, judgement, error) {
	id := bounded.KeyOf(r.SubjectToken)
	d := Decision{TokenHash: fingerprint(id)}
	// 1. Is the token meant for a service that we mint for?
	if r.Audience != "" && r.Audience != i.audience {
		return d, judgement{}, refuse(ReasonAudienceUnknown, "the audience is not the one that is configured")
	}
	// 2. Too often, from there?
	if err := i.allowFrom(ctx, r, id); err != nil {
		return d, judgement{}, err
	}
	// 3. Who is calling?
	subject, err := i.verifier.Verify(ctx, r.SubjectToken)
	if err != nil {
		ends := notVerified(ctx, err)
		i.forget(id, ends)
		return d, judgement{}, i.countFailure(ctx, r.Origin, ends)
	}
	d.TenantID, d.ObjectID, d.Kind, d.ClientID = subject.TenantID, subject.ObjectID, string(subject.Kind), subject.ClientID
	d.SubjectTokenID = subject.TokenID
	before, known := i.recall(r, id, canUse)
	// 4. Too often, they? Who is known is counted once it turns out that what came of it before does not hold.
	if !known {
		if err := i.allowCaller(ctx, subject); err != nil {
			return d, judgement{}, err
		}
	}
	// 5. to 8. What may they be, and what do we and the policy allow?
	j, err := i.judge(ctx, subject, r)
	j.id, j.before = id, before
	d.PolicyDecision = j.policy.verdict.Decision
	if err != nil {
		i.forget(id, err)
		return d, j, i.countUnjudged(ctx, subject, err, known)
	}
	d.Roles = j.allowed.Roles
	// 9. Too often, with these roles or by this app? The steps above take their time, and a key may have been revoked meanwhile.
	d.Reused = known && canUse(before) && i.reuses(before, j)
	return d, j, i.allowDecided(ctx, subject, d, known)
}

// judgement is what came of a caller's wish, and all that it rests on. With an error it is filled as far as judge got.
type judgement struct {
	subject idp.Subject // with the groups that the token left out
	answer  rolestore.Answer
	allowed entitlement
	policy  policyPart
	now     time.Time
	id      bounded.Key // of the subject token
	before  earlier     // what was decided for it before, if that is known
	record  onRecord    // of this decision
}

// judge decides what a verified caller gets who wishes for r. It is the one place where that is decided, whatever the
// door. Its errors are those of Exchange.
func (i *Issuer) judge(ctx context.Context, subject idp.Subject, r Request) (j judgement, err error) {
	j = judgement{subject: subject, now: i.now()}
	// 5. Which groups are they in? Groups that Entra left out are not "no groups".
	if j.subject, err = i.withGroups(ctx, subject); err != nil {
		return j, err
	}
	// 6. What may they be?
	if j.answer, err = i.roles.Grants(ctx, queryFor(j.subject)); err != nil {
		return j, &Error{ReasonRolesUnavailable, retryRoles, fmt.Errorf("look up grants: %w", err)}
	}
	// 7. What do we allow? The clock is read here, so that no wait above makes the token live longer.
	j.now = i.now()
	j.allowed, err = entitle(j.subject, j.answer, r.Scope, i.terms, j.now)
	if err != nil || i.policy == nil {
		return j, err
	}
	// 8. Does the policy agree?
	return i.consult(ctx, j, r)
}

// mint has the claims signed and completes d.
func (i *Issuer) mint(ctx context.Context, d Decision, j judgement) (Decision, error) {
	jti := rand.Text()
	payload, err := i.form.payload(j.subject, j.allowed, jti, j.now)
	if err != nil {
		return d, &Error{ReasonInternal, 0, fmt.Errorf("write claims: %w", err)}
	}
	token, kid, err := i.signer.Sign(ctx, payload)
	if err != nil {
		return d, &Error{ReasonKeysUnavailable, retryKeys, fmt.Errorf("sign: %w", err)}
	}
	if len(token) > MaxToken {
		return d, refuse(ReasonTooManyRoles, fmt.Sprintf("the token would have %d bytes, of at most %d", len(token), MaxToken))
	}
	d.Token, d.KID, d.JTI, d.Lifetime = token, kid, jti, left(j.allowed.Expiry, j.now)
	return d, nil
}

// left counts whole seconds, as exp does.
func left(expiry, now time.Time) time.Duration {
	return time.Duration(expiry.Unix()-now.Unix()) * time.Second
}

// notVerified says what an error of the verifier means. A request that ended while keys were fetched says nothing about
// the token, nor is it a fault of ours.
func notVerified(ctx context.Context, err error) error {
	if refusal, ok := errors.AsType[*idp.TokenError](err); ok {
		return &Error{Reason(refusal.Reason), 0, tokenFault{refusal.Err}}
	}
	if errors.Is(err, idp.ErrUnavailable) || ctx.Err() != nil {
		return &Error{ReasonIDPUnavailable, retryAfter(err, retryIDP), fmt.Errorf("verify the subject token: %w", err)}
	}
	return &Error{ReasonInternal, 0, fmt.Errorf("verify the subject token: %w", err)}
}

func queryFor(s idp.Subject) rolestore.Query {
	return rolestore.Query{
		TenantID: s.TenantID, ObjectID: s.ObjectID, App: s.Kind == idp.KindApp, ClientID: s.ClientID,
		Groups: s.Groups, AppRoles: s.AppRoles,
	}
}

func refuse(reason Reason, finding string) error { return &Error{reason, 0, errors.New(finding)} }

// fingerprint names a token in logs. 64 bits are enough to find it again, and nothing leads from them to the token.
func fingerprint(id bounded.Key) string { return hex.EncodeToString(id[:8]) }

package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/idp"
)

// Limit says what is counted. It is fit for a metric.
type Limit string

// The limits there are.
const (
	LimitAddress  Limit = "address"  // exchanges that come from one address
	LimitFailures Limit = "failures" // subject tokens from one address that were refused
	LimitCaller   Limit = "caller"   // exchanges of one caller
	LimitRole     Limit = "role"     // those whose token holds one role, of one caller
	LimitClient   Limit = "client"   // those by one client app, whoever calls
)

// Limits returns every limit there is.
func Limits() []Limit {
	return []Limit{LimitAddress, LimitFailures, LimitCaller, LimitRole, LimitClient}
}

// Use is what somebody does that may be limited.
type Use struct {
	Limit Limit
	Name  string // the role or the client app whose limit it is; empty for the others
	Who   string // whom it counts for
	Look  bool   // it is not done now: tell only whether it might be
	Quick bool   // with Look: tell it from memory, and that it might be where that does not know
	Ahead int    // with Quick: how many others are about to do the same, who come first
}

// Limiter tells whether something happens too often. Allow counts it and returns zero, or it returns how long to wait and
// need not count it. That it cannot tell is no reason to refuse. It is called concurrently.
type Limiter interface {
	Allow(ctx context.Context, use Use) time.Duration
}

// noLimits is for who does not mind.
type noLimits struct{}

func (noLimits) Allow(context.Context, Use) time.Duration { return 0 }

// allow refuses with ReasonRateLimited what is done too often.
func (i *Issuer) allow(ctx context.Context, uses ...Use) error {
	for _, use := range uses {
		if wait := i.limiter.Allow(ctx, use); wait > 0 {
			return &Error{ReasonRateLimited, wait, fmt.Errorf("the limit by %s", use.Limit)}
		}
	}
	return nil
}

// allowFrom counts a request by where it comes from, and refuses it where too many tokens from there were no good. What is
// known is no guess, and costs little: a gateway asks at every request of everybody in an office, and who is let in must
// not be shut out by neighbours who are not.
func (i *Issuer) allowFrom(ctx context.Context, r Request, id bounded.Key) error {
	if r.Origin == "" || i.knows(r, id) {
		return nil
	}
	return i.allow(ctx, Use{Limit: LimitAddress, Who: r.Origin}, Use{Limit: LimitFailures, Who: r.Origin, Look: true})
}

// Shuts returns why a token that comes from there would be refused before anybody looks at it, as far as that is known without asking
// anybody; nil otherwise. It counts nothing, and is so quick that nobody has to wait for their turn to be told. An origin is that of a
// Request, and ahead is how many others from there are not counted yet and will be: no more of them may wait than would be looked at.
func (i *Issuer) Shuts(ctx context.Context, origin string, ahead int) error {
	if origin == "" {
		return nil
	}
	return i.allow(ctx, Use{Limit: LimitAddress, Who: origin, Look: true, Quick: true, Ahead: ahead}, Use{Limit: LimitFailures, Who: origin, Look: true, Quick: true})
}

// countFailure counts a refused token by where it came from, and returns why the exchange ends. Of many that were judged
// at the same time no more are told the verdict than the limit allows. What is no verdict does not count, but for a key
// that nobody has seen: whoever guesses gets that too.
func (i *Issuer) countFailure(ctx context.Context, origin string, ends error) error {
	if judged, ok := errors.AsType[*Error](ends); !ok || !judged.TokenFault() || origin == "" {
		return ends
	}
	if tooMany := i.allow(ctx, Use{Limit: LimitFailures, Who: origin}); tooMany != nil {
		return tooMany
	}
	return ends
}

// allowCaller counts an exchange of a caller's.
func (i *Issuer) allowCaller(ctx context.Context, subject idp.Subject) error {
	return i.allow(ctx, Use{Limit: LimitCaller, Who: nameOf(subject)})
}

// allowToken counts a token by the roles that it holds and the app that asks for it. What one limit has counted stays
// counted when the next one refuses: that is never more than is allowed.
func (i *Issuer) allowToken(ctx context.Context, subject idp.Subject, roles []string) error {
	for _, role := range roles {
		if err := i.allow(ctx, Use{Limit: LimitRole, Name: role, Who: nameOf(subject)}); err != nil {
			return err
		}
	}
	if subject.ClientID == "" {
		return nil
	}
	return i.allow(ctx, Use{Limit: LimitClient, Name: subject.ClientID, Who: subject.ClientID})
}

// allowDecided counts what was decided, but for what had been decided before. A caller who is known was not counted yet.
func (i *Issuer) allowDecided(ctx context.Context, subject idp.Subject, d Decision, known bool) error {
	if d.Reused {
		return nil
	}
	if known {
		if err := i.allowCaller(ctx, subject); err != nil {
			return err
		}
	}
	return i.allowToken(ctx, subject, d.Roles)
}

// countUnjudged counts what could not be judged of a caller who is known, and so was not counted yet, and returns why the
// exchange ends: each such request asks anew what has failed, and nobody may do that without end.
func (i *Issuer) countUnjudged(ctx context.Context, subject idp.Subject, ends error, known bool) error {
	if !known || !unjudged(ends) {
		return ends
	}
	if err := i.allowCaller(ctx, subject); err != nil {
		return err
	}
	return ends
}

// nameOf names a caller, as the sub of tokens does.
func nameOf(subject idp.Subject) string { return subject.ObjectID + "." + subject.TenantID }

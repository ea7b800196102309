package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestAGoodRequestGetsATokenAndAFullDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer.Grants = []rolestore.Grant{grant("reader"), grant("editor", priority(5))}
	got, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Audience: "hasura"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.JTI) < 20 || !strings.Contains(w.payload, got.JTI) {
		t.Errorf("jti %q is short or not the one in the token", got.JTI)
	}
	got.JTI = ""
	want := issuer.Decision{
		Token: w.signed, KID: "k1", Lifetime: 5 * time.Minute, Roles: []string{"editor", "reader"},
		TenantID: tenantID, ObjectID: objectID, Kind: "user", ClientID: clientID,
		SubjectTokenID: "uti-1", TokenHash: "256d04db4e5e4ac3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

func TestEachStepThatFailsEndsTheExchange(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	caller := issuer.Decision{TenantID: tenantID, ObjectID: objectID, Kind: "user", ClientID: clientID, SubjectTokenID: "uti-1"}
	known := caller
	known.Roles = []string{"reader"}
	for name, c := range map[string]struct {
		world   func(*world)
		request issuer.Request
		want    refusal
		steps   string          // who was asked
		got     issuer.Decision // besides the hash
	}{
		"an audience of somebody else's costs nothing": {
			request: issuer.Request{Audience: "other"}, want: refusal{issuer.ReasonAudienceUnknown, false},
		},
		"an audience in other letters is somebody else's": {
			request: issuer.Request{Audience: "Hasura"}, want: refusal{issuer.ReasonAudienceUnknown, false},
		},
		"a refused token keeps the verifier's reason": {
			world: func(w *world) {
				w.verify = fmt.Errorf("judge: %w", &idp.TokenError{Reason: idp.ReasonGraphToken, Err: errors.New("aud")})
			},
			want: refusal{issuer.ReasonGraphToken, false}, steps: "v",
		},
		"keys that cannot be had are no verdict": {
			world: func(w *world) { w.verify = fmt.Errorf("fetch: %w", idp.ErrUnavailable) },
			want:  refusal{issuer.ReasonIDPUnavailable, true}, steps: "v",
		},
		"a key that nobody has seen is no verdict": {
			world: func(w *world) { w.verify = fmt.Errorf("look: %w", idp.ErrKeyUnseen) },
			want:  refusal{issuer.ReasonIDPUnavailable, true}, steps: "v",
		},
		"a verifier that breaks its contract is our fault": {
			world: func(w *world) { w.verify = broken }, want: refusal{issuer.ReasonInternal, false}, steps: "v",
		},
		"omitted groups are not no groups": {
			world: func(w *world) { w.omit(groupID); w.graphless = true },
			want:  refusal{issuer.ReasonGroupsUnavailable, true}, steps: "vn", got: caller,
		},
		"groups that cannot be asked for, with half an answer": {
			world: func(w *world) { w.omit(groupID); w.members, w.ask = []string{groupID}, broken },
			want:  refusal{issuer.ReasonGroupsUnavailable, true}, steps: "vng", got: caller,
		},
		"a store that cannot tell which groups matter": {
			world: func(w *world) { w.omit(groupID); w.list = broken },
			want:  refusal{issuer.ReasonRolesUnavailable, true}, steps: "vn", got: caller,
		},
		"a store that cannot answer": {
			world: func(w *world) { w.look = rolestore.ErrUnavailable },
			want:  refusal{issuer.ReasonRolesUnavailable, true}, steps: "vr", got: caller,
		},
		"a store that fails in any other way, with half an answer": {
			world: func(w *world) { w.look = broken }, want: refusal{issuer.ReasonRolesUnavailable, true}, steps: "vr", got: caller,
		},
		"no roles": {
			world: func(w *world) { w.answer = rolestore.Answer{} }, want: refusal{issuer.ReasonNoRoles, false}, steps: "vr", got: caller,
		},
		"a value that is no text": {
			world: func(w *world) { w.answer.Grants = []rolestore.Grant{grant("reader", session("x-hasura-a", "\xff"))} },
			want:  refusal{issuer.ReasonInternal, false}, steps: "vr", got: known,
		},
		"the same in stringified claims": {
			world: func(w *world) {
				w.config.StringifiedClaims = true
				w.answer.Grants = []rolestore.Grant{grant("reader", session("x-hasura-a", "\xff"))}
			},
			want: refusal{issuer.ReasonInternal, false}, steps: "vr", got: known,
		},
		"a signer that fails, with half a token": {
			world: func(w *world) { w.write = broken }, want: refusal{issuer.ReasonKeysUnavailable, true}, steps: "vrs", got: known,
		},
		"a token that is too long": {
			world: func(w *world) { w.length = issuer.MaxToken + 1 },
			want:  refusal{issuer.ReasonTooManyRoles, false}, steps: "vrs", got: known,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.world != nil {
				c.world(w)
			}
			c.request.SubjectToken = subjectToken
			got, err := w.exchange(t.Context(), c.request)
			wantRefusal(t, err, c.want)
			if w.steps != c.steps {
				t.Errorf("steps taken: %q, want %q", w.steps, c.steps)
			}
			c.got.TokenHash = "256d04db4e5e4ac3"
			if diff := cmp.Diff(c.got, got); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), subjectToken) {
				t.Error("the error holds the token")
			}
		})
	}
}

func TestTheLongestTokenAllowedIsHandedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.length = issuer.MaxToken
	got, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
	if err != nil || len(got.Token) != 6144 {
		t.Errorf("a token of %d bytes, error %v", len(got.Token), err)
	}
}

// A request that ended early tells nothing about the token or the parts: whoever still listens may try again.
func TestARequestThatEndedIsNobodysFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world func(*world, error)
		want  issuer.Reason
	}{
		"while the token was verified":    {func(w *world, err error) { w.verify = err }, issuer.ReasonIDPUnavailable},
		"while grants were looked up":     {func(w *world, err error) { w.look = err }, issuer.ReasonRolesUnavailable},
		"while the claims were signed":    {func(w *world, err error) { w.write = err }, issuer.ReasonKeysUnavailable},
		"with an error of the part's own": {func(w *world, _ error) { w.verify = errors.New("aborted") }, issuer.ReasonIDPUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			w := newWorld(t)
			c.world(w, ctx.Err())
			_, err := w.exchange(ctx, issuer.Request{SubjectToken: subjectToken})
			wantRefusal(t, err, refusal{c.want, true})
		})
	}
}

func TestTheStoreIsAskedAboutExactlyTheCaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind idp.Kind
		app  bool
	}{
		"a user":            {idp.KindUser, false},
		"an app by itself ": {idp.KindApp, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.subject.Kind = c.kind
			if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
				t.Fatal(err)
			}
			want := rolestore.Query{
				TenantID: tenantID, ObjectID: objectID, App: c.app, ClientID: clientID,
				Groups: []string{groupID}, AppRoles: []string{"Hasura.Reader"},
			}
			if diff := cmp.Diff(want, w.query); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

// slowRoles lets time pass while it looks.
type slowRoles struct {
	issuer.Roles
	pass func()
}

func (s slowRoles) Grants(ctx context.Context, q rolestore.Query) (rolestore.Answer, error) {
	s.pass()
	return s.Roles.Grants(ctx, q)
}

func TestASlowStoreDoesNotMakeATokenLiveLonger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subject.Expiry = noon.Add(6 * time.Second)
	now := noon
	w.config.Now = func() time.Time { return now }
	for name, c := range map[string]struct {
		wait time.Duration
		want refusal
	}{
		"four seconds":  {4 * time.Second, refusal{}},
		"seven seconds": {7 * time.Second, refusal{issuer.ReasonTokenExpired, false}},
	} {
		now, w.steps = noon, ""
		i, err := issuer.New(w.config, w, w, slowRoles{w, func() { now = now.Add(c.wait) }}, w)
		if err != nil {
			t.Fatal(err)
		}
		got, err := i.Exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
		t.Log(name)
		wantRefusal(t, err, c.want)
		if err == nil && got.Lifetime != 2*time.Second {
			t.Errorf("lifetime %s, want 2s", got.Lifetime)
		}
	}
}

// Who limits failures goes by this: a guess at a token is one, whatever it is answered, and an outage never is.
func TestATokensFaultIsToldFromAnOutage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world func(*world)
		want  bool
	}{
		"a refused token": {func(w *world) {
			w.verify = &idp.TokenError{Reason: idp.ReasonSignatureInvalid, Err: errors.New("forged")}
		}, true},
		"a key that nobody has seen": {func(w *world) { w.verify = fmt.Errorf("look: %w", idp.ErrKeyUnseen) }, true},
		"keys that cannot be had":    {func(w *world) { w.verify = fmt.Errorf("fetch: %w", idp.ErrUnavailable) }, false},
		"a broken verifier":          {func(w *world) { w.verify = errors.New("broken") }, false},
		"a caller without a role":    {func(w *world) { w.answer = rolestore.Answer{} }, false},
	} {
		w := newWorld(t)
		c.world(w)
		_, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
		if e, ok := errors.AsType[*issuer.Error](err); !ok || e.TokenFault() != c.want {
			t.Errorf("%s: %v, want a token's fault: %v", name, err, c.want)
		}
	}
}

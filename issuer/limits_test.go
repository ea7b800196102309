package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const (
	origin   = "203.0.113.7"
	callerID = objectID + "." + tenantID
)

// What an exchange is counted by.
var (
	byAddress  = use{issuer.Use{Limit: issuer.LimitAddress, Who: origin}, ""}
	byFailures = use{issuer.Use{Limit: issuer.LimitFailures, Who: origin, Look: true}, ""}
	failure    = use{issuer.Use{Limit: issuer.LimitFailures, Who: origin}, "v"}
	byCaller   = use{issuer.Use{Limit: issuer.LimitCaller, Who: callerID}, "v"}
	byEditor   = use{issuer.Use{Limit: issuer.LimitRole, Name: "editor", Who: callerID}, "vr"}
	byReader   = use{issuer.Use{Limit: issuer.LimitRole, Name: "reader", Who: callerID}, "vr"}
	byClient   = use{issuer.Use{Limit: issuer.LimitClient, Name: clientID, Who: clientID}, "vr"}
)

func TestAnExchangeIsCountedByWhereItComesFromWhoAsksAndWhatTheyGet(t *testing.T) {
	t.Parallel()
	refused := &idp.TokenError{Reason: idp.ReasonSignatureInvalid, Err: errors.New("no match")}
	for name, c := range map[string]struct {
		world   func(*world)
		request issuer.Request
		want    []use
		refusal refusal
	}{
		"all of it": {
			request: issuer.Request{Origin: origin},
			want:    []use{byAddress, byFailures, byCaller, byEditor, byReader, byClient},
		},
		"by no address where none counts": {want: []use{byCaller, byEditor, byReader, byClient}},
		"by the roles in the token, not by all that are held": {
			request: issuer.Request{Scope: []string{"reader"}}, want: []use{byCaller, byReader, byClient},
		},
		"by no app where the token names none": {
			world: func(w *world) { w.subject.ClientID = "" }, want: []use{byCaller, byEditor, byReader},
		},
		"by no role where there is none": {
			world: func(w *world) { w.answer.Grants = nil }, want: []use{byCaller}, refusal: refusal{issuer.ReasonNoRoles, false},
		},
		"a token that is refused counts against its address": {
			world: func(w *world) { w.verify = fmt.Errorf("judge: %w", refused) }, request: issuer.Request{Origin: origin},
			want: []use{byAddress, byFailures, failure}, refusal: refusal{issuer.ReasonSignatureInvalid, false},
		},
		"so does one whose key nobody has seen": {
			world: func(w *world) { w.verify = fmt.Errorf("judge: %w", idp.ErrKeyUnseen) }, request: issuer.Request{Origin: origin},
			want: []use{byAddress, byFailures, failure}, refusal: refusal{issuer.ReasonIDPUnavailable, true},
		},
		"not one that nobody could judge": {
			world: func(w *world) { w.verify = idp.ErrUnavailable }, request: issuer.Request{Origin: origin},
			want: []use{byAddress, byFailures}, refusal: refusal{issuer.ReasonIDPUnavailable, true},
		},
		"and against nobody where no address counts": {
			world: func(w *world) { w.verify = refused }, refusal: refusal{issuer.ReasonSignatureInvalid, false},
		},
		"a token that could not be judged does not": {
			world: func(w *world) { w.verify = idp.ErrUnavailable }, request: issuer.Request{Origin: origin},
			want: []use{byAddress, byFailures}, refusal: refusal{issuer.ReasonIDPUnavailable, true},
		},
		"nor does a fault of ours": {
			world: func(w *world) { w.verify = errors.New("out of order") }, request: issuer.Request{Origin: origin},
			want: []use{byAddress, byFailures}, refusal: refusal{issuer.ReasonInternal, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.answer.Grants = []rolestore.Grant{grant("reader"), grant("editor", priority(5))}
			if c.world != nil {
				c.world(w)
			}
			c.request.SubjectToken = subjectToken
			_, err := w.exchange(t.Context(), c.request)
			wantRefusal(t, err, c.refusal)
			if diff := cmp.Diff(c.want, w.uses); diff != "" {
				t.Errorf("uses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALimitEndsTheExchangeAndSaysWhen(t *testing.T) {
	t.Parallel()
	for limit, steps := range map[issuer.Limit]string{
		issuer.LimitAddress: "", issuer.LimitFailures: "", issuer.LimitCaller: "v", issuer.LimitRole: "vr", issuer.LimitClient: "vr",
	} {
		w := newWorld(t)
		w.waits = map[issuer.Limit]time.Duration{limit: 7 * time.Second}
		got, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Origin: origin})
		wantRefusal(t, err, refusal{issuer.ReasonRateLimited, true})
		if e, ok := errors.AsType[*issuer.Error](err); ok && (e.RetryAfter != 7*time.Second || e.Error() != "rate_limited: the limit by "+string(limit)) {
			t.Errorf("%s: %v, after %v", limit, err, e.RetryAfter)
		}
		if w.steps != steps || got.Token != "" || got.TokenHash == "" {
			t.Errorf("%s: steps %q, %+v", limit, w.steps, got)
		}
		if last := w.uses[len(w.uses)-1]; last.Limit != limit {
			t.Errorf("%s: asked further, last by %s", limit, last.Limit)
		}
	}
}

// fullWhenTaken is a limit whose last event somebody takes between the look and the verdict.
type fullWhenTaken struct{ *world }

func (f fullWhenTaken) Allow(ctx context.Context, asked issuer.Use) time.Duration {
	if asked.Limit == issuer.LimitFailures && !asked.Look {
		return time.Second
	}
	return f.world.Allow(ctx, asked)
}

// TestNoMoreVerdictsAreToldThanTheLimitAllows: tokens that are judged at the same time have all passed the look before.
func TestNoMoreVerdictsAreToldThanTheLimitAllows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.verify = &idp.TokenError{Reason: idp.ReasonSignatureInvalid, Err: errors.New("no match")}
	w.config.Limiter = fullWhenTaken{w}
	i, err := issuer.New(w.config, w, w, w, w)
	if err != nil {
		t.Fatal(err)
	}
	_, err = i.Exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Origin: origin})
	wantRefusal(t, err, refusal{issuer.ReasonRateLimited, true})
}

// TestAnOriginIsShutByWhatIsKnownOfIt: nothing is counted and nobody is asked for it.
func TestAnOriginIsShutByWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	quick := func(limit issuer.Limit) use {
		ahead := 0
		if limit == issuer.LimitAddress { // who waits may be as good as anybody
			ahead = 3
		}
		return use{issuer.Use{Limit: limit, Who: origin, Look: true, Quick: true, Ahead: ahead}, ""}
	}
	for name, c := range map[string]struct {
		origin string
		full   issuer.Limit
		want   []use
	}{
		"too many exchanges":     {origin, issuer.LimitAddress, []use{quick(issuer.LimitAddress)}},
		"too many bad tokens":    {origin, issuer.LimitFailures, []use{quick(issuer.LimitAddress), quick(issuer.LimitFailures)}},
		"neither":                {origin, issuer.LimitCaller, []use{quick(issuer.LimitAddress), quick(issuer.LimitFailures)}},
		"who is counted nowhere": {"", issuer.LimitAddress, nil},
	} {
		w := newWorld(t)
		w.config.Limiter, w.waits = w, map[issuer.Limit]time.Duration{c.full: 7 * time.Second}
		i, err := issuer.New(w.config, w, w, w, w)
		if err != nil {
			t.Fatal(err)
		}
		var want error
		if len(c.want) > 0 && c.want[len(c.want)-1].Limit == c.full {
			want = &issuer.Error{Reason: issuer.ReasonRateLimited, RetryAfter: 7 * time.Second, Err: fmt.Errorf("the limit by %s", c.full)}
		}
		if got := i.Shuts(t.Context(), c.origin, 3); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if diff := cmp.Diff(c.want, w.uses); diff != "" {
			t.Errorf("%s: uses (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnExplanationIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Limiter = w
	i, err := issuer.New(w.config, w, w, w, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Explain(t.Context(), issuer.Question{SubjectToken: subjectToken}); err != nil || len(w.uses) != 0 {
		t.Errorf("%v, counted by %v", err, w.uses)
	}
}

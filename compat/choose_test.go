package compat_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// owners keeps what it was asked for.
type owners struct {
	asked []string
	err   error
}

func (o *owners) Owner(roles, fields []string) (string, error) {
	o.asked = fields
	return roles[0], o.err
}

func TestARequestIsJudgedByAllThatItAsksFor(t *testing.T) {
	t.Parallel()
	for request, want := range map[string][]string{
		`{"query":"{ b a }"}`: {"a", "b"},
		`{"query":"query x { a } query y { b }","operationName":"y","variables":{"query":"c"}}`: {"b"},
		`{"query":"{ a }","operationName":null,"extensions":{}}`:                                {"a"},
		`[{"query":"{ a }"},{"query":"mutation { b }"},{"query":"{ a __typename }"}]`:           {"a", "b"},
		`{"query":"{ __typename }"}`: {},
		` null`:                      nil,
	} {
		o := &owners{}
		role, err := compat.Chooser{Owners: o}.Choose(t.Context(), []string{"first", "second"}, []byte(request))
		if diff := cmp.Diff(want, o.asked); diff != "" || role != "first" || err != nil {
			t.Errorf("%s: %q, %v (-want +got):\n%s", request, role, err, diff)
		}
	}
}

func TestARequestThatIsNoQueryIsWrong(t *testing.T) {
	t.Parallel()
	batch := "[" + strings.Repeat(`{"query":"{ a }"},`, 100) + `{"query":"{ a }"}]`
	wordy := `[{"query":"{` + strings.Repeat(" a", 30_000) + `}"},{"query":"{` + strings.Repeat(" a", 30_000) + `}"}]` // each for itself is fine
	large := `[{"query":"{ a }` + strings.Repeat(" ", 1<<19) + `"},{"query":"{ a }` + strings.Repeat(" ", 1<<19) + `"}]`
	for _, request := range []string{
		``, `1`, `"secret"`, `true`, `{}`, `[]`, `[null]`, `{"query":null}`, `{"query":1}`, `{"query":"{"}`, `{"Query":"{ secret }"}`, batch, wordy, large,
		`{"query":"query a { secret } query b { c }"}`, `[{"query":"{ a }"},{"query":""}]`, `{"query":"{ a }","operationName":"secret"}`,
	} {
		_, err := compat.Chooser{Owners: &owners{}}.Choose(t.Context(), []string{"first"}, []byte(request))
		if _, ok := errors.AsType[*api.QueryError](err); !ok || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.50s: %v", request, err)
		}
	}
}

func TestThatNobodyCanTellIsNoRefusal(t *testing.T) {
	t.Parallel()
	_, err := compat.Chooser{Owners: &owners{err: errDown}}.Choose(t.Context(), []string{"first"}, []byte("null"))
	if e, ok := errors.AsType[*issuer.Error](err); !ok || e.Reason != issuer.ReasonRolesUnavailable || e.RetryAfter <= 0 {
		t.Errorf("%v", err)
	}
}

// TestNoMoreQueriesAreLookedAtAtOnceThanThereIsRoomFor: who waits in vain may ask again, and nobody keeps a place.
func TestNoMoreQueriesAreLookedAtAtOnceThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	places := make(chan struct{}, 1)
	c := compat.Chooser{Owners: &owners{}, Places: places}
	places <- struct{}{} // somebody else's
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Choose(ended, []string{"first"}, []byte("null"))
	if e, ok := errors.AsType[*issuer.Error](err); !ok || e.Reason != issuer.ReasonRateLimited || e.RetryAfter <= 0 {
		t.Errorf("without a place: %v", err)
	}
	<-places
	for _, request := range []string{"null", `{"query":"{"}`, `{"query":"{ a }"}`} {
		_, _ = c.Choose(t.Context(), []string{"first"}, []byte(request))
	}
	if len(places) != 0 {
		t.Error("a place is kept")
	}
}

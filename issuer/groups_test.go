package issuer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const otherGroupID = "d1000002-0000-4000-8000-000000000002"

// omit makes the subject token one that leaves its groups out, where grants name these.
func (w *world) omit(named ...string) {
	w.subject.Groups, w.subject.GroupsOmitted = nil, true
	w.named = rolestore.NamedGroups{IDs: named}
}

func TestGroupsThatTheTokenLeavesOutAreAskedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world func(*world)
		steps string
		among []string // who was asked about
		query []string // the groups that grants were looked up for
	}{
		"among those that grants name": {
			world: func(w *world) { w.omit(groupID, otherGroupID); w.members = []string{groupID} },
			steps: "vngrs", among: []string{groupID, otherGroupID}, query: []string{groupID},
		},
		"being in none of them is an answer": {
			world: func(w *world) { w.omit(groupID) }, steps: "vngrs", among: []string{groupID},
		},
		"all of them, where grants name too many": {
			world: func(w *world) { w.omit(groupID); w.named.More = true; w.members = []string{otherGroupID} },
			steps: "vngrs", query: []string{otherGroupID},
		},
		"nobody is asked where grants name none": {
			world: func(w *world) { w.omit() }, steps: "vnrs",
		},
		"nor without anybody to ask": {
			world: func(w *world) { w.omit(); w.graphless = true }, steps: "vnrs",
		},
		"nor where the token holds them": {
			world: func(w *world) { w.named.IDs = []string{otherGroupID} }, steps: "vrs", query: []string{groupID},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.world(w)
			if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
				t.Fatal(err)
			}
			if w.steps != c.steps {
				t.Errorf("steps taken: %q, want %q", w.steps, c.steps)
			}
			if diff := cmp.Diff(c.among, w.among); diff != "" {
				t.Errorf("asked about (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.query, w.query.Groups); diff != "" {
				t.Errorf("grants were looked up for (-want +got):\n%s", diff)
			}
		})
	}
}

// throttled is an error that knows when to come back.
type throttled time.Duration

func (t throttled) Error() string             { return "throttled" }
func (t throttled) RetryAfter() time.Duration { return time.Duration(t) }

func TestTheCallerComesBackWhenGroupsCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want time.Duration
	}{
		{fmt.Errorf("ask: %w", throttled(7*time.Second)), 7 * time.Second},
		{throttled(0), time.Minute},
		{errors.New("no route"), time.Minute},
	} {
		w := newWorld(t)
		w.omit(groupID)
		w.ask = c.err
		_, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
		if e, ok := errors.AsType[*issuer.Error](err); !ok || e.RetryAfter != c.want {
			t.Errorf("%v: got %v, want one with %v", c.err, err, c.want)
		}
	}
}

func TestTheCallerComesBackWhenKeysCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want time.Duration
	}{
		{fmt.Errorf("%w: %w", idp.ErrUnavailable, throttled(7*time.Second)), 7 * time.Second},
		{idp.ErrUnavailable, 30 * time.Second},
	} {
		w := newWorld(t)
		w.verify = c.err
		_, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
		if e, ok := errors.AsType[*issuer.Error](err); !ok || e.Reason != issuer.ReasonIDPUnavailable || e.RetryAfter != c.want {
			t.Errorf("%v: got %v, want one with %v", c.err, err, c.want)
		}
	}
}

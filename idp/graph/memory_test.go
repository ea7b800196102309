package graph_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// in runs a test in a bubble where time is faked. The stage is made outside: its tenant outlives the bubble.
func in(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Parallel()
	s := newStage(t)
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Minute) // time stands still without us, and readings go on when nobody waits for them
		test(t, s)
	})
}

// ask returns what the client says, and how long it took.
func ask(t *testing.T, c *graph.Client, caller graph.Caller, among []string, patience time.Duration) ([]string, time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	got, err := c.Groups(ctx, caller, among)
	return got, time.Since(began), err
}

func want(t *testing.T, c *graph.Client, caller graph.Caller, among, want []string) {
	t.Helper()
	got, _, err := ask(t, c, caller, among, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestAnAnswerIsFreshForTheTTL(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 1)...)
		want(t, client, caller, nil, groups(0, 1))
		s.SetGroups(caller.ObjectID)
		time.Sleep(fresh - time.Nanosecond)
		want(t, client, caller, nil, groups(0, 1))
		time.Sleep(time.Nanosecond)
		want(t, client, caller, nil, []string{})
		s.SetGroups(caller.ObjectID, groups(0, 1)...)
		want(t, client, caller, nil, []string{}) // "none" is an answer like any other
		counts := map[string]int{"token ok": 1, "graph ok": 2, "answer graph": 2, "answer memory": 2}
		if diff := cmp.Diff(counts, s.observed()); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

func TestAGrantThatNamesAnotherGroupIsNotAnsweredFromBefore(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 3)...)
		want(t, client, caller, groups(0, 1), groups(0, 1))
		want(t, client, caller, groups(0, 2), groups(0, 2))
		want(t, client, caller, append(groups(1, 1), groups(0, 1)...), groups(0, 2)) // the same, in another order
		want(t, client, caller, nil, groups(0, 3))
		if n := s.observed()["graph ok"]; n != 3 {
			t.Errorf("%d questions, want 3", n)
		}
	})
}

func TestWhileGraphIsDownAnOlderAnswerServes(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller, stranger := s.open(t), s.user(groups(0, 1)...), s.user()
		want(t, client, caller, nil, groups(0, 1))
		s.graphAnswers(down)
		time.Sleep(fresh)
		want(t, client, caller, nil, groups(0, 1))
		if got, _, err := ask(t, client, stranger, nil, time.Hour); err == nil {
			t.Errorf("somebody of whom nothing is known is in %v", got)
		}
		if client.Health() == nil {
			t.Error("healthy in an outage")
		}
		time.Sleep(stale - fresh - 10*time.Second)
		want(t, client, caller, nil, groups(0, 1))
		if n := s.observed()["answer stale"]; n != 2 {
			t.Errorf("%d stale answers, want 2", n)
		}
		time.Sleep(10 * time.Second)
		got, _, err := ask(t, client, caller, nil, time.Hour)
		if problem := s.refused(t, got, err); problem.Status != http.StatusServiceUnavailable {
			t.Error(err)
		}
		s.answer(nil)
		time.Sleep(5 * time.Second)
		want(t, client, caller, nil, groups(0, 1))
		if err := client.Health(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnOlderAnswerServesNobodyWhoIsGone(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 1)...)
		want(t, client, caller, nil, groups(0, 1))
		time.Sleep(fresh)
		s.Remove(caller.ObjectID)
		for range 2 {
			got, _, err := ask(t, client, caller, nil, time.Hour)
			if problem := s.refused(t, got, err); problem.Code != "Request_ResourceNotFound" || problem.Hint == "" {
				t.Error(err)
			}
		}
		if err := client.Health(); err != nil {
			t.Errorf("one caller's trouble is nobody else's: %v", err)
		}
		s.graphAnswers(down)
		time.Sleep(5 * time.Second)
		got, _, err := ask(t, client, caller, nil, time.Hour)
		s.refused(t, got, err)
	})
}

// A 404 of a proxy, or of a wrong Graph URL, is not Graph's word on anybody.
func TestANotFoundOfAnotherIsAnOutage(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 1)...)
		want(t, client, caller, nil, groups(0, 1))
		time.Sleep(fresh)
		s.graphAnswers(http.NotFound)
		want(t, client, caller, nil, groups(0, 1))
	})
}

func TestWithAnOlderAnswerAtHandNobodyWaitsForLong(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 1)...)
		want(t, client, caller, nil, groups(0, 1))
		time.Sleep(fresh)
		s.graphAnswers(hang)
		for i, patience := range []time.Duration{2 * time.Second, 0, 0} {
			if _, took, err := ask(t, client, caller, nil, time.Hour); err != nil || took != patience {
				t.Errorf("call %d: %v after %s, want %s", i, err, took, patience)
			}
		}
		s.graphAnswers(busy("20"))
		time.Sleep(time.Minute)
		if _, took, err := ask(t, client, caller, nil, time.Hour); err != nil || took != 0 {
			t.Errorf("when Graph asks to wait: %v after %s", err, took)
		}
	})
}

func TestAQuestionThatFailedIsNotAskedAgainAtOnce(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user()
		s.graphAnswers(func(w http.ResponseWriter, _ *http.Request) {
			graphError(w, http.StatusForbidden, "Authorization_RequestDenied")
		})
		for range 5 {
			got, _, err := ask(t, client, caller, nil, time.Hour)
			s.refused(t, got, err)
		}
		time.Sleep(2 * time.Second)
		got, _, err := ask(t, client, caller, nil, time.Hour)
		s.refused(t, got, err)
		if n := s.observed()["graph refused"]; n != 2 {
			t.Errorf("%d questions, want 2", n)
		}
	})
}

func TestFiftyColdCallersMakeOneSignIn(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, same := s.open(t), s.user(groups(0, 1)...)
		var all sync.WaitGroup
		for range 50 {
			other := s.user(groups(0, 1)...)
			for _, caller := range []graph.Caller{same, other} {
				all.Go(func() {
					if got, err := client.Groups(t.Context(), caller, groups(0, 1)); err != nil || len(got) != 1 {
						t.Errorf("got %v, %v", got, err)
					}
				})
			}
		}
		all.Wait()
		if s.count("token") != 1 || s.count("checkMemberGroups") != 51 {
			t.Errorf("%d sign-ins and %d questions, want 1 and 51", s.count("token"), s.count("checkMemberGroups"))
		}
	})
}

// The first caller's end is not that of the others, neither at the sign-in nor at Graph.
func TestTheFirstCallerMayLeave(t *testing.T) {
	for name, host := range map[string]string{"at the sign-in": "login.microsoftonline.com", "at Graph": "graph.microsoft.com"} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *stage) {
				client, caller := s.open(t), s.user(groups(0, 1)...)
				s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
					if r.URL.Host == host {
						time.Sleep(time.Second)
					}
					return false
				})
				first, leave := context.WithCancel(t.Context())
				var all sync.WaitGroup
				all.Go(func() {
					got, err := client.Groups(first, caller, nil)
					s.refused(t, got, err)
				})
				synctest.Wait()
				all.Go(func() { want(t, client, caller, nil, groups(0, 1)) })
				synctest.Wait()
				leave()
				all.Wait()
				if s.count("token") != 1 || s.count("getMemberGroups") != 1 {
					t.Errorf("%d sign-ins and %d questions, want one of each", s.count("token"), s.count("getMemberGroups"))
				}
			})
		})
	}
}

func down(w http.ResponseWriter, _ *http.Request) {
	graphError(w, http.StatusServiceUnavailable, "serviceUnavailable")
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// busy asks to come again after a while.
func busy(retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		graphError(w, http.StatusTooManyRequests, "TooManyRequests")
	}
}

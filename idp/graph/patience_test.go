package graph_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// unwell has Graph answer the first n questions with sick.
func (s *stage) unwell(n int64, sick http.HandlerFunc) {
	var asked atomic.Int64
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host != "graph.microsoft.com" || asked.Add(1) > n {
			return false
		}
		sick(w, r)
		return true
	})
}

func TestGraphsPausesAreKeptWithinTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		sick     http.HandlerFunc
		times    int64
		patience time.Duration // the caller's
		took     time.Duration
		asked    int
		failed   bool
		again    time.Duration // what is left to wait, when it failed
	}{
		"a pause that fits":                  {busy("3"), 1, 10 * time.Second, 3 * time.Second, 2, false, 0},
		"two pauses that fit":                {busy("3"), 2, 10 * time.Second, 6 * time.Second, 3, false, 0},
		"a pause beyond the deadline":        {busy("3"), 1, 2 * time.Second, 0, 1, true, 3 * time.Second},
		"a second pause beyond the deadline": {busy("3"), 2, 5 * time.Second, 3 * time.Second, 2, true, 3 * time.Second},
		"a pause beyond anybody's patience":  {busy("300"), 1, time.Hour, 0, 1, true, 300 * time.Second},
		"a pause beyond belief":              {busy("4294967295"), 1, 2 * time.Hour, 0, 1, true, time.Hour},
		"a number beyond any":                {busy("99999999999999999999"), 1, 2 * time.Hour, 0, 1, true, time.Hour},
		"a pause that is none":               {busy("-1"), 1, 10 * time.Second, time.Second, 2, false, 0},
		"a pause until a date":               {busy("Sat, 01 Jan 2000 00:00:04 GMT"), 1, 10 * time.Second, 4 * time.Second, 2, false, 0},
		"a date that is past":                {busy("Sat, 01 Jan 1999 00:00:04 GMT"), 1, 10 * time.Second, time.Second, 2, false, 0},
		"busy, and nobody says how long":     {busy(""), 2, 10 * time.Second, 3 * time.Second, 3, false, 0},
		"busy without end":                   {busy("1"), 9, 10 * time.Second, 2 * time.Second, 3, true, time.Second},
		"down for a moment":                  {down, 2, 10 * time.Second, 750 * time.Millisecond, 3, false, 0},
		"down":                               {down, 9, 10 * time.Second, 750 * time.Millisecond, 3, true, 0},
		"a broken connection":                {breaking, 1, 10 * time.Second, 250 * time.Millisecond, 2, false, 0},
		"no answer":                          {hang, 1, 10 * time.Second, 5 * time.Second, 1, true, 0},
		"an answer nobody waits for":         {hang, 1, 4 * time.Second, 4 * time.Second, 1, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *stage) {
				client, caller := s.open(t), s.user()
				s.unwell(c.times, c.sick)
				got, took, err := ask(t, client, caller, nil, c.patience)
				if c.failed {
					if problem := s.refused(t, got, err); problem.RetryAfter != c.again {
						t.Errorf("come again after %s, want %s", problem.RetryAfter, c.again)
					}
				} else if err != nil {
					t.Error(err)
				}
				if took != c.took || s.count("getMemberGroups") != c.asked {
					t.Errorf("%d questions in %s, want %d in %s", s.count("getMemberGroups"), took, c.asked, c.took)
				}
			})
		})
	}
}

// breaking is a connection that breaks off within the answer.
func breaking(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	write(w, http.StatusOK, `{"value":[`)
}

// Graph's limits are per app and tenant: one who is told to wait waits for all.
func TestWhileGraphAsksToWaitNobodyAsks(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client := s.open(t)
		s.unwell(1, busy("20"))
		var all sync.WaitGroup
		all.Go(func() { want(t, client, s.user(groups(0, 1)...), nil, groups(0, 1)) })
		synctest.Wait()
		got, took, err := ask(t, client, s.user(), nil, 10*time.Second)
		if problem := s.refused(t, got, err); problem.RetryAfter != 20*time.Second || took != 0 {
			t.Errorf("after %s: %v, come again after %s", took, err, problem.RetryAfter)
		}
		if n := s.count("getMemberGroups"); n != 1 {
			t.Errorf("%d questions, want 1", n)
		}
		all.Wait()
		synctest.Wait()
		if n := s.count("getMemberGroups"); n != 3 { // the reading of who left went on, and came to an end
			t.Errorf("%d questions, want 3", n)
		}
	})
}

func TestWhoComesLaterHasLessToWait(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client := s.open(t)
		s.unwell(1, busy("300"))
		for i := range 3 {
			got, _, err := ask(t, client, s.user(), nil, time.Second)
			if problem := s.refused(t, got, err); problem.RetryAfter != time.Duration(300-100*i)*time.Second {
				t.Errorf("come again after %s", problem.RetryAfter)
			}
			time.Sleep(100 * time.Second)
		}
		want(t, client, s.user(groups(0, 1)...), nil, groups(0, 1))
	})
}

// Who cannot wait leaves, and finds the answer when they come again.
func TestAReadingOutlastsWhoAskedForIt(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 1)...)
		s.unwell(1, busy("3"))
		got, _, err := ask(t, client, caller, nil, time.Second)
		problem := s.refused(t, got, err)
		time.Sleep(problem.RetryAfter)
		synctest.Wait()
		want(t, client, caller, nil, groups(0, 1))
		counts := map[string]int{"token ok": 1, "graph throttled": 1, "graph ok": 1, "answer none": 1, "answer memory": 1}
		if diff := cmp.Diff(counts, s.observed()); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

func TestOneChunkThatFailsFailsAll(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 100)...)
		var asked atomic.Int64
		s.graphAnswers(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 5 {
				graphError(w, http.StatusForbidden, "Authorization_RequestDenied")
				return
			}
			s.graph.ServeHTTP(w, r)
		})
		got, _, err := ask(t, client, caller, groups(0, 100), time.Hour)
		if problem := s.refused(t, got, err); problem.Code != "Authorization_RequestDenied" {
			t.Error(err)
		}
		s.answer(nil)
		time.Sleep(2 * time.Second)
		want(t, client, caller, groups(0, 100), groups(0, 100))
	})
}

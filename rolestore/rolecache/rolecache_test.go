package rolecache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

const (
	ttl   = 15 * time.Second
	stale = 60 * time.Second
)

// fixture is a cache in front of a store, in a bubble of its own time.
type fixture struct {
	*rolecache.Cache
	store    *store
	outcomes map[rolecache.Outcome]int
	mu       sync.Mutex // guards outcomes
	reports  []string
}

// inBubble runs a test on a cache whose Run is under way.
func inBubble(t *testing.T, alter func(*rolecache.Config), test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, newStore(t), alter)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { f.Run(ctx, func(err error) { f.reports = append(f.reports, err.Error()) }) })
		synctest.Wait()
		test(t, f)
		cancel()
		running.Wait()
		time.Sleep(time.Minute) // questions that nobody waits for come to their end
	})
}

func newFixture(tb testing.TB, s *store, alter func(*rolecache.Config)) *fixture {
	tb.Helper()
	f := &fixture{store: s, outcomes: map[rolecache.Outcome]int{}}
	config := rolecache.Config{Store: s, TTL: ttl, Stale: stale, Callers: 1000, Observe: func(o rolecache.Outcome) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.outcomes[o]++
	}}
	if alter != nil {
		alter(&config)
	}
	f.Cache = rolecache.New(config)
	return f
}

// role asks for the n-th caller, which must work.
func (f *fixture) role(tb testing.TB, n int) string {
	tb.Helper()
	role, err := f.ask(tb, n)
	if err != nil {
		tb.Fatalf("grants: %v", err)
	}
	return role
}

func (f *fixture) ask(tb testing.TB, n int) (string, error) {
	tb.Helper()
	answer, err := f.Grants(tb.Context(), caller(n))
	if err != nil {
		return "", err
	}
	if len(answer.Grants) != 1 || answer.Grants[0].Principal.ID != caller(n).ObjectID {
		tb.Fatalf("the answer is another caller's: %+v", answer)
	}
	return answer.Grants[0].Role, nil
}

func (f *fixture) wantRole(tb testing.TB, n int, want string) {
	tb.Helper()
	if got := f.role(tb, n); got != want {
		tb.Errorf("caller %d is %q, want %q", n, got, want)
	}
}

func (f *fixture) wantAsked(tb testing.TB, times int) {
	tb.Helper()
	if got := f.store.asked(); got != times {
		tb.Errorf("the store was asked %d times about callers, want %d", got, times)
	}
}

func TestACallerIsAskedAboutOnceForAsLongAsNothingChanges(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		for range 200 { // for more than an hour
			f.wantRole(t, 1, "role-0")
			time.Sleep(20 * time.Second)
		}
		f.wantAsked(t, 1)
		if want := (map[rolecache.Outcome]int{rolecache.Asked: 1, rolecache.Hit: 199}); !maps.Equal(f.outcomes, want) {
			t.Errorf("outcomes %v, want %v", f.outcomes, want)
		}
	})
}

func TestAChangeShows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		notified bool
		within   time.Duration
	}{
		"at once where it is told of": {true, 200 * time.Millisecond},
		"by itself where it is not":   {false, 5200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(t *testing.T, f *fixture) {
				f.wantRole(t, 1, "role-0")
				f.store.change("role-1")
				if c.notified {
					f.Wake()
				}
				time.Sleep(c.within)
				f.wantRole(t, 1, "role-1")
				f.wantAsked(t, 2)
			})
		})
	}
}

func TestWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.wantRole(t, 1, "role-0")
		f.store.fail(errDown)
		for range 10 { // until almost the limit
			time.Sleep(5 * time.Second)
			f.wantRole(t, 1, "role-0")
		}
		if _, err := f.ask(t, 2); !errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("a stranger gets error %v, want ErrUnavailable", err)
		}
		if err := f.Health(); !errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("health %v", err)
		}
		time.Sleep(11 * time.Second)
		if role, err := f.ask(t, 1); !errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("after the limit: %q, %v", role, err)
		}
		f.store.fail(nil)
		f.store.change("role-1")
		time.Sleep(5 * time.Second)
		f.wantRole(t, 1, "role-1")
		if err := f.Health(); err != nil {
			t.Errorf("health %v", err)
		}
		if len(f.reports) != 1 {
			t.Errorf("one outage is reported as %q", f.reports)
		}
	})
}

// A store that is down must not be asked by everybody who is answered all the same.
func TestAStoreThatIsDownIsLeftInPeace(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.wantRole(t, 1, "role-0")
		f.store.fail(errDown)
		time.Sleep(20 * time.Second)
		asked := f.store.asked()
		for range 1000 {
			f.wantRole(t, 1, "role-0")
			time.Sleep(10 * time.Millisecond)
		}
		if got := f.store.asked() - asked; got > 10 {
			t.Errorf("it was asked %d times in ten seconds", got)
		}
	})
}

func TestNoMoreCallersAreRememberedThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *rolecache.Config) { c.Callers = 10 }, func(t *testing.T, f *fixture) {
		for n := range 11 {
			f.wantRole(t, n, "role-0")
		}
		f.wantRole(t, 10, "role-0")
		f.wantAsked(t, 11)
		f.wantRole(t, 0, "role-0")
		f.wantAsked(t, 12)
	})
}

// A store that hangs must not slow those down who have an answer.
func TestWhoHasAnOlderAnswerDoesNotWaitForASlowStore(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.wantRole(t, 1, "role-0")
		f.store.slow(time.Minute)
		time.Sleep(30 * time.Second)
		began := time.Now()
		f.wantRole(t, 1, "role-0")
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestARowThatMustNotBeActedOnIsNotPaperedOver(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.wantRole(t, 1, "role-0")
		f.store.change("role-1")
		f.store.fail(fmt.Errorf("%w: the grant %w", rolestore.ErrUnavailable, rolestore.ErrBrokenRow))
		time.Sleep(16 * time.Second)
		if role, err := f.ask(t, 1); !errors.Is(err, rolestore.ErrBrokenRow) {
			t.Errorf("%q, %v", role, err)
		}
	})
}

func TestManyWhoAskTheSameAreOneQuestion(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.store.slow(time.Second)
		var asking sync.WaitGroup
		for range 100 {
			asking.Go(func() { f.wantRole(t, 1, "role-0") })
		}
		asking.Wait()
		f.wantAsked(t, 1)
	})
}

func TestWhoGivesUpDoesNotTakeTheAnswerFromOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.store.slow(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var asking sync.WaitGroup
		asking.Go(func() {
			if _, err := f.Grants(ctx, caller(1)); !errors.Is(err, rolestore.ErrUnavailable) {
				t.Errorf("who gave up gets %v", err)
			}
		})
		synctest.Wait() // so that the question is theirs
		asking.Go(func() { f.wantRole(t, 1, "role-0") })
		asking.Wait()
		f.wantAsked(t, 1)
	})
}

// A question that began before a change is answered with what was true then.
func TestWhoKnowsOfAChangeDoesNotJoinThoseWhoAskedBeforeIt(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.store.slow(4 * time.Second)
		var asking sync.WaitGroup
		asking.Go(func() { f.wantRole(t, 1, "role-0") })
		synctest.Wait()
		f.store.slow(0)
		f.store.change("role-1")
		f.Wake()
		time.Sleep(time.Second)
		f.wantRole(t, 1, "role-1")
		asking.Wait()
		f.wantRole(t, 1, "role-1") // the late answer did not drive out the newer one
	})
}

func TestARestoredBackupShows(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		backup := rolestore.Revision{Number: 1, Mark: "mark of role-0"}
		f.store.change("role-1")
		f.Wake()
		time.Sleep(time.Second)
		f.wantRole(t, 1, "role-1")
		f.store.restore("role-0", backup)
		time.Sleep(6 * time.Second)
		f.wantRole(t, 1, "role-0")
		f.store.restore("role-2", rolestore.Revision{Number: 2, Mark: "another mark"}) // another change with the number of the one that was lost
		time.Sleep(6 * time.Second)
		f.wantRole(t, 1, "role-2")
	})
}

// Tables of the operator's own change without a word.
func TestAnUntrackedAnswerEndsWithItsTTL(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *rolecache.Config) { c.Untracked = true }, func(t *testing.T, f *fixture) {
		f.wantRole(t, 1, "role-0")
		time.Sleep(ttl - time.Millisecond)
		f.wantRole(t, 1, "role-0")
		f.wantAsked(t, 1)
		time.Sleep(time.Millisecond)
		f.wantRole(t, 1, "role-0")
		f.wantAsked(t, 2)
	})
}

// A query of the operator's may fail although our own tables can be read.
func TestHealthTellsOfQuestionsThatFail(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *rolecache.Config) { c.Untracked = true }, func(t *testing.T, f *fixture) {
		f.store.failLooks(errDown)
		if _, err := f.ask(t, 1); !errors.Is(err, rolestore.ErrUnavailable) || f.Health() == nil {
			t.Errorf("error %v, health %v", err, f.Health())
		}
		f.store.failLooks(nil)
		f.wantRole(t, 1, "role-0")
		if err := f.Health(); err != nil {
			t.Errorf("health %v", err)
		}
		f.store.failLooks(errDown)
		_, _ = f.ask(t, 2)
		time.Sleep(stale) // nobody has asked since
		if err := f.Health(); err != nil {
			t.Errorf("health %v", err)
		}
	})
}

func TestNamedGroupsAreRememberedToo(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		f.store.naming = []string{"d1", "d2", "d3"}
		for range 3 {
			for most, want := range map[int]rolestore.NamedGroups{2: {IDs: []string{"d1", "d2"}, More: true}, 5: {IDs: []string{"d1", "d2", "d3"}}} {
				groups, err := f.NamedGroups(t.Context(), tenantID, most)
				if diff := cmp.Diff(want, groups); err != nil || diff != "" {
					t.Errorf("error %v, groups (-want +got):\n%s", err, diff)
				}
			}
		}
		if f.store.namings != 2 {
			t.Errorf("the store was asked %d times", f.store.namings)
		}
	})
}

func TestACallerWithoutIDsIsAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, newStore(t), nil)
	if _, err := f.Grants(t.Context(), rolestore.Query{TenantID: tenantID}); err == nil || errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if err := f.Health(); !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("before the first look health is %v", err)
	}
}

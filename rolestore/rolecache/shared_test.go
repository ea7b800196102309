package rolecache_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// two runs a test on two replicas of one store and one shared memory.
func two(t *testing.T, untracked bool, test func(t *testing.T, memory *shared, a, b *fixture)) {
	t.Helper()
	memory := &shared{values: map[string][]byte{}}
	share := func(c *rolecache.Config) { c.Shared, c.Untracked = memory, untracked }
	inBubble(t, share, func(t *testing.T, a *fixture) {
		b := newFixture(t, a.store, share)
		b.role(t, 99) // so that it knows the store's revision
		test(t, memory, a, b)
	})
}

func TestAnotherReplicasAnswerIsFound(t *testing.T) {
	t.Parallel()
	two(t, false, func(t *testing.T, _ *shared, a, b *fixture) {
		a.wantRole(t, 1, "role-0")
		b.wantRole(t, 1, "role-0")
		b.wantRole(t, 1, "role-0")
		a.wantAsked(t, 2) // for callers 99 and 1
		if b.outcomes[rolecache.Found] != 1 || b.outcomes[rolecache.Hit] != 1 {
			t.Errorf("outcomes %v", b.outcomes)
		}
	})
}

func TestAnotherReplicasAnswerIsNotFoundAfterAChange(t *testing.T) {
	t.Parallel()
	two(t, false, func(t *testing.T, _ *shared, a, b *fixture) {
		a.wantRole(t, 1, "role-0")
		a.store.change("role-1")
		b.wantRole(t, 98, "role-1") // so b learns of it
		b.wantRole(t, 1, "role-1")
	})
}

// Who has not heard of the store for a while cannot tell whether what is there still counts.
func TestAnotherReplicasAnswerIsNotFoundByOneThatIsNotInStep(t *testing.T) {
	t.Parallel()
	two(t, false, func(t *testing.T, memory *shared, a, b *fixture) {
		a.wantRole(t, 1, "role-0")
		time.Sleep(ttl) // b has nobody who runs it
		gets := memory.gets
		b.wantRole(t, 1, "role-0")
		if memory.gets != gets {
			t.Error("the memory was asked")
		}
	})
}

func TestAnUntrackedAnswerEndsForOthersToo(t *testing.T) {
	t.Parallel()
	two(t, true, func(t *testing.T, _ *shared, a, b *fixture) {
		a.wantRole(t, 1, "role-0")
		time.Sleep(ttl - time.Second)
		b.wantRole(t, 98, "role-0") // so that b is in step
		b.wantRole(t, 1, "role-0")
		a.wantAsked(t, 3)
		time.Sleep(time.Second)
		b.wantRole(t, 1, "role-0")
		a.wantAsked(t, 4)
	})
}

func TestWhatCannotBeReadIsNotFound(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func([]byte) []byte{
		"another layout":  func(b []byte) []byte { b[8] = 99; return b },
		"cut short":       func(b []byte) []byte { return b[:5] },
		"without content": func(b []byte) []byte { return b[:8] },
		"from the future": func(b []byte) []byte { b[0] = 0x7f; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			two(t, false, func(t *testing.T, memory *shared, a, b *fixture) {
				a.wantRole(t, 1, "role-0")
				memory.alter = alter
				asked := a.store.asked()
				b.wantRole(t, 1, "role-0")
				a.wantAsked(t, asked+1)
			})
		})
	}
}

// What has a beginning that can be read, and then cannot, is an error: half of an answer could leave out a block.
func TestHalfAnAnswerIsNone(t *testing.T) {
	t.Parallel()
	two(t, false, func(t *testing.T, memory *shared, a, b *fixture) {
		a.wantRole(t, 1, "role-0")
		alter := map[string]func([]byte) []byte{
			"with more behind it":  func(b []byte) []byte { return append(b, 0) },
			"of too many grants":   func(b []byte) []byte { b[9] = byte(len(b)); return b },
			"of a number too long": func(b []byte) []byte { return append(b[:9], bytes.Repeat([]byte{0xff}, 11)...) },
		}
		for _, value := range memory.values {
			for size := 9; size < len(value); size++ {
				alter[fmt.Sprint("of ", size, " bytes")] = func(b []byte) []byte { return b[:size] }
			}
		}
		n := 100
		for name, f := range alter {
			n++
			memory.alter = nil
			a.wantRole(t, n, "role-0")
			memory.alter = f
			if role, err := b.ask(t, n); err == nil {
				t.Errorf("one %s is read as %q", name, role)
			}
		}
	})
}

// After a setting has changed, replicas with the old one may still run.
func TestReplicasOfOtherSettingsAreNotBelieved(t *testing.T) {
	t.Parallel()
	memory := &shared{values: map[string][]byte{}}
	of := func(scope string) func(*rolecache.Config) {
		return func(c *rolecache.Config) { c.Shared, c.Scope = memory, scope }
	}
	inBubble(t, of("lax"), func(t *testing.T, lax *fixture) {
		lax.wantRole(t, 1, "role-0")
		for scope, questions := range map[string]int{"lax": 1, "strict": 2} { // each asks about caller 99, to be in step
			asked := lax.store.asked()
			other := newFixture(t, lax.store, of(scope))
			other.role(t, 99)
			other.wantRole(t, 1, "role-0")
			if got := lax.store.asked() - asked; got > questions || (scope == "strict") != (got == 2) {
				t.Errorf("%s: the store was asked %d times", scope, got)
			}
		}
	})
}

package bounded_test

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/bounded"
)

func id(n int) bounded.Key { return sha256.Sum256([]byte(strconv.Itoa(n))) }

func wantSize(t *testing.T, c *bounded.Cache[int], entries, bytes int) {
	t.Helper()
	if n, size := c.Size(); n != entries || size != bytes {
		t.Errorf("%d entries of %d bytes, want %d of %d", n, size, entries, bytes)
	}
}

func wantHeld(t *testing.T, c *bounded.Cache[int], held map[int]bool) {
	t.Helper()
	for n, want := range held {
		if value, ok := c.Get(id(n)); ok != want || (ok && value != n) {
			t.Errorf("%d: %d, %v", n, value, ok)
		}
	}
}

func TestTheLongestUnusedGoesFirst(t *testing.T) {
	t.Parallel()
	c := bounded.New[int](3, 1000)
	for n := range 3 {
		c.Put(id(n), n, 10)
	}
	wantHeld(t, c, map[int]bool{0: true})
	c.Put(id(3), 3, 10)
	wantHeld(t, c, map[int]bool{0: true, 1: false, 2: true, 3: true})
	wantSize(t, c, 3, 30)
	c.Drop(id(2))
	c.Drop(id(7))
	wantHeld(t, c, map[int]bool{2: false})
	wantSize(t, c, 2, 20)
}

func TestBytesAreCountedToo(t *testing.T) {
	t.Parallel()
	c := bounded.New[int](100, 100)
	for n := range 4 {
		c.Put(id(n), n, 40)
	}
	wantHeld(t, c, map[int]bool{0: false, 1: false, 2: true, 3: true})
	c.Put(id(3), 3, 10) // in place of the one of 40
	wantSize(t, c, 2, 50)
	c.Put(id(4), 4, 100)
	wantHeld(t, c, map[int]bool{2: false, 3: false, 4: true})
	c.Put(id(5), 5, 101)
	wantHeld(t, c, map[int]bool{4: true, 5: false})
	c.Put(id(4), 4, 101) // what was there under its name goes all the same
	wantSize(t, c, 0, 0)
}

func TestAChangeTakesThePlaceOfWhatIsThere(t *testing.T) {
	t.Parallel()
	c := bounded.New[int](3, 100)
	for n := range 3 {
		c.Put(id(n), n, 10)
	}
	c.Change(id(0), func(was int) (int, int) { return was, 70 }) // counts as a use
	wantSize(t, c, 3, 90)
	c.Change(id(7), func(int) (int, int) { t.Error("changed what is not there"); return 7, 1 })
	wantHeld(t, c, map[int]bool{7: false})
	c.Put(id(3), 3, 10)
	wantHeld(t, c, map[int]bool{0: true, 1: false, 2: true, 3: true})
	c.Change(id(0), func(was int) (int, int) { return was, 95 })
	wantHeld(t, c, map[int]bool{0: true, 2: false, 3: false})
	c.Change(id(0), func(was int) (int, int) { return was, 101 })
	wantSize(t, c, 0, 0)
}

// TestNoChangeIsLost where many come at the same time.
func TestNoChangeIsLost(t *testing.T) {
	t.Parallel()
	c := bounded.New[int](3, 100)
	c.Put(id(1), 0, 10)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 500 {
				c.Change(id(1), func(was int) (int, int) { return was + 1, 10 })
			}
		})
	}
	callers.Wait()
	if got, _ := c.Get(id(1)); got != 2000 {
		t.Errorf("%d changes, want 2000", got)
	}
}

func TestACacheOfNothingRemembersNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []*bounded.Cache[int]{nil, bounded.New[int](0, 100), bounded.New[int](100, 0), bounded.New[int](-1, -1)} {
		c.Put(id(1), 1, 1)
		c.Drop(id(1))
		c.Change(id(1), func(int) (int, int) { t.Error("changed what is not there"); return 1, 1 })
		wantHeld(t, c, map[int]bool{1: false})
		wantSize(t, c, 0, 0)
	}
}

func TestTheBoundsHoldWhoeverPutsInWhatever(t *testing.T) {
	t.Parallel()
	for _, most := range []struct{ entries, bytes int }{{100, 5000}, {1024, 1 << 20}, {2000, 9000}} {
		c := bounded.New[int](most.entries, most.bytes)
		var callers sync.WaitGroup
		for worker := range 4 {
			callers.Go(func() {
				for i := range 5000 {
					n := i*4 + worker
					c.Put(id(n%3000), n%3000, 1+n%97)
					if value, ok := c.Get(id(n % 1700)); ok && value != n%1700 {
						t.Errorf("%d under the name of %d", value, n%1700)
					}
					if n%11 == 0 {
						c.Drop(id(n % 500))
					}
				}
			})
		}
		callers.Wait()
		entries, bytes := c.Size()
		if entries > most.entries || bytes > most.bytes || entries < 50 {
			t.Errorf("%d entries of %d bytes, at most %v were allowed", entries, bytes, most)
		}
		for n := range 3000 {
			c.Drop(id(n))
		}
		wantSize(t, c, 0, 0)
	}
}

package keys_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// reports is what Run reported, and when.
type reports struct {
	mu   sync.Mutex
	errs []error
	at   []time.Time
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs, r.at = append(r.errs, err), append(r.at, time.Now())
}

func (r *reports) all() ([]error, []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.errs), slices.Clone(r.at)
}

// run starts Run and returns its reports and how to end it.
func run(t *testing.T, ring *keys.Ring) (reported *reports, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	reported = new(reports)
	go func() {
		defer close(ended)
		ring.Run(ctx, reported.add)
	}()
	return reported, func() { cancel(); <-ended }
}

func TestHalfADayOfHourlyKeysWithTwoReplicasPassesWithoutAGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := keystore.NewMemory(time.Now)
		p := policy
		p.Period, p.Alg = time.Hour, keys.EdDSA
		var stops []func()
		var rings []*keys.Ring
		for range 2 {
			ring := newRing(t, keys.RingConfig{Store: store, Policy: p, Auto: true})
			reported, stop := run(t, ring)
			rings = append(rings, ring)
			stops = append(stops, func() {
				stop()
				if errs, _ := reported.all(); len(errs) > 0 {
					t.Errorf("errors were reported: %v", errs)
				}
			})
		}
		time.Sleep(time.Minute) // away from the moments of hand-over; fake time
		time.Sleep(time.Minute) // fake time: off the moment of the hand-over, where replicas differ by microseconds
		synctest.Wait()
		signers := map[string]bool{}
		for range 12 {
			time.Sleep(time.Hour) // fake time
			synctest.Wait()
			one, two := signer(t, rings[0]), signer(t, rings[1])
			if one != two {
				t.Error("two replicas sign with two keys")
			}
			signers[one] = true
			for _, ring := range rings {
				if err := ring.Health(); err != nil {
					t.Errorf("health: %v", err)
				}
			}
		}
		if len(signers) != 12 {
			t.Errorf("%d keys signed in half a day, want 12", len(signers))
		}
		for _, stop := range stops {
			stop()
		}
	})
}

func TestWhileNothingWasLoadedRunTriesAgainSoonAndThenEveryFifteenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := keystest.NewFlaky(keystore.NewMemory(time.Now))
		store.FailLoads(errDown)
		ring := newRing(t, keys.RingConfig{Store: store, Auto: true})
		began := time.Now()
		reported, stop := run(t, ring)
		time.Sleep(46 * time.Second) // fake time
		synctest.Wait()
		errs, at := reported.all()
		var tried []time.Duration
		for i, err := range errs {
			tried = append(tried, at[i].Sub(began)/time.Second)
			if !errors.Is(err, errDown) {
				t.Errorf("reported %v, want the store's error", err)
			}
		}
		if diff := cmp.Diff([]time.Duration{0, 1, 3, 7, 15, 30, 45}, tried); diff != "" {
			t.Errorf("it tried after these seconds (-want +got):\n%s", diff)
		}
		store.FailLoads(nil)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		signer(t, ring)

		store.FailLoads(errDown)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		errs, _ = reported.all()
		if n := len(errs) - len(tried); n < 40 || n > 50 { // every 12 to 15 s
			t.Errorf("it tried %d times in ten minutes, want 40 to 50", n)
		}
		signer(t, ring)
		stop()
	})
}

func TestRunReportsOnceThatTroubleIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := keystest.NewFlaky(keystore.NewMemory(time.Now))
		ring := newRing(t, keys.RingConfig{Store: store, Auto: true, Parties: []string{"engine"}})
		reported, stop := run(t, ring)
		wait := func(d time.Duration) (ended []int) { // where nil stands in what was reported
			time.Sleep(d) // fake time
			synctest.Wait()
			errs, _ := reported.all()
			for i, err := range errs {
				if err == nil {
					ended = append(ended, len(errs)-i)
				}
			}
			return ended
		}
		synctest.Wait()
		if _, _, err := ring.JWKS("engine"); err != nil {
			t.Fatal(err)
		}
		if got := wait(time.Minute); len(got) != 0 {
			t.Errorf("where there was no trouble, its end was reported: %v", got)
		}
		store.FailLoads(errDown)
		if got := wait(time.Minute); len(got) != 0 {
			t.Errorf("while the store is down: %v", got)
		}
		store.FailLoads(nil)
		if got := wait(2 * time.Minute); !slices.Equal(got, []int{1}) {
			t.Errorf("when the store is back, the end stands at %v from the end, want once and last", got)
		}
		wait(time.Hour) // the engine does not fetch
		if errs, _ := reported.all(); len(errs) == 0 || errs[len(errs)-1] == nil {
			t.Fatal("no alarm was reported")
		}
		if _, _, err := ring.JWKS("engine"); err != nil {
			t.Fatal(err)
		}
		if got := wait(time.Minute); len(got) != 2 || got[1] != 1 {
			t.Errorf("after the alarm: %v", got)
		}
		stop()
	})
}

func TestRunEndsWithItsContextAndReportsNothingOfThat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := newRing(t, keys.RingConfig{Store: keystore.NewMemory(time.Now), Auto: true})
		reported, stop := run(t, ring)
		synctest.Wait()
		stop()
		if errs, _ := reported.all(); len(errs) > 0 {
			t.Errorf("reported %v", errs)
		}
	})
}

// counting counts what a ring asks of its store.
type counting struct {
	keys.Store
	loads, witnesses atomic.Int64
}

func (c *counting) Load(ctx context.Context) (keys.State, error) {
	c.loads.Add(1)
	return c.Store.Load(ctx)
}

func (c *counting) Witness(ctx context.Context, seen []keys.Witness) error {
	c.witnesses.Add(1)
	return c.Store.Witness(ctx, seen)
}

// TestWhoWakesAReplicaWithoutEndMakesItNeitherHotNorWrite: whoever may connect to a database may notify.
func TestWhoWakesAReplicaWithoutEndMakesItNeitherHotNorWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: keystore.NewMemory(time.Now)}
		ring := newRing(t, keys.RingConfig{Store: store, Auto: true, Name: "a"})
		_, stop := run(t, ring)
		synctest.Wait()
		store.loads.Store(0)
		store.witnesses.Store(0)
		ring.Wake()
		synctest.Wait()
		time.Sleep(250 * time.Millisecond) // fake time
		synctest.Wait()
		if got := store.loads.Load(); got != 1 {
			t.Errorf("woken once, it looked %d times", got)
		}
		for range 10_000 {
			time.Sleep(time.Millisecond) // ten seconds of fake time
			ring.Wake()
		}
		synctest.Wait()
		if got := store.loads.Load(); got < 38 || got > 43 {
			t.Errorf("it looked %d times in ten seconds, want four a second", got)
		}
		if got := store.witnesses.Load(); got > 2 {
			t.Errorf("it wrote %d times in ten seconds what it had written before", got)
		}
		stop()
	})
}

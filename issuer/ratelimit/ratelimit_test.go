package ratelimit_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// clock is moved by hand.
type clock struct{ ahead atomic.Int64 }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time        { return noon.Add(time.Duration(c.ahead.Load())) }
func (c *clock) pass(by time.Duration) { c.ahead.Add(int64(by)) }

func TestInProcess(t *testing.T) {
	t.Parallel()
	run(t, func(*testing.T) store {
		c := &clock{}
		return store{
			open: func(kind string) *ratelimit.Limiter { return ratelimit.New(kind, ratelimit.Options{Now: c.now}) },
			pass: c.pass,
		}
	})
}

func TestInRedis(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T) store {
		f := newFleet(t)
		return store{open: f.replica, pass: f.pass}
	})
}

// TestBesideARedisThatIsGone: the same promises hold, for each replica by itself.
func TestBesideARedisThatIsGone(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T) store {
		f := newFleet(t)
		f.server.Stop()
		return store{open: f.replica, pass: f.clock.pass}
	})
}

// fleet are replicas that count in one Redis.
type fleet struct {
	t        *testing.T
	clock    clock // of what they count in process
	server   *redistest.Server
	client   *redisconn.Client // a patient one: each question that a busy machine answers late would be a fallback too many
	fallback atomic.Int32
	nameKey  func() ([32]byte, error)
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, server: redistest.Start(t), nameKey: func() ([32]byte, error) { return [32]byte{7}, nil }}
	client, err := redisconn.OpenPatiently(f.server.URL(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	f.client = client
	return f
}

func (f *fleet) replica(kind string) *ratelimit.Limiter {
	return ratelimit.New(kind, ratelimit.Options{
		Redis: f.client, NameKey: f.nameKey, Now: f.clock.now, FellBack: func() { f.fallback.Add(1) },
	})
}

// pass lets time pass for the buckets in Redis, by moving them back, since its clock cannot be moved.
func (f *fleet) pass(by time.Duration) {
	f.clock.pass(by)
	for _, name := range f.names() {
		value, err := f.client.Get(f.t.Context(), name).Float64()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err == nil {
			err = f.client.SetArgs(f.t.Context(), name, strconv.FormatFloat(value-by.Seconds(), 'f', -1, 64), redis.SetArgs{KeepTTL: true}).Err()
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fleet) names() []string {
	f.t.Helper()
	names, err := f.client.Keys(f.t.Context(), "*").Result()
	if err != nil {
		f.t.Fatal(err)
	}
	return names
}

// awaitTrust returns when commands are sent to Redis again.
func (f *fleet) awaitTrust() {
	f.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for f.client.Health() != nil {
		select {
		case <-tick.C:
		case <-f.t.Context().Done():
			f.t.Fatal("Redis is back and not trusted")
		}
	}
}

func (f *fleet) wantFallbacks(want int32) {
	f.t.Helper()
	if got := f.fallback.Load(); got != want {
		f.t.Errorf("%d fell back, want %d", got, want)
	}
}

func TestReplicasCountTogether(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one, other := f.replica("calls"), f.replica("calls")
	wantAllowed(t, one, "a", 6, 6)
	wantAllowed(t, other, "a", 6, 4)
	wantAllowed(t, one, "a", 3, 0)
	wantWait(t, f.replica("calls").Look(t.Context(), tenAnHour, "a"), interval)
	f.pass(interval)
	wantAllowed(t, one, "a", 2, 1)
	wantAllowed(t, other, "a", 2, 0)
	f.wantFallbacks(0)
}

// TestWhatOneReplicaKnowsToBeTooMuchCostsRedisNothing: it is what a flood would cost most.
func TestWhatOneReplicaKnowsToBeTooMuchCostsRedisNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	l := f.replica("calls")
	wantAllowed(t, l, "a", 10, 10)
	f.server.Stop() // from here on a question would be noticed
	wantAllowed(t, l, "a", 500, 0)
	f.wantFallbacks(0)
}

// TestAGlanceAsksNobody: it tells what this replica knows to be too much, and counts nothing.
func TestAGlanceAsksNobody(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one, other := f.replica("calls"), f.replica("calls")
	wantAllowed(t, one, "a", 9, 9)
	for range 20 {
		if wait := one.Glance(tenAnHour, "a", 0); wait != 0 {
			t.Fatalf("before it is too much: %v", wait)
		}
	}
	wantAllowed(t, one, "a", 1, 1)
	f.server.Stop() // from here on a question would be noticed
	wantWait(t, one.Glance(tenAnHour, "a", 0), interval)
	for name, wait := range map[string]time.Duration{
		"who only another replica knows of": other.Glance(tenAnHour, "a", 0), "somebody else": one.Glance(tenAnHour, "b", 0),
		"where there is no limit": one.Glance(ratelimit.Rate{}, "a", 0),
	} {
		if wait != 0 {
			t.Errorf("%s: %v", name, wait)
		}
	}
	f.wantFallbacks(0)
}

// TestAGlanceCountsThoseAhead who are not counted yet, wherever there is anything to count.
func TestAGlanceCountsThoseAhead(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	l := f.replica("calls")
	wantAllowed(t, l, "a", 7, 7)
	for ahead, want := range map[int]time.Duration{0: 0, 2: 0, 3: interval, 5: 3 * interval, 12: 8 * interval, math.MaxInt: 8 * interval} {
		if wait := l.Glance(tenAnHour, "a", ahead); wait != want {
			t.Errorf("%d ahead: %v, want %v", ahead, wait, want)
		}
	}
	if wait := l.Glance(ratelimit.Rate{}, "a", 1000); wait != 0 {
		t.Errorf("where there is no limit: %v", wait)
	}
	wantAllowed(t, l, "a", 3, 3) // a glance takes nothing
}

func TestRedisGoneInTheMiddleBeginsNothingAnew(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	l := f.replica("calls")
	wantAllowed(t, l, "a", 7, 7)
	f.server.Stop()
	wantAllowed(t, l, "a", 7, 3)
	wantAllowed(t, l, "b", 11, 10)
	f.wantFallbacks(13)
	f.server.Restart()
	f.awaitTrust()
	wantAllowed(t, l, "a", 5, 0)
	wantAllowed(t, l, "c", 11, 10)
	f.wantFallbacks(13)
	if names := f.names(); len(names) != 1 {
		t.Errorf("Redis holds %q, want the bucket of c alone", names)
	}
}

// TestARedisThatDoesNotHelpIsNoReasonToRefuse: nor to let everything through.
func TestARedisThatDoesNotHelpIsNoReasonToRefuse(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*fleet){
		"a bucket that is no number": func(f *fleet) { f.overwrite("soon") },
		"a bucket of another type": func(f *fleet) {
			for _, name := range f.names() {
				f.must(f.client.Del(f.t.Context(), name).Err())
				f.must(f.client.LPush(f.t.Context(), name, "x").Err())
			}
		},
		"a key that is not there yet": func(f *fleet) {
			f.nameKey = func() ([32]byte, error) { return [32]byte{}, errors.New("not fetched") }
		},
		"a server that runs no scripts for us": func(f *fleet) {
			f.must(f.client.Do(f.t.Context(), "ACL", "SETUSER", "default", "-@scripting").Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			wantAllowed(t, f.replica("calls"), "a", 1, 1)
			spoil(f)
			wantAllowed(t, f.replica("calls"), "a", 11, 10)
			f.wantFallbacks(10)
		})
	}
}

// TestTheRightsThatTheDocumentsNameAreEnough: and no more are needed.
func TestTheRightsThatTheDocumentsNameAreEnough(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must(f.client.Do(t.Context(), "ACL", "SETUSER", "default", "reset", "on", "nopass", "~rate:issuer:*",
		"+eval", "+evalsha", "+get", "+set", "+time").Err())
	l := f.replica("calls")
	wantAllowed(t, l, "a", 9, 9)
	wantAllowed(t, f.replica("calls"), "a", 9, 1)
	wantWait(t, f.replica("calls").Look(t.Context(), tenAnHour, "a"), interval)
	f.wantFallbacks(0)
}

func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) overwrite(value any) {
	for _, name := range f.names() {
		f.must(f.client.Set(f.t.Context(), name, value, time.Hour).Err())
	}
}

// TestAForgedBucketLocksNobodyOut: whoever can write to Redis can leave a bucket there that never drains. Each replica
// counts for itself then.
func TestAForgedBucketLocksNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	wantAllowed(t, f.replica("calls"), "a", 1, 1)
	for _, value := range []string{"9e300", "inf", "1e10", strconv.FormatInt(time.Now().Add(2*time.Hour).Unix()-epoch, 10)} {
		for _, name := range f.names() {
			f.must(f.client.Set(t.Context(), name, value, 0).Err())
		}
		l := f.replica("calls")
		before := f.fallback.Load()
		if wait := l.Look(t.Context(), tenAnHour, "a"); wait != 0 {
			t.Errorf("%s: a look says %v", value, wait)
		}
		wantAllowed(t, l, "a", 12, 10)
		if got := f.fallback.Load() - before; got != 11 { // the last two the replica refuses by itself
			t.Errorf("%s: %d fell back, want 11", value, got)
		}
	}
}

// epoch is what Redis's buckets count from, in seconds: 2017-01-01.
const epoch = 1483228800

// TestAFullBucketIsBelieved: as long as it drains in time.
func TestAFullBucketIsBelieved(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	wantAllowed(t, f.replica("calls"), "a", 1, 1)
	f.overwrite(strconv.FormatInt(time.Now().Add(time.Hour-time.Second).Unix()-epoch, 10))
	wantAllowed(t, f.replica("calls"), "a", 3, 0)
	f.wantFallbacks(0)
}

func TestNamesInRedisTellNobodyWhoIsCounted(t *testing.T) {
	t.Parallel()
	const who = "203.0.113.7"
	f := newFleet(t)
	wantAllowed(t, f.replica("address"), who, 1, 1)
	f.nameKey = func() ([32]byte, error) { return [32]byte{8}, nil }
	wantAllowed(t, f.replica("address"), who, 1, 1)
	f.nameKey = nil
	wantAllowed(t, f.replica("address"), who, 1, 1)
	names := f.names()
	if len(names) != 3 {
		t.Errorf("%d names for three keys: %q", len(names), names)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "rate:issuer:address:v1:") || strings.Contains(name, who) {
			t.Errorf("a bucket is called %q", name)
		}
		if ttl := f.client.TTL(t.Context(), name).Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("a bucket is kept for %v", ttl)
		}
	}
}

// TestStrangersCannotMakeTheMemoryGrow: nor is the one forgotten who keeps calling.
func TestStrangersCannotMakeTheMemoryGrow(t *testing.T) {
	t.Parallel()
	l := ratelimit.New("address", ratelimit.Options{})
	wantAllowed(t, l, "busy", 10, 10)
	for n := range 2 * ratelimit.MaxBuckets {
		l.Take(t.Context(), tenAnHour, strconv.Itoa(n))
		if n%1000 == 0 && l.Take(t.Context(), tenAnHour, "busy") == 0 {
			t.Fatalf("after %d strangers a full bucket is empty", n)
		}
	}
	if n := ratelimit.Buckets(l); n > ratelimit.MaxBuckets || n < ratelimit.MaxBuckets/2 {
		t.Errorf("%d buckets are remembered, of at most %d", n, ratelimit.MaxBuckets)
	}
}

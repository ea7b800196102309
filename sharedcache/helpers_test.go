package sharedcache_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
	"github.com/hasura-issuer/hasura-issuer/sharedcache"
)

func kek(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// bench is a Redis that a test may look into, and caches on it.
type bench struct {
	t      *testing.T
	redis  *redis.Client     // of somebody else with access to Redis
	client sharedcache.Redis // of the caches

	mu  sync.Mutex
	log []string // what was observed
	now time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, redistest.Start(t).URL())
}

func newBenchOn(t *testing.T, redisURL string) *bench {
	t.Helper()
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	// Not one of redisconn: a machine that is busy with tests may be slower than
	// a Redis that is any use.
	client := redis.NewClient(options)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bench{t: t, redis: client, client: client, now: time.Unix(1_800_000_000, 0)}
}

// newImpatientBench is newBenchOn with the connection that the program has.
func newImpatientBench(t *testing.T, redisURL string) *bench {
	t.Helper()
	b := newBenchOn(t, redisURL)
	client, err := redisconn.Open(redisURL, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	b.client = client
	return b
}

// cache returns a replica's cache with these key-encryption keys.
func (b *bench) cache(keks ...string) *sharedcache.Cache {
	b.t.Helper()
	var keys [][32]byte
	for _, name := range keks {
		keys = append(keys, kek(name))
	}
	cache, err := sharedcache.New(b.client, keys, sharedcache.Options{
		Observe: func(purpose string, outcome sharedcache.Outcome) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.log = append(b.log, purpose+" "+string(outcome))
		},
		Now: func() time.Time {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.now
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return cache
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// wantObserved looks at what was observed since the last time.
func (b *bench) wantObserved(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.log, want) {
		b.t.Errorf("observed %q, want %q", b.log, want)
	}
	b.log = nil
}

// wantGet asks for a key and looks at how that went.
func (b *bench) wantGet(from *sharedcache.Purpose, key, value string, outcome sharedcache.Outcome) {
	b.t.Helper()
	got, ok := from.Get(b.t.Context(), key)
	if ok != (outcome == sharedcache.Hit) || string(got) != value {
		b.t.Errorf("Get(%q) = %q, %v, want %q and %s", key, got, ok, value, outcome)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.log) == 0 {
		b.t.Fatal("nothing was observed")
	}
	if last := b.log[len(b.log)-1]; len(b.log) > 1 || !strings.HasSuffix(last, " "+string(outcome)) {
		b.t.Errorf("Get(%q) observed %q, want %s", key, b.log, outcome)
	}
	b.log = nil
}

// names returns all keys in Redis.
func (b *bench) names() []string {
	b.t.Helper()
	names, err := b.redis.Keys(b.t.Context(), "*").Result()
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

// set sets a key and returns where and what it is in Redis.
func (b *bench) set(to *sharedcache.Purpose, key, value string) (name, entry string) {
	b.t.Helper()
	before := b.names()
	to.Set(b.t.Context(), key, []byte(value), time.Hour)
	for _, name := range b.names() {
		if !slices.Contains(before, name) {
			return name, b.read(name)
		}
	}
	b.t.Fatal("nothing new is in Redis")
	panic("unreachable")
}

func (b *bench) read(name string) string {
	b.t.Helper()
	entry, err := b.redis.Get(b.t.Context(), name).Result()
	if err != nil {
		b.t.Fatal(err)
	}
	return entry
}

func (b *bench) write(name, entry string) {
	b.t.Helper()
	if err := b.redis.Set(b.t.Context(), name, entry, time.Hour).Err(); err != nil {
		b.t.Fatal(err)
	}
}

// sent returns how many bytes Redis has sent so far.
func (b *bench) sent() (n int) {
	b.t.Helper()
	stats, err := b.redis.Info(b.t.Context(), "stats").Result()
	if err != nil {
		b.t.Fatal(err)
	}
	_, after, _ := strings.Cut(stats, "total_net_output_bytes:")
	if _, err := fmt.Sscan(after, &n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

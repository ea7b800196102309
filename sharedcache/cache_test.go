package sharedcache_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
	"github.com/hasura-issuer/hasura-issuer/sharedcache"
)

const alice = "tenant/9b1de0c2-alice"

func TestWhatOneReplicaSetsAnotherGets(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, redistest.New(t))
	mine := time.Now().String() // a key of this test alone, should Redis be shared
	one, other := b.cache(mine).For("groups"), b.cache(mine).For("groups")
	b.wantGet(other, alice, "", sharedcache.Miss)
	for _, value := range []string{"g1,g2", "", "g3", strings.Repeat("\x00", sharedcache.MaxValue)} {
		one.Set(t.Context(), alice, []byte(value), time.Hour)
		b.wantObserved()
		b.wantGet(other, alice, value, sharedcache.Hit)
	}
	b.wantGet(other, "tenant/bob", "", sharedcache.Miss)
	b.wantGet(b.cache(mine).For("roles"), alice, "", sharedcache.Miss)
	b.wantGet(b.cache(mine, "another").For("groups"), "", "", sharedcache.Miss)
}

func TestAnEntryEndsInRedisAndByItsOwnTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	groups := b.cache("k1").For("groups")
	for ttl, kept := range map[time.Duration]time.Duration{
		time.Millisecond * 1500:     time.Millisecond * 1500,
		time.Hour:                   time.Hour,
		sharedcache.MaxTTL:          sharedcache.MaxTTL,
		sharedcache.MaxTTL * 1000:   sharedcache.MaxTTL,
		time.Duration(1<<63 - 1):    sharedcache.MaxTTL,
		time.Hour + time.Nanosecond: time.Hour,
	} {
		key := ttl.String()
		groups.Set(t.Context(), key, []byte("g1"), ttl)
		for _, name := range b.names() {
			if left, err := b.redis.PTTL(t.Context(), name).Result(); err != nil || left <= 0 || left > kept {
				t.Errorf("Redis keeps for %v what was set for %v (%v)", left, ttl, err)
			}
			if err := b.redis.Persist(t.Context(), name).Err(); err != nil { // somebody keeps it on purpose
				t.Fatal(err)
			}
		}
		b.pass(kept - time.Millisecond)
		b.wantGet(groups, key, "g1", sharedcache.Hit)
		b.pass(time.Millisecond + time.Microsecond)
		b.wantGet(groups, key, "", sharedcache.Expired)
		if err := b.redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		b.wantGet(groups, key, "", sharedcache.Miss)
	}
}

func TestNothingIsKeptForNoTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	groups := b.cache("k1").For("groups")
	for _, ttl := range []time.Duration{0, -1, -time.Hour} {
		groups.Set(t.Context(), alice, []byte("g1"), ttl)
	}
	if names := b.names(); len(names) > 0 {
		t.Errorf("kept: %q", names)
	}
}

func TestAValueThatIsTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	groups := b.cache("k1").For("groups")
	groups.Set(t.Context(), alice, make([]byte, sharedcache.MaxValue+1), time.Hour)
	b.wantObserved("groups oversize")
	if names := b.names(); len(names) > 0 {
		t.Errorf("kept: %q", names)
	}
	name, entry := b.set(groups, alice, string(make([]byte, sharedcache.MaxValue)))
	b.write(name, entry+"x")
	b.wantGet(groups, alice, "", sharedcache.Oversize)
	b.write(name, strings.Repeat("x", 10<<20))
	before := b.sent()
	b.wantGet(groups, alice, "", sharedcache.Oversize)
	if sent := b.sent() - before; sent > 2*sharedcache.MaxValue {
		t.Errorf("Redis sent %d bytes to find out that they are too many", sent)
	}
}

// Nobody learns from Redis who has which groups, or that two entries are about the same person.
func TestRedisHoldsNeitherKeysNorValuesInTheClear(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const value = "5fe2a4ac-group"
	one, _ := b.set(b.cache("k1").For("groups"), alice, value)
	other, _ := b.set(b.cache("k1").For("roles"), alice, value)
	for purpose, name := range map[string]string{"groups": one, "roles": other} {
		if !regexp.MustCompile(`^issuer:` + purpose + `:v1:[A-Za-z0-9_-]{43}$`).MatchString(name) {
			t.Errorf("the key in Redis is %q", name)
		}
		for _, secret := range []string{alice, value} {
			for _, shown := range []string{secret, hex.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
				if strings.Contains(name+b.read(name), shown) {
					t.Errorf("Redis shows %q", shown)
				}
			}
		}
	}
	if one[len(one)-43:] == other[len(other)-43:] {
		t.Error("entries of two purposes show that they are about the same person")
	}
	if again, _ := b.set(b.cache("k2").For("groups"), alice, value); again == one {
		t.Error("the key in Redis is the same with another key-encryption key, so it can be guessed at")
	}
	groups := b.cache("k1").For("groups")
	before := b.read(one)
	groups.Set(t.Context(), alice, []byte(value), time.Hour)
	if after := b.read(one); after == before {
		t.Error("the same value is sealed to the same bytes")
	}
}

func TestAKeyEncryptionKeyIsExchangedWithoutALoss(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before, during, after := b.cache("old"), b.cache("new", "old"), b.cache("new")
	before.For("groups").Set(t.Context(), alice, []byte("g1"), time.Hour)
	b.wantGet(during.For("groups"), alice, "g1", sharedcache.Hit)
	b.wantGet(after.For("groups"), alice, "", sharedcache.Miss)

	during.For("groups").Set(t.Context(), alice, []byte("g2"), time.Hour)
	b.wantGet(during.For("groups"), alice, "g2", sharedcache.Hit)
	b.wantGet(after.For("groups"), alice, "g2", sharedcache.Hit)
	b.wantGet(b.cache("old", "new").For("groups"), alice, "g1", sharedcache.Hit) // a replica yet to be restarted
}

func TestACacheWantsAKey(t *testing.T) {
	t.Parallel()
	if _, err := sharedcache.New(nil, nil, sharedcache.Options{}); err == nil || !strings.Contains(err.Error(), "key-encryption key") {
		t.Errorf("New without keys = %v", err)
	}
}

func TestOptionsMayBeLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cache, err := sharedcache.New(b.client, [][32]byte{kek("k1")}, sharedcache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	groups := cache.For("groups")
	groups.Set(t.Context(), alice, []byte("g1"), time.Hour)
	if got, ok := groups.Get(t.Context(), alice); string(got) != "g1" || !ok {
		t.Errorf("Get = %q, %v", got, ok)
	}
}

func TestWithoutRedisEverythingIsAMiss(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := newImpatientBench(t, server.URL())
	groups := b.cache("k1").For("groups")
	server.Stop()
	for range 100 { // far more than it takes to give Redis up
		b.wantGet(groups, alice, "", sharedcache.Failed)
		groups.Set(t.Context(), alice, []byte("g1"), time.Hour)
		b.wantObserved("groups failed")
	}
}

func TestABlackHoleIsAMissWithinTheCallersTime(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // connects, and nobody ever reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	b := newImpatientBench(t, "redis://"+listener.Addr().String())
	groups := b.cache("k1").For("groups")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 1000 {
		if _, ok := groups.Get(ctx, alice); ok {
			t.Error("a black hole held a value")
		}
		groups.Set(ctx, alice, []byte("g1"), time.Hour)
	}
	if ctx.Err() != nil {
		t.Error("a minute was not enough to find out that nobody answers")
	}
}

func TestMayBeUsedConcurrently(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cache := b.cache("k1", "k2")
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			groups, key, value := cache.For("groups"), fmt.Sprint(user%4), bytes.Repeat([]byte{byte(user % 4)}, 10_000)
			for range 50 {
				groups.Set(t.Context(), key, value, time.Hour)
				if got, ok := groups.Get(t.Context(), key); ok && !bytes.Equal(got, value) {
					t.Errorf("got the value of another key")
				}
			}
		})
	}
	users.Wait()
}

package sharedcache_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/sharedcache"
)

// Whoever can write to Redis, but has no key-encryption key, gets nothing believed.

func TestAnEntryAlteredAnywhereIsForged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	groups := b.cache("k1").For("groups")
	name, entry := b.set(groups, alice, "g1,g2")
	for i := range entry {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			altered := []byte(entry)
			altered[i] ^= flip
			b.write(name, string(altered))
			b.wantGet(groups, alice, "", sharedcache.Forged)
		}
		b.write(name, entry[:i])
		if i > 0 { // Redis does not tell an empty string from none
			b.wantGet(groups, alice, "", sharedcache.Forged)
		}
		b.write(name, entry[i:]+entry[:i])
		if i > 0 {
			b.wantGet(groups, alice, "", sharedcache.Forged)
		}
	}
	for _, more := range []string{"\x00", "x", entry, strings.Repeat("x", 1000)} {
		b.write(name, entry+more)
		b.wantGet(groups, alice, "", sharedcache.Forged)
		b.write(name, more+entry)
		b.wantGet(groups, alice, "", sharedcache.Forged)
	}
	b.write(name, "g1,g2")
	b.wantGet(groups, alice, "", sharedcache.Forged)
	b.write(name, entry) // as it was
	b.wantGet(groups, alice, "g1,g2", sharedcache.Hit)
}

func TestAnEntryIsGoodForItsOwnKeyAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cache := b.cache("k1")
	groups, roles := cache.For("groups"), cache.For("roles")
	hers, herEntry := b.set(groups, alice, "g-alice")
	his, hisEntry := b.set(groups, "tenant/bob", "g-bob")
	herRoles, herRolesEntry := b.set(roles, alice, "r-alice")

	b.write(hers, hisEntry) // swapped
	b.write(his, herEntry)
	b.wantGet(groups, alice, "", sharedcache.Forged)
	b.wantGet(groups, "tenant/bob", "", sharedcache.Forged)

	b.write(hers, herRolesEntry) // of another purpose
	b.write(herRoles, herEntry)
	b.wantGet(groups, alice, "", sharedcache.Forged)
	b.wantGet(roles, alice, "", sharedcache.Forged)
}

// The border between purpose and key is no place to move.
func TestPurposeAndKeyAreNotOneText(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cache := b.cache("k1")
	one, entry := b.set(cache.For("groups"), "roles", "x")
	other, _ := b.set(cache.For("group"), "sroles", "y")
	if one[len(one)-43:] == other[len(other)-43:] {
		t.Errorf("the keys in Redis are %q and %q", one, other)
	}
	b.write(other, entry)
	b.wantGet(cache.For("group"), "sroles", "", sharedcache.Forged)
	b.wantGet(cache.For("groups"), "roles", "x", sharedcache.Hit)
}

func TestAnEntryOfAnotherKeyEncryptionKeyIsForged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ours, theirs := b.cache("k1").For("groups"), b.cache("k2").For("groups")
	_, entry := b.set(theirs, alice, "admins")
	name, _ := b.set(ours, alice, "g1")
	b.write(name, entry)
	b.wantGet(ours, alice, "", sharedcache.Forged)
	b.wantGet(b.cache("k1", "k2").For("groups"), alice, "", sharedcache.Forged)
}

func TestWhatIsNoTextIsForged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	groups := b.cache("k1").For("groups")
	name, _ := b.set(groups, alice, "g1")
	if err := b.redis.Del(t.Context(), name).Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.redis.RPush(t.Context(), name, "g1").Err(); err != nil {
		t.Fatal(err)
	}
	b.wantGet(groups, alice, "", sharedcache.Forged)
	groups.Set(t.Context(), alice, []byte("g2"), time.Hour) // takes its place
	b.wantGet(groups, alice, "g2", sharedcache.Hit)
}

func TestAnEntryKeptLongerThanMeantIsNotBelieved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	groups := b.cache("k1").For("groups")
	name, entry := b.set(groups, alice, "g1")
	b.pass(time.Hour - time.Microsecond)
	b.wantGet(groups, alice, "g1", sharedcache.Hit)
	b.pass(time.Microsecond)
	b.wantGet(groups, alice, "", sharedcache.Expired)
	b.write(name, entry) // brought back
	b.wantGet(groups, alice, "", sharedcache.Expired)
}

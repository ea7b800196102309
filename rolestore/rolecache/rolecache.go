// Package rolecache answers: what may they be, and was the store asked a moment ago? It stands in front of a store and
// gives answers again for as long as the store is known not to have changed, and for a while when it cannot be asked. It
// does not judge grants either.
package rolecache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const (
	bytesPerCaller = 3 << 9                 // of memory, on average: a caller with eight grants takes them
	patience       = 500 * time.Millisecond // for a store that is slow, where there is an older answer
	rest           = time.Second            // after a failure, in which older answers are given without asking
	askTimeout     = 6 * time.Second        // a bit more than stores give themselves
)

// Store is what the cache stands in front of. An answer comes with the revision that it was read from, in one snapshot.
// Errors that are rolestore.ErrUnavailable mean that the store could not answer. All methods are called concurrently.
type Store interface {
	Look(ctx context.Context, query rolestore.Query) (rolestore.Answer, rolestore.Revision, error)
	NamedGroupsAt(ctx context.Context, tenantID string, most int) (rolestore.NamedGroups, rolestore.Revision, error)
	Revision(ctx context.Context) (rolestore.Revision, error)
}

// Shared is a memory that replicas have in common, which vouches for what comes out of it, such as a sharedcache.Purpose.
// It is called concurrently; one that is ill finds nothing, and quickly.
type Shared interface {
	Get(ctx context.Context, key string) (value []byte, found bool)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration)
}

// Outcome says where an answer came from. Its text is fit for a metric.
type Outcome string

// Where an answer comes from.
const (
	Hit    Outcome = "hit"    // this process had it, and the store is known to be what it was
	Found  Outcome = "shared" // another replica had it
	Asked  Outcome = "asked"  // the store
	Stale  Outcome = "stale"  // this process had it, and the store could not be asked
	Failed Outcome = "failed" // nowhere
)

// Config is what a Cache works with.
type Config struct {
	Store   Store
	Shared  Shared        // nil: none
	TTL     time.Duration // how long an answer is given again without a word from the store
	Stale   time.Duration // how old an answer may be at most while the store cannot be asked; TTL or more
	Callers int           // how many callers are remembered
	// Untracked is for a store whose revision does not tell all that changes: an answer then ages from when it was given.
	Untracked bool
	// Scope names what answers depend on beside the store's content, such as its rules and which database it is: caches
	// that share a memory believe each other's answers where it is the same.
	Scope   string
	Observe func(Outcome)    // told how each question went; nil: nobody
	Now     func() time.Time // nil: time.Now
}

// Cache is safe for concurrent use.
type Cache struct {
	config  Config
	memory  *bounded.Cache[entry]
	flights singleflight.Group
	known   known
	named   named
	failed  atomic.Pointer[time.Time] // when the store last could not answer; nil: it did since
	health  atomic.Pointer[error]     // of the last look by Run; nil: there was none
	sick    atomic.Pointer[illness]   // of the last question about a caller; nil: it was answered
	wake    chan struct{}
}

// illness is why a question could not be answered, and when.
type illness struct {
	err error
	at  time.Time
}

// entry is an answer as it was read. Immutable.
type entry struct {
	packed   string
	revision rolestore.Revision
	asked    time.Time // before the store was
}

// New returns a cache. Somebody has to Run it, or answers are given again for one TTL only.
func New(config Config) *Cache {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Observe == nil {
		config.Observe = func(Outcome) {}
	}
	return &Cache{
		config: config,
		memory: bounded.New[entry](config.Callers, config.Callers*bytesPerCaller),
		wake:   make(chan struct{}, 1),
	}
}

// Grants returns what the store holds about a caller, or held a moment ago: at most for the TTL after it last said that
// nothing has changed, and where it cannot be asked, at most for Stale. It fails as the store does.
func (c *Cache) Grants(ctx context.Context, query rolestore.Query) (rolestore.Answer, error) {
	key, err := query.Fingerprint()
	if err != nil {
		return rolestore.Answer{}, err
	}
	packed, err := c.get(ctx, key, func(ctx context.Context) (string, rolestore.Revision, error) {
		answer, revision, err := c.look(ctx, query, c.known.load())
		return packAnswer(answer), revision, err
	})
	if err != nil {
		return rolestore.Answer{}, err
	}
	return unpackAnswer(packed)
}

// NamedGroups returns the groups that grants of a tenant name, as many as most of them, under the same terms as Grants.
func (c *Cache) NamedGroups(ctx context.Context, tenantID string, most int) (rolestore.NamedGroups, error) {
	question := binary.AppendUvarint([]byte("groups named in "+strings.ToLower(tenantID)+" "), uint64(max(0, most)))
	packed, err := c.get(ctx, sha256.Sum256(question), func(ctx context.Context) (string, rolestore.Revision, error) {
		groups, revision, err := c.config.Store.NamedGroupsAt(ctx, tenantID, most)
		return packGroups(groups), revision, err
	})
	if err != nil {
		return rolestore.NamedGroups{}, err
	}
	return unpackGroups(packed)
}

// look asks the store one question.
type look func(ctx context.Context) (packed string, revision rolestore.Revision, err error)

// get answers from memory where it may, and else asks, together with all who ask the same.
func (c *Cache) get(ctx context.Context, key bounded.Key, ask look) (string, error) {
	held, found := c.memory.Get(key)
	now, known := c.config.Now(), c.known.load()
	if found && c.fresh(held, known, now) {
		c.config.Observe(Hit)
		return held.packed, nil
	}
	usable := found && now.Sub(c.lastTrue(held, known)) <= c.config.Stale
	if usable && c.resting(now) {
		c.config.Observe(Stale)
		return held.packed, nil
	}
	answer, err := c.join(ctx, key, known, ask, usable)
	switch {
	case err == nil:
		c.config.Observe(answer.from)
		return answer.packed, nil
	case usable && mayPass(err):
		c.config.Observe(Stale)
		return held.packed, nil
	default:
		c.config.Observe(Failed)
		return "", err
	}
}

// fresh tells whether an answer counts as if the store had just given it.
func (c *Cache) fresh(e entry, known *sighting, now time.Time) bool {
	return known.holds(e.revision) && now.Sub(c.lastTrue(e, known)) < c.config.TTL
}

// lastTrue returns when an answer was last known to be what the store says.
func (c *Cache) lastTrue(e entry, known *sighting) time.Time {
	if c.config.Untracked {
		return e.asked
	}
	return known.confirmed(e)
}

// resting tells whether the store failed so lately that it is not asked again for somebody who has an older answer.
func (c *Cache) resting(now time.Time) bool {
	failed := c.failed.Load()
	return failed != nil && now.Sub(*failed) < rest
}

// errSlow is for those who have an older answer and do not wait for a store that takes its time.
var errSlow = errors.New("the role store takes its time")

// mayPass tells whether an error is one of the weather. A row that must not be acted on is not: what is there has changed.
func mayPass(err error) bool {
	return errors.Is(err, errSlow) || (errors.Is(err, rolestore.ErrUnavailable) && !errors.Is(err, rolestore.ErrBrokenRow))
}

// answer is what a flight brings back.
type answer struct {
	packed string
	from   Outcome
}

// join waits for an answer that is under way, or asks for one. Who has learned of a change since does not join those who
// asked before it.
func (c *Cache) join(ctx context.Context, key bounded.Key, known *sighting, ask look, usable bool) (answer, error) {
	flight := c.flights.DoChan(string(key[:])+string(known.name()), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		return c.fetch(ctx, key, known, ask)
	})
	var enough <-chan time.Time
	if usable {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case done := <-flight:
		found, _ := done.Val.(answer)
		return found, done.Err
	case <-enough:
		return answer{}, errSlow
	case <-ctx.Done():
		return answer{}, errors.Join(rolestore.ErrUnavailable, context.Cause(ctx))
	}
}

// fetch asks the other replicas' memory and then the store, and remembers the answer.
func (c *Cache) fetch(ctx context.Context, key bounded.Key, known *sighting, ask look) (answer, error) {
	if e, found := c.fromShared(ctx, key, known); found {
		c.remember(key, e)
		return answer{e.packed, Found}, nil
	}
	asked := c.config.Now()
	packed, revision, err := ask(ctx)
	if err != nil {
		if mayPass(err) {
			now := c.config.Now()
			c.failed.Store(&now)
			c.sick.Store(&illness{err, now})
		}
		return answer{}, err
	}
	c.failed.Store(nil)
	c.sick.Store(nil)
	c.known.observe(revision, asked, c.config.Now())
	e := entry{packed, revision, asked}
	c.remember(key, e)
	c.toShared(ctx, key, e)
	return answer{packed, Asked}, nil
}

// Entries returns how many answers are remembered.
func (c *Cache) Entries() int {
	entries, _ := c.memory.Size()
	return entries
}

func (c *Cache) remember(key bounded.Key, e entry) {
	const around = 192 // of an entry and the memory's own
	c.memory.Put(key, e, len(e.packed)+around)
}

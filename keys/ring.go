package keys

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// ErrUnavailable is what Sign and JWKS return while there is no ring, or none
// that may be relied on: nothing was ever loaded, the store was not seen for too
// long, the clock is off. It is not the caller's fault, and may pass.
var ErrUnavailable = errors.New("the signing keys are not available")

const (
	syncEvery   = 15 * time.Second // so a revocation is known everywhere after that, the store willing
	syncJitter  = 3 * time.Second  // less than that: replicas started together do not ask together
	syncPause   = time.Second / 4  // however often Run is woken: anybody who may connect to a database can notify
	firstRetry  = time.Second      // while nothing was ever loaded; doubles up to syncEvery
	loadTimeout = 10 * time.Second // a longer round-trip would tell too little about the store's clock
	syncRounds  = 5                // one to write, one to see it; more where others write meanwhile
	syncTimeout = 40 * time.Second // more than a store takes at most, and than three RSA keys do
)

// RingConfig is what a Ring works with.
type RingConfig struct {
	Store   Store
	Sealer  *Sealer // nil: private keys are in the clear, where the store allows it
	Policy  Policy
	Now     func() time.Time // nil: time.Now
	Auto    bool             // rotate; otherwise somebody else runs Rotate
	Name    string           // of this replica, as witnesses bear it, unique; "": it leaves no trace
	Parties []string         // the relying parties to keep count of, see JWKS
}

// Ring signs with the ring of a store, and publishes it, from memory.
type Ring struct {
	config  RingConfig
	parties parties
	view    atomic.Pointer[view]  // nil until something was loaded
	failed  atomic.Pointer[error] // of the last Sync; nil when it went well
	wake    chan struct{}

	mu       sync.Mutex // one Sync at a time; guards what follows
	followed int64      // the adoption up to which the store is trusted whatever was held before
	told     Witness    // of this replica, what the store was last told
}

// NewRing returns a ring that has loaded nothing yet; it does no I/O. An
// invalid policy is an error, and so is a shared store without a sealer.
func NewRing(config RingConfig) (*Ring, error) {
	if err := errors.Join(config.Policy.Validate(), checkSealed(config.Store, config.Sealer)); err != nil {
		return nil, err
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Ring{config: config, parties: newParties(config.Parties), wake: make(chan struct{}, 1)}, nil
}

// Run keeps the ring in step with the store until ctx ends: at once, whenever it
// is woken, and at least every 15 s, but never more than four times a second; while nothing was ever loaded, sooner. Each
// failure goes to report, and so does each alarm when it begins, and nil once all of that is over; report must be quick.
func (r *Ring) Run(ctx context.Context, report func(error)) {
	defer r.leave(ctx)
	retry := firstRetry
	var known trouble
	for {
		known = r.look(ctx, known, report)
		pause := time.After(syncPause)
		wait := syncEvery - rand.N(syncJitter) //nolint:gosec // G404: spreads load, keeps no secret
		if r.view.Load() == nil {
			wait, retry = retry, min(2*retry, syncEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			select {
			case <-ctx.Done():
				return
			case <-pause:
			}
		case <-time.After(wait):
		}
	}
}

// trouble is what Run has reported and was not over yet.
type trouble struct {
	failed bool
	alarms []*Alarm
}

// look syncs once, and reports what is new beside what is known.
func (r *Ring) look(ctx context.Context, known trouble, report func(error)) trouble {
	err := r.Sync(ctx)
	if err != nil && ctx.Err() == nil {
		report(err)
	}
	now := trouble{err != nil, reportNew(known.alarms, r.Alarms(), report)}
	if over := !now.failed && len(now.alarms) == 0; over && (known.failed || len(known.alarms) > 0) {
		report(nil)
	}
	return now
}

// Wake has Run look at the store now. It returns at once; many calls together count as one.
func (r *Ring) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Sync does once what Run does: rotates what is due (with Auto), promises what
// the policy needs, and takes over what the store holds. After an error the
// ring is what it was, or newer. May be called at any time, beside Run too.
func (r *Ring) Sync(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	err := r.sync(ctx)
	r.failed.Store(&err)
	if _, disputes := errors.AsType[*disputeError](err); err == nil || disputes {
		r.testify(ctx, err)
	}
	return err
}

// sync adopts before it writes wherever it may, so that a store that can only be
// read keeps replicas going, and loads again after it wrote: only what was
// stored after the promises stands on them.
func (r *Ring) sync(ctx context.Context) error {
	for range syncRounds {
		due, err := r.refresh(ctx)
		if err != nil || !due {
			return err
		}
		err = r.write(ctx, func(s State) (Change, error) {
			if err := r.trust(s); err != nil {
				return Change{}, err
			}
			return r.wanted(s)
		})
		if err != nil {
			return err
		}
	}
	return errors.New("the ring was changed by others as often as it was read")
}

// refresh loads the ring, adopts it where the promises that this replica needs
// stand already, and tells whether there is something to write.
func (r *Ring) refresh(ctx context.Context) (due bool, err error) {
	s, seen, err := r.load(ctx)
	if err != nil {
		return false, err
	}
	if err := r.trust(s); err != nil {
		return r.settle(ctx, s, err)
	}
	if len(s.Keys) > 0 && pledge(s, r.config.Policy).Empty() {
		if err := r.adopt(s, seen); err != nil {
			return false, err
		}
	}
	wanted, err := r.wanted(s)
	if err != nil || wanted.Empty() {
		return false, err
	}
	return true, seen.clockOff(r.config.Now())
}

// load asks the store, and the clock before and after it.
func (r *Ring) load(ctx context.Context) (State, sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	asked := r.config.Now()
	s, err := load(ctx, r.config.Store, r.config.Sealer)
	if err != nil {
		return State{}, sighting{}, err
	}
	return s, sighted(asked, r.config.Now(), s.Now), nil
}

// errNoRing is all there is to say while nobody has made the ring.
var errNoRing = publicError("the key store holds no ring yet, and rotation is left to others: run `issuer keys rotate`")

// publicError is an error that anybody may see.
type publicError string

func (e publicError) Error() string { return string(e) }

// Public is the same.
func (e publicError) Public() string { return string(e) }

// wanted returns what this replica would write.
func (r *Ring) wanted(s State) (Change, error) {
	switch {
	case r.config.Auto && s.unsettled(0) == nil:
		return step(s, r.config.Policy)
	case len(s.Keys) > 0:
		return pledge(s, r.config.Policy), nil
	case s.Founded:
		return Change{}, errLost
	default:
		return Change{}, errNoRing
	}
}

// write makes the change that this replica wants.
func (r *Ring) write(ctx context.Context, decide func(State) (Change, error)) error {
	_, err := operation{r.config.Store, r.config.Sealer, r.config.Policy.Alg, decide}.run(ctx)
	return err
}

// adopt makes a loaded state the one to serve.
func (r *Ring) adopt(s State, seen sighting) error {
	at := seen.at(r.config.Now())
	var known map[string]*keypair.Pair
	if v := r.view.Load(); v != nil {
		known = v.pairs
		// Two estimates of the store's clock differ by parts of a round-trip. A key
		// that was dropped by one must not be back by the other.
		if ahead := v.at.Sub(at); ahead > 0 && ahead <= Skew {
			at = v.at
		}
	}
	snap, err := newSnapshot(s, seen, r.config.Sealer, r.config.Policy, known)
	if err != nil {
		return err
	}
	snap.since = at
	if before := r.view.Load(); before != nil {
		snap.since = before.since
	}
	v, err := snap.view(at)
	if err != nil {
		return err
	}
	r.view.Store(v)
	return nil
}

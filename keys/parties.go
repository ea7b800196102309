package keys

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// parties keeps count of who fetched the key set here: the last fetch of each relying party, nil before the first.
// Names are settled at the start, so counting takes no lock.
type parties map[string]*atomic.Pointer[fetch]

type fetch struct {
	at         time.Time // by the store's clock
	generation int64     // the newest of the set
	version    int64
}

func newParties(names []string) parties {
	p := make(parties)
	for _, name := range names {
		p[name] = new(atomic.Pointer[fetch])
	}
	return p
}

// fetched notes that a party was given a view.
func (p parties) fetched(name string, v *view, now time.Time) {
	if last, known := p[name]; known {
		last.Store(&fetch{at: v.clock.at(now), generation: v.newest, version: v.state.Version})
	}
}

// testify tells the store what this replica holds, why it does not follow it, if it does not, and who fetched from it.
// What cannot be told now is told the next time.
func (r *Ring) testify(ctx context.Context, cause error) {
	v := r.view.Load()
	if v == nil || r.config.Name == "" {
		return
	}
	me := Witness{
		Kind: Replica, Name: r.config.Name, Generation: v.state.newest().Generation, Version: v.state.Version,
		SeenAt: StoreTime(v.clock.at(r.config.Now())),
	}
	if cause != nil {
		me.Alarm = cause.Error()
	}
	if me.says() == r.told.says() && me.SeenAt.Sub(r.told.SeenAt) < tellAgain {
		return
	}
	if r.config.Store.Witness(ctx, append(r.parties.witnesses(), me)) == nil {
		r.told = me
	}
}

// tellAgain is how long the store is not told the same again, or whoever makes a replica look would make it write.
const tellAgain = 10 * time.Second

// says is a witness without its time.
func (w Witness) says() Witness {
	w.SeenAt = time.Time{}
	return w
}

func (p parties) witnesses() []Witness {
	var all []Witness
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if last := p[name].Load(); last != nil {
			all = append(all, Witness{
				Kind: RelyingParty, Name: name, Generation: last.generation, Version: last.version, SeenAt: StoreTime(last.at),
			})
		}
	}
	return all
}

// leaveTimeout is short: the process is about to end, and others forget it by themselves in an hour.
const leaveTimeout = 2 * time.Second

// leave tells the store that this replica will not hold the ring any more.
func (r *Ring) leave(ctx context.Context) {
	v := r.view.Load()
	if v == nil || r.config.Name == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	_ = r.config.Store.Witness(ctx, []Witness{{
		Kind: Replica, Name: r.config.Name, Generation: v.state.newest().Generation,
		SeenAt: StoreTime(v.clock.at(r.config.Now())),
	}})
}

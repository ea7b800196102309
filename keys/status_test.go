package keys_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// alarms returns what a ring worries about, as one text.
func alarms(ring *keys.Ring) string {
	var all []string
	for _, alarm := range ring.Alarms() {
		all = append(all, alarm.Error())
	}
	return strings.Join(all, "\n")
}

func TestTheStatusOfARingThatWasNeverLoadedIsZero(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	ring := newRing(t, keys.RingConfig{Store: keystore.NewMemory(c.now), Now: c.now, Parties: []string{"v2"}})
	if status := ring.Status(); status.Loaded || status.Generation != 0 || len(ring.Alarms()) != 0 {
		t.Errorf("got %+v, %q", status, alarms(ring))
	}
}

func TestTheStatusTellsWhereTheRingStands(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now})
	syncRing(t, ring)
	c.advance(policy.Period + time.Minute)
	want := keys.Status{
		Loaded: true, Generation: 2, HandOver: start.Add(2 * policy.Period), Pending: 1, Published: 3, Version: 1,
		Age: policy.Period + time.Minute, Stale: policy.Stale(), Overdue: time.Minute,
	}
	got := ring.Status()
	got.Parties = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestARotationThatNobodyMakesIsAnAlarmLongBeforeItIsAnOutage(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now})
	for _, test := range []struct {
		after   time.Duration
		alarmed bool
	}{
		{policy.Period - time.Minute, false},                // nothing is missing yet
		{policy.Period + policy.Period/2, false},            // a cron may be late by this much
		{policy.Period + policy.Period/2 + time.Hour, true}, // one key is still pending
		{2*policy.Period + time.Minute, true},               // the second hand-over mends nothing
		{3 * policy.Period, true},                           // and now none is
	} {
		c.at = start.Add(test.after)
		syncRing(t, ring)
		if got := strings.Contains(alarms(ring), "overdue"); got != test.alarmed {
			t.Errorf("after %v: alarmed %v, want %v: %q", test.after, got, test.alarmed, alarms(ring))
		}
		if signer(t, ring) == "" {
			t.Errorf("after %v nobody signs", test.after)
		}
	}
	rotate(t, store, policy)
	syncRing(t, ring)
	if got := alarms(ring); got != "" {
		t.Errorf("after the rotation: %q", got)
	}
}

func TestARotationThatWaitsForAReplicaIsAnAlarm(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	syncRing(t, ring)
	version := keystest.Load(t, store).Version
	keystest.Change(t, store, func(keys.State) keys.Change { return keys.Change{Adopt: true} })
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{
		Kind: keys.Replica, Name: "lost", Generation: 3, Version: version, Alarm: "it went back", SeenAt: c.now(),
	}}))
	syncRing(t, ring)
	if got := alarms(ring); !strings.Contains(got, "rotation waits for a replica") || ring.Status().Disputed {
		t.Errorf("alarms %q, disputed %v", got, ring.Status().Disputed)
	}
	s := keystest.Load(t, store)
	if _, err := keys.FinishAdoption(t.Context(), store, nil, policy, 0); err == nil || !strings.Contains(err.Error(), "replica lost") {
		t.Errorf("the adoption ends: %v", err)
	}
	keystest.Must(t, keys.Abandon(t.Context(), store, s, s.Unsettled(0)))
	if _, err := keys.FinishAdoption(t.Context(), store, nil, policy, 0); err != nil {
		t.Errorf("the adoption does not end: %v", err)
	}
	syncRing(t, ring)
	if got := alarms(ring); got != "" {
		t.Errorf("alarms %q", got)
	}
}

// A replica that may go on for days without the store counts for as long.
func TestAReplicaCountsForAsLongAsItMayBeStale(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	slow := policy
	slow.Lead, slow.Period = 20*time.Hour, 24*time.Hour
	rotate(t, store, slow)
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "a", Generation: 3, Version: 1, SeenAt: c.now()}}))
	for after, want := range map[time.Duration]int{slow.Stale(): 1, slow.Stale() + 2*keys.Skew: 0} {
		c.at = start.Add(after)
		if got := keystest.Load(t, store).Replicas(); len(got) != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
}

// What others say is a dispute too, as metrics show it.
func TestADisputeOfOthersIsOne(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	syncRing(t, ring)
	s := keystest.Load(t, store)
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{
		Kind: keys.Replica, Name: "other", Generation: 3, Version: s.Version + 1, Alarm: "it went back", SeenAt: c.now(),
	}}))
	if err := ring.Sync(t.Context()); err == nil || !ring.Status().Disputed {
		t.Errorf("error %v, disputed %v", err, ring.Status().Disputed)
	}
}

func TestARelyingPartyThatStoppedFetchingIsNamedByEveryReplica(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	var rings []*keys.Ring
	for _, name := range []string{"one", "two"} {
		rings = append(rings, newRing(t, keys.RingConfig{
			Store: store, Now: c.now, Auto: true, Name: name, Parties: []string{"engine", "never"},
		}))
	}
	meet := func() { // once to tell, once to hear what the other one told
		c.advance(10 * time.Second) // sooner nobody tells the same again
		for range 2 {
			for _, ring := range rings {
				syncRing(t, ring)
			}
		}
	}
	meet()
	fetched := c.now()
	if _, _, err := rings[0].JWKS("engine"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := rings[0].JWKS("a stranger"); err != nil {
		t.Fatal(err)
	}
	meet()
	for i, ring := range rings {
		parties := ring.Status().Parties
		if len(parties) != 2 || parties[0].Name != "engine" || !parties[0].FetchedAt.Equal(fetched) || parties[0].Generation != 3 || parties[0].Late {
			t.Errorf("replica %d: %+v", i, parties)
		}
		if len(parties) == 2 && (!parties[1].FetchedAt.IsZero() || parties[1].Late) {
			t.Errorf("replica %d: who has never fetched is %+v", i, parties[1])
		}
	}
	c.advance(2*policy.MaxAge + policy.CDNTTL + time.Minute + time.Second)
	meet()
	for i, ring := range rings {
		got := alarms(ring)
		if want := "engine has stopped fetching the key set at " + fetched.Format(time.RFC3339) + ": it holds generation 3, and refuses tokens once a newer one signs"; got != "the relying party "+want {
			t.Errorf("replica %d: %q", i, got)
		}
		for _, alarm := range ring.Alarms() {
			if strings.Contains(alarm.Public(), "engine") {
				t.Errorf("replica %d tells everybody: %q", i, alarm.Public())
			}
		}
	}
	if _, _, err := rings[1].JWKS("engine"); err != nil { // from the other one this time
		t.Fatal(err)
	}
	meet()
	for i, ring := range rings {
		if got := alarms(ring); got != "" {
			t.Errorf("replica %d: %q", i, got)
		}
	}
}

func TestARelyingPartyThatIsLateIsJudgedByWhatItHolds(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true, Name: "a", Parties: []string{"engine"}})
	syncRing(t, ring)
	if _, _, err := ring.JWKS("engine"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		after time.Duration // of the first boot; generation n signs from n-1 periods on
		want  string
	}{
		{policy.Period - time.Minute, "it holds generation 3, and refuses tokens once a newer one signs"},
		{3*policy.Period - time.Minute, "it holds generation 3, and refuses tokens once a newer one signs"},
		{3*policy.Period + time.Minute, "it holds generation 3, and refuses the tokens of generation 4, which signs"},
	} {
		for c.at.Before(start.Add(test.after)) {
			c.at = start.Add(min(c.at.Sub(start)+policy.Period/2, test.after))
			syncRing(t, ring)
		}
		if got := alarms(ring); !strings.HasSuffix(got, test.want) {
			t.Errorf("after %v: %q, want %q", test.after, got, test.want)
		}
	}
}

func TestARelyingPartyThatNeverFetchesIsNamedOnceItHadTime(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(100 * policy.Period) // the ring is old, this replica is not
	rotate(t, store, policy)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true, Name: "a", Parties: []string{"engine"}})
	syncRing(t, ring)
	c.advance(policy.Lead)
	syncRing(t, ring)
	if got := alarms(ring); got != "" {
		t.Errorf("after the lead: %q", got)
	}
	c.advance(time.Second)
	syncRing(t, ring)
	if got := alarms(ring); !strings.Contains(got, "engine has never fetched the key set under its name (?rp=engine)") {
		t.Errorf("after it: %q", got)
	}
	if got := ring.Alarms(); len(got) != 1 || strings.Contains(got[0].Public(), "engine") {
		t.Errorf("everybody is told: %v", got)
	}
	if _, _, err := ring.JWKS("engine"); err != nil {
		t.Fatal(err)
	}
	if got := alarms(ring); got != "" {
		t.Errorf("once it has: %q", got)
	}
}

func TestReplicasAreOnRecordWhileTheyRun(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	for _, name := range []string{"a", "b"} {
		syncRing(t, newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true, Name: name}))
	}
	syncRing(t, newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})) // without a name it leaves no trace
	s := keystest.Load(t, store)
	if live := s.Replicas(); len(live) != 2 || live[0].Name != "a" || live[0].Generation != 3 || live[0].Version != s.Version {
		t.Errorf("on record: %+v", live)
	}
	if behind := s.Unconfirmed(s.Version); len(behind) != 0 {
		t.Errorf("behind: %+v", behind)
	}
	if behind := s.Unconfirmed(s.Version + 1); len(behind) != 2 {
		t.Errorf("behind a version that nobody holds yet: %+v", behind)
	}
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "c", Generation: 3, Version: s.Version + 7, SeenAt: c.now()}}))
	if behind := keystest.Load(t, store).Unconfirmed(s.Version); len(behind) != 1 || behind[0].Name != "c" {
		t.Errorf("behind, as it holds a ring of another past: %+v", behind)
	}
	c.advance(time.Hour)
	if live := keystest.Load(t, store).Replicas(); len(live) != 0 {
		t.Errorf("an hour later: %+v", live)
	}
}

package keys_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

const day = 24 * time.Hour

// phases writes what each key is, oldest first, in one letter each.
func phases(s keys.State, now time.Time) string {
	letters := map[keys.Phase]string{
		keys.Pending: "p", keys.Signing: "S", keys.Retiring: "r", keys.Dropped: "-", keys.Revoked: "x",
	}
	var all strings.Builder
	for _, info := range keys.List(s, now) {
		all.WriteString(letters[info.State])
	}
	return all.String()
}

// founded returns a store with a ring of three keys, founded at start.
func founded(tb keystest.TB) (*keystore.Memory, *clock) {
	tb.Helper()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	rotate(tb, store, policy)
	return store, c
}

func TestARingThatNobodyTouchesMovesByTheClockAlone(t *testing.T) {
	t.Parallel()
	store, _ := founded(t)
	s := keystest.Load(t, store)
	for _, test := range []struct {
		after time.Duration
		want  string
	}{
		{-time.Hour, "Spp"}, // a clock that was set back: the first in line signs
		{0, "Spp"},
		{day - time.Microsecond, "Spp"},
		{day, "rSp"},
		{day + 61*time.Minute - time.Microsecond, "rSp"},
		{day + 61*time.Minute, "-Sp"},
		{2 * day, "-rS"},
		{2*day + 61*time.Minute, "--S"},
		{365 * day, "--S"}, // nobody rotates: the last one goes on
	} {
		if got := phases(s, start.Add(test.after)); got != test.want {
			t.Errorf("after %v the keys are %q, want %q", test.after, got, test.want)
		}
	}
}

func TestARevokedKeyIsOutAndItsNeighboursAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		revoke int64
		at     time.Duration
		want   map[time.Duration]string
	}{
		"the signing one: the next takes over at once": {1, 12 * time.Hour, map[time.Duration]string{
			0: "xSp", 12 * time.Hour: "xSp", 36 * time.Hour: "xrS",
		}},
		"the signing one: a retired key does not come back": {2, day + 30*time.Minute, map[time.Duration]string{
			0: "rxSp", 31*time.Minute - time.Microsecond: "rxSp", 31 * time.Minute: "-xSp", 47*time.Hour + 30*time.Minute: "-xrS",
		}},
		"a pending one: its predecessor signs on until the next": {2, 12 * time.Hour, map[time.Duration]string{
			0: "Sxp", 12 * time.Hour: "Sxp", 36 * time.Hour: "rxS", 36*time.Hour + 61*time.Minute: "-xS",
		}},
		"a retiring one": {1, day + time.Minute, map[time.Duration]string{
			0: "xSpp", 23 * time.Hour: "xSpp", 23*time.Hour + 59*time.Minute: "xrSp",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, c := founded(t)
			c.advance(test.at)
			if test.at > day {
				rotate(t, store, policy)
			}
			s := keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, test.revoke, time.Hour) })
			for after, want := range test.want {
				if got := phases(s, c.at.Add(after)); got != want {
					t.Errorf("%v after the revocation the keys are %q, want %q", after, got, want)
				}
			}
		})
	}
}

func TestASetWhoseTurnsAreOutOfOrderIsPublishedWithTheSigningKeyFirst(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	rotate(t, store, policy)
	s := keystest.Load(t, store)
	rows := s.Keys // as after a store's clock was set back by two days
	for i := range rows {
		rows[i].PublishedAt = start.Add(day)
		rows[i].SignsFrom = start.Add(3*day - time.Duration(i)*time.Hour)
	}
	odd := keystore.NewMemory(c.now)
	keystest.Change(t, odd, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: rows} })
	ring := newRing(t, keys.RingConfig{Store: odd, Now: c.now, Auto: true})
	syncRing(t, ring)
	if got := kids(t, ring); len(got) != 3 || got[0] != rows[2].KID || signer(t, ring) != rows[2].KID {
		t.Errorf("the set is %v, want the key whose turn comes first, %s, to sign and to be the first", got, rows[2].KID)
	}
}

func TestTheListTellsOfARevokedKeyWhenItHadRetired(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(day + 30*time.Minute)
	s := keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, 1, time.Hour) })
	k := keys.List(s, c.at)[0]
	if k.RetiresAt == nil || !k.RetiresAt.Equal(start.Add(day)) || k.DroppedAt != nil {
		t.Errorf("it retired at %v and was dropped at %v, want %v and never", k.RetiresAt, k.DroppedAt, start.Add(day))
	}
}

func TestTheListSaysWhatIsKnownAndNullForTheRest(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(day + 500*time.Millisecond)
	rotate(t, store, policy)
	c.advance(time.Hour)
	s := keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, 2, time.Hour) })
	text, err := json.Marshal(keys.List(s, c.at))
	keystest.Must(t, err)
	var got []map[string]any
	keystest.Must(t, json.Unmarshal(text, &got))
	for _, k := range got {
		if kid, ok := k["kid"].(string); !ok || len(kid) != 43 {
			t.Errorf("a kid is %v, want a thumbprint of 43 characters", k["kid"])
		}
		delete(k, "kid")
	}
	want := []map[string]any{
		{
			"generation": 1.0, "alg": "ES256", "state": "retiring", "published_at": "2026-03-01T12:00:00Z",
			"signs_from": "2026-03-01T12:00:00Z", "retires_at": "2026-03-02T12:00:00Z", "dropped_at": "2026-03-02T13:01:00Z",
			"revoked_at": nil, "reason": nil,
		},
		{
			"generation": 2.0, "alg": "ES256", "state": "revoked", "published_at": "2026-03-01T12:00:00Z",
			"signs_from": "2026-03-02T12:00:00Z", "retires_at": nil, "dropped_at": nil,
			"revoked_at": "2026-03-02T13:00:00Z", "reason": "test",
		},
		{
			"generation": 3.0, "alg": "ES256", "state": "signing", "published_at": "2026-03-01T12:00:00Z",
			"signs_from": "2026-03-02T13:00:00Z", "retires_at": "2026-03-04T12:00:00Z", "dropped_at": "2026-03-04T13:01:00Z",
			"revoked_at": nil, "reason": nil,
		},
		{
			"generation": 4.0, "alg": "ES256", "state": "pending", "published_at": "2026-03-02T12:00:00Z",
			"signs_from": "2026-03-04T12:00:00Z", "retires_at": nil, "dropped_at": nil,
			"revoked_at": nil, "reason": nil,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
	if empty, err := json.Marshal(keys.List(keys.State{}, start)); err != nil || string(empty) != "[]" {
		t.Errorf("the list of nothing is %s, %v; want []", empty, err)
	}
}

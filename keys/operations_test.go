package keys_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// ringAt returns a ring of three keys on a store of its own, founded the time given ago.
func ringAt(t *testing.T, age time.Duration) (*keystore.Memory, *clock) {
	t.Helper()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	rotate(t, store, policy)
	c.advance(age)
	return store, c
}

// wantEarly fails unless the error is a TooEarlyError with this moment.
func wantEarly(t *testing.T, err error, from time.Time) {
	t.Helper()
	early, ok := errors.AsType[*keys.TooEarlyError](err)
	if !ok || !early.From.Equal(from) || !strings.Contains(err.Error(), from.Format(time.RFC3339)) {
		t.Errorf("got error %v, want one that names %v", err, from)
	}
}

func TestAHandOverIsBroughtForwardWhereEveryEngineKnowsTheNextKey(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, policy.Lead-time.Microsecond)
	_, err := keys.HandOver(t.Context(), store, nil, policy, false)
	wantEarly(t, err, start.Add(policy.Lead))
	if got := phases(keystest.Load(t, store), c.now()); got != "Spp" {
		t.Errorf("a refusal left %s", got)
	}
	c.advance(time.Microsecond)
	result, err := keys.HandOver(t.Context(), store, nil, policy, false)
	if err != nil || len(result.Moved) != 1 || result.Moved[0].Generation != 2 || len(result.Inserted) != 1 {
		t.Fatalf("got %+v, %v; want generation 2 moved and one inserted", result, err)
	}
	if got := phases(keystest.Load(t, store), c.now()); got != "rSpp" {
		t.Errorf("the ring is %s", got)
	}
}

func TestAForcedHandOverIsDoneBeforeEnginesKnowTheKey(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, time.Minute)
	if _, err := keys.HandOver(t.Context(), store, nil, policy, true); err != nil {
		t.Fatal(err)
	}
	if got := phases(keystest.Load(t, store), c.now()); got != "rSpp" {
		t.Errorf("the ring is %s", got)
	}
}

func TestNothingForcesASixthKeyIntoTheSet(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, policy.Lead)
	for range 2 {
		if _, err := keys.HandOver(t.Context(), store, nil, policy, true); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Minute)
	}
	_, err := keys.HandOver(t.Context(), store, nil, policy, true)
	wantEarly(t, err, start.Add(policy.Lead+policy.Hold()))
	c.advance(policy.Hold())
	if _, err := keys.HandOver(t.Context(), store, nil, policy, false); err != nil {
		t.Errorf("once the first one is dropped: %v", err)
	}
}

func TestTheSigningKeyIsRevokedTwiceInARowAndNotAThirdTime(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, policy.Lead)
	for generation := int64(1); generation <= 2; generation++ {
		result, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: stored(t, store, generation), Reason: "leaked"})
		if err != nil || len(result.Revoked) != 1 || len(result.Moved) != 1 || result.Moved[0].Generation != generation+1 {
			t.Fatalf("got %+v, %v; want generation %d revoked and the next one in its place", result, err, generation)
		}
		k := keystest.Load(t, store).Keys[generation-1]
		if k.Reason != "leaked" || k.Private != "" || !k.RevokedAt.Equal(c.now()) {
			t.Errorf("the row says %q, %v, %v", k.Reason, k.Private, k.RevokedAt)
		}
	}
	if got := phases(keystest.Load(t, store), c.now()); got != "xxSpp" {
		t.Errorf("the ring is %s", got)
	}
	third := keys.Revocation{KID: stored(t, store, 3), Reason: "leaked"}
	_, err := keys.Revoke(t.Context(), store, nil, policy, third)
	wantEarly(t, err, start.Add(2*policy.Lead))
	third.Force = true
	if _, err := keys.Revoke(t.Context(), store, nil, policy, third); err != nil {
		t.Fatal(err)
	}
	if got := phases(keystest.Load(t, store), c.now()); got != "xxxSpp" {
		t.Errorf("the ring is %s", got)
	}
}

func TestWhatCannotBeRevokedIsSaid(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, policy.Lead)
	for range 3 {
		c.advance(policy.Period)
		rotate(t, store, policy)
	}
	tests := map[string]struct {
		revocation keys.Revocation
		want       string
	}{
		"no such key":     {keys.Revocation{KID: "x", Reason: "leaked"}, "no key of that kid"},
		"a key long gone": {keys.Revocation{KID: stored(t, store, 1), Reason: "leaked"}, "nothing to revoke"},
		"no reason":       {keys.Revocation{KID: stored(t, store, 4)}, "a reason"},
		"a novel":         {keys.Revocation{KID: stored(t, store, 4), Reason: strings.Repeat("x", 201)}, "200 bytes"},
	}
	before := keystest.Load(t, store)
	for name, test := range tests {
		if _, err := keys.Revoke(t.Context(), store, nil, policy, test.revocation); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, test.want)
		}
	}
	if diff := keystest.Diff(before, keystest.Load(t, store)); diff != "" {
		t.Errorf("a refusal changed the ring:\n%s", diff)
	}
}

func TestRevokingAKeyThatDoesNotSignLeavesTheSignerAlone(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, policy.Lead)
	kid := stored(t, store, 2)
	for range 2 { // the second time it is revoked already
		if _, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: kid, Reason: "leaked"}); err != nil {
			t.Fatal(err)
		}
		if got := phases(keystest.Load(t, store), c.now()); got != "Sxpp" {
			t.Errorf("the ring is %s", got)
		}
	}
}

func TestAPreviewSaysWhatARevocationDoesAndDoesNothing(t *testing.T) {
	t.Parallel()
	store, _ := ringAt(t, policy.Lead)
	s := keystest.Load(t, store)
	result, err := keys.PreviewRevoke(s, policy, keys.Revocation{KID: s.Keys[0].KID, Reason: "leaked"})
	if err != nil || len(result.Revoked) != 1 || len(result.Moved) != 1 || len(result.Inserted) != 1 {
		t.Errorf("got %+v, %v", result, err)
	}
	if diff := keystest.Diff(s, keystest.Load(t, store)); diff != "" {
		t.Errorf("the preview changed the ring:\n%s", diff)
	}
	if got := keys.ExposureOf(s); got.Cached != policy.MaxAge || got.Tokens != policy.TTL || got.Stale != policy.Stale() {
		t.Errorf("the exposure is %+v", got)
	}
}

func TestARingMovesToAnotherStoreAndNoEngineNotices(t *testing.T) {
	t.Parallel()
	old, both := keystest.Sealer(t, "old"), keystest.Sealer(t, "new", "old")
	for name, from := range map[string]*keys.Sealer{"in the clear": nil, "sealed with another key": old, "sealed with the same": both} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			source, target := keystore.NewMemory(c.now), keystore.NewMemory(c.now)
			if _, err := keys.Rotate(t.Context(), source, from, policy); err != nil {
				t.Fatal(err)
			}
			before := newRing(t, keys.RingConfig{Store: source, Sealer: from, Now: c.now, Auto: true})
			syncRing(t, before)
			if _, err := keys.Import(t.Context(), target, both, keystest.Load(t, source)); err != nil {
				t.Fatal(err)
			}
			after := newRing(t, keys.RingConfig{Store: target, Sealer: keystest.Sealer(t, "new"), Now: c.now, Auto: true})
			syncRing(t, after)
			old, _, _ := before.JWKS("")
			now, _, _ := after.JWKS("")
			if string(old) != string(now) || signer(t, before) != signer(t, after) {
				t.Error("the ring is another one than before")
			}
			if _, err := keys.Import(t.Context(), target, both, keystest.Load(t, source)); err == nil || !strings.Contains(err.Error(), "holds a ring already") {
				t.Errorf("the second time: got error %v", err)
			}
		})
	}
}

func TestWhatCannotBeBroughtInIsSaidAndTheStoreStaysEmpty(t *testing.T) {
	t.Parallel()
	c, future := &clock{start}, &clock{start.Add(keys.Skew + time.Second)}
	sealed, late := keystore.NewMemory(c.now), keystore.NewMemory(future.now)
	if _, err := keys.Rotate(t.Context(), sealed, keystest.Sealer(t, "lost"), policy); err != nil {
		t.Fatal(err)
	}
	rotate(t, late, policy)
	altered := keystest.Load(t, sealed)
	altered.Keys[0].MAC = "kek" + strings.TrimPrefix(altered.Keys[0].MAC, "lost")
	for want, ring := range map[string]keys.State{
		"holds no key":                            {},
		`"lost", which is not among those`:        keystest.Load(t, sealed),
		"one of the clocks is wrong":              keystest.Load(t, late),
		`key-encryption key "kek" is not the one`: altered,
	} {
		target := keystore.NewMemory(c.now)
		if _, err := keys.Import(t.Context(), target, keystest.Sealer(t, "kek"), ring); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
		if s := keystest.Load(t, target); s.Founded || len(s.Keys) > 0 {
			t.Errorf("%s: the store holds %d keys", want, len(s.Keys))
		}
	}
}

func TestSealingAnewNeedsEveryKeyEncryptionKeyAndIsDoneWhole(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	if _, err := keys.Rotate(t.Context(), store, keystest.Sealer(t, "old"), policy); err != nil {
		t.Fatal(err)
	}
	before := keystest.Load(t, store)
	for want, sealer := range map[string]*keys.Sealer{
		`"old", which is not among those set`: keystest.Sealer(t, "new"),
		"needs a key-encryption key":          nil,
	} {
		if _, err := keys.Reseal(t.Context(), store, sealer); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if diff := keystest.Diff(before, keystest.Load(t, store)); diff != "" {
		t.Errorf("a refusal changed the ring:\n%s", diff)
	}
	both := keystest.Sealer(t, "new", "old")
	for _, want := range []int{3, 0} {
		if result, err := keys.Reseal(t.Context(), store, both); err != nil || len(result.Resealed) != want {
			t.Errorf("got %+v, %v; want %d keys", result, err, want)
		}
	}
	if _, err := keys.Rotate(t.Context(), store, keystest.Sealer(t, "new"), policy); err != nil {
		t.Errorf("without the old key-encryption key: %v", err)
	}
}

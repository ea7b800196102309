package keys_test

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
)

// newRing returns a ring with what the configuration leaves out: the default
// policy.
func newRing(tb keystest.TB, config keys.RingConfig) *keys.Ring {
	tb.Helper()
	if config.Policy == (keys.Policy{}) {
		config.Policy = policy
	}
	ring, err := keys.NewRing(config)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

// syncRing brings a ring in step with its store, which must work.
func syncRing(tb keystest.TB, ring *keys.Ring) {
	tb.Helper()
	if err := ring.Sync(tb.Context()); err != nil {
		tb.Fatalf("sync: %v", err)
	}
}

// rotate runs Rotate, which must work.
func rotate(tb keystest.TB, store keys.Store, p keys.Policy) keys.Result {
	tb.Helper()
	result, err := keys.Rotate(tb.Context(), store, nil, p)
	if err != nil {
		tb.Fatalf("rotate: %v", err)
	}
	return result
}

// kids returns the kids of a key set in its order.
func kids(tb keystest.TB, ring *keys.Ring) []string {
	tb.Helper()
	body, _, err := ring.JWKS("")
	if err != nil {
		tb.Fatalf("key set: %v", err)
	}
	return kidsOf(tb, body)
}

func kidsOf(tb keystest.TB, body []byte) []string {
	tb.Helper()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(body, &set); err != nil {
		tb.Fatalf("the key set is no JSON: %v", err)
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// signer returns the kid of the key that signs.
func signer(tb keystest.TB, ring *keys.Ring) string {
	tb.Helper()
	_, kid, err := ring.Sign(tb.Context(), []byte(`{}`))
	if err != nil {
		tb.Fatalf("sign: %v", err)
	}
	return kid
}

// stored returns the kid of a generation in a store.
func stored(tb keystest.TB, store keys.Store, generation int64) string {
	tb.Helper()
	for _, k := range keystest.Load(tb, store).Keys {
		if k.Generation == generation {
			return k.KID
		}
	}
	tb.Fatalf("there is no generation %d", generation)
	return ""
}

// mustBeUnavailable fails unless neither signing nor publishing works, with a
// reason that holds the text.
func mustBeUnavailable(tb keystest.TB, ring *keys.Ring, text string) {
	tb.Helper()
	_, _, signErr := ring.Sign(tb.Context(), []byte(`{}`))
	_, _, setErr := ring.JWKS("")
	for what, err := range map[string]error{"sign": signErr, "key set": setErr} {
		if !errors.Is(err, keys.ErrUnavailable) || !strings.Contains(err.Error(), text) {
			tb.Errorf("%s: got error %v, want ErrUnavailable with %q", what, err, text)
		}
	}
}

// revoke does what a revocation does to the rows: the key is out, and where it
// was signing, the oldest pending one that was public for the lead takes over.
func revoke(s keys.State, generation int64, lead time.Duration) keys.Change {
	var change keys.Change
	wasSigning := false
	for i, info := range keys.List(s, s.Now) {
		k := s.Keys[i]
		switch {
		case k.Generation == generation:
			wasSigning = info.State == keys.Signing
			k.RevokedAt, k.Reason = s.Now, "test"
			change.Update = append(change.Update, k)
		case wasSigning && info.State == keys.Pending && !s.Now.Before(k.PublishedAt.Add(lead)):
			wasSigning = false
			k.SignsFrom = s.Now
			change.Update = append(change.Update, k)
		}
	}
	return change
}

package keys_test

import (
	"errors"
	"testing"
	"time"
	"unsafe"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// wallOnly returns t with its wall clock moved by d and its monotonic one where
// it was: what time.Now returns after a machine slept, or after somebody set
// its clock. No function of package time makes such a value, so this one goes
// by its layout, and checks what came out of it.
func wallOnly(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	moved := at.Add(d)
	words := (*[2]int64)(unsafe.Pointer(&moved)) // the second one counts monotonic nanoseconds
	words[1] -= int64(d)
	if moved.Sub(at) != 0 || moved.Round(0).Sub(at.Round(0)) != d {
		t.Fatal("package time has another layout than this test knows")
	}
	return moved
}

func TestAMachineThatSleptOrWasSetDoesNotTrustItsMonotonicClockAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		by          time.Duration
		sign, serve bool
	}{
		"less than a minute":    {59 * time.Second, true, true},
		"a little more":         {61 * time.Second, false, true},
		"back by more":          {-61 * time.Second, false, true},
		"longer than the limit": {55 * time.Minute, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{time.Now()}
			ring := newRing(t, keys.RingConfig{Store: keystore.NewMemory(c.now), Now: c.now, Auto: true})
			syncRing(t, ring)
			c.at = wallOnly(t, c.at, test.by)
			if _, _, err := ring.Sign(t.Context(), nil); (err == nil) != test.sign || (err != nil && !errors.Is(err, keys.ErrUnavailable)) {
				t.Errorf("sign: got error %v", err)
			}
			if _, _, err := ring.JWKS(""); (err == nil) != test.serve || (err != nil && !errors.Is(err, keys.ErrUnavailable)) {
				t.Errorf("key set: got error %v", err)
			}
			if (ring.Health() == nil) != test.sign {
				t.Errorf("health: %v", ring.Health())
			}
			syncRing(t, ring)
			if _, _, err := ring.Sign(t.Context(), nil); err != nil {
				t.Errorf("after the next look at the store: %v", err)
			}
		})
	}
}

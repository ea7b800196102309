package rsatest_test

import (
	"crypto/rsa"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
)

func take(t *testing.T, from func() (*rsa.PrivateKey, error)) *rsa.PrivateKey {
	t.Helper()
	key, err := from()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestNoTwoHaveTheSameKeyAtATime: not in parallel with others, who might take what it gives back.
func TestNoTwoHaveTheSameKeyAtATime(t *testing.T) {
	one, other := rsatest.Lender(t), rsatest.Lender(t)
	before := []*rsa.PrivateKey{take(t, one), take(t, other), take(t, one)}
	var lent *rsa.PrivateKey
	t.Run("a test", func(t *testing.T) { lent = take(t, rsatest.Lender(t)) })
	if again := take(t, one); again != lent {
		t.Error("a key that was given back is not lent again")
	}
	before = append(before, lent, take(t, other))
	for i, key := range before {
		if key.N.BitLen() != 2048 {
			t.Errorf("a key of %d bits", key.N.BitLen())
		}
		for _, earlier := range before[:i] {
			if key.Equal(earlier) {
				t.Error("one key is lent twice")
			}
		}
	}
}

// Package rsatest lends the tests of a process RSA keys: to make three for each fake tenant takes longer than most tests do,
// and with the race detector three times as long. It knows nothing of what the keys sign.
package rsatest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
)

// spare are the keys that were made in this process and that no test has at the moment.
var spare struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}

// Lender returns what hands out keys of 2048 bits until t ends: each is another one than all that any test has at that time.
// So it fits faketenant.Options.Key. The only error is that no key could be made. Tests may call both concurrently.
func Lender(t testing.TB) func() (*rsa.PrivateKey, error) {
	t.Helper()
	var lent []*rsa.PrivateKey // guarded by spare
	t.Cleanup(func() {
		spare.Lock()
		defer spare.Unlock()
		spare.keys = append(spare.keys, lent...)
		lent = nil
	})
	return func() (*rsa.PrivateKey, error) {
		key, err := take()
		if err != nil {
			return nil, err
		}
		spare.Lock()
		defer spare.Unlock()
		lent = append(lent, key)
		return key, nil
	}
}

// take makes a key where none is left.
func take() (*rsa.PrivateKey, error) {
	spare.Lock()
	if last := len(spare.keys) - 1; last >= 0 {
		defer spare.Unlock()
		key := spare.keys[last]
		spare.keys = spare.keys[:last]
		return key, nil
	}
	spare.Unlock() // others need not wait for it
	return rsa.GenerateKey(rand.Reader, 2048)
}

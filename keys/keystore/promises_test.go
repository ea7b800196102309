package keystore_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestNothingThatHappensBreaksAPromiseOnAMemoryStore(t *testing.T) {
	t.Parallel()
	keystest.TestPromises(t, keystest.Effort{Worlds: 20, Ticks: 160}, openMemory)
}

func TestNothingThatHappensBreaksAPromiseOnAFileStore(t *testing.T) {
	t.Parallel()
	keystest.TestPromises(t, keystest.Effort{Worlds: 5, Ticks: 80}, filesOf(t))
}

func TestNothingThatHappensBreaksAPromiseOnAPostgresStore(t *testing.T) {
	t.Parallel()
	keystest.TestPromises(t, keystest.Effort{Worlds: 6, Ticks: 80}, databasesOf(t))
}

func TestAsManyTurnsAsAreWantedLeaveASmallRing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		turns int
		open  keystest.Open
	}{
		"memory":   {2000, openMemory},
		"file":     {150, filesOf(t)},
		"postgres": {150, databasesOf(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keystest.TestTurns(t, test.turns, test.open)
		})
	}
}

func openMemory(now func() time.Time) keys.Store { return keystore.NewMemory(now) }

// filesOf returns a keys file that was never there before, each time.
func filesOf(t *testing.T) keystest.Open {
	t.Helper()
	dir, n := t.TempDir(), 0
	var open *keystore.File
	t.Cleanup(func() {
		if open != nil {
			keystest.Must(t, open.Close())
		}
	})
	return func(now func() time.Time) keys.Store {
		if open != nil {
			keystest.Must(t, open.Close())
		}
		n++
		var err error
		open, err = keystore.OpenFile(filepath.Join(dir, strconv.Itoa(n)+".json"), now)
		keystest.Must(t, err)
		return open
	}
}

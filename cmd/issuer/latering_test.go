package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/keyvault"
)

// TestALateRingTriesAgainAndSaysEachThingOnce: soon where waiting can help, seldom where only a person can.
func TestALateRingTriesAgainAndSaysEachThingOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []time.Duration
		sealer, err := keys.NewSealer(keys.KEK{ID: "k1", Fetch: func(context.Context) ([32]byte, error) {
			at := time.Since(began)
			asked = append(asked, at)
			switch {
			case at < time.Minute:
				return [32]byte{}, fmt.Errorf("it is away: %w", keyvault.ErrUnavailable)
			case at < 5*time.Minute:
				return [32]byte{}, errors.New("it refuses")
			}
			return [32]byte{7}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := load(fileSettings(), needService)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := keys.NewRing(keys.RingConfig{Store: keystore.NewMemory(time.Now), Sealer: sealer, Policy: s.keysPolicy(), Auto: true})
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]int{}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { ring.Run(ctx, func(error) {}) })
		running.Go(func() {
			lateRing{sealer, ring}.fetch(ctx, sealer.Fetch(ctx), func(err error) { said[err.Error()]++ })
		})
		for ring.Health() != nil && time.Since(began) < time.Hour {
			time.Sleep(100 * time.Millisecond)
		}
		ready := time.Since(began)
		time.Sleep(time.Hour) // nobody asks any more
		stop()
		running.Wait()

		last := asked[len(asked)-1]
		if last < 5*time.Minute || last > 6*time.Minute || ready > last+time.Second {
			t.Errorf("the key was had after %v, the ring was ready after %v", last, ready)
		}
		for i, at := range asked[1:] {
			since := at - asked[i]
			if away := asked[i] < time.Minute; away && since > 15*time.Second || !away && (since < 40*time.Second || since > time.Minute) {
				t.Errorf("asked at %v and next after %v", asked[i], since)
			}
		}
		if len(asked) > 5+5+8 {
			t.Errorf("asked %d times", len(asked))
		}
		want := map[string]int{`key-encryption key "k1": it is away: azure is unavailable`: 1, `key-encryption key "k1": it refuses`: 1}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("what was said (-want +got):\n%s", diff)
		}
	})
}

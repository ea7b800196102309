package idp_test

import (
	cryptorand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestStrangersCostOneFetchInThirtySeconds(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	refresh(t, verifier)
	claims := e.user(nil)
	forged := faketenant.WithHeader("kid", e.KID(faketenant.KeyFirst))

	_, signed, _ := strings.Cut(e.Sign(claims), ".")
	flood := func(allowed ...string) {
		var strangers sync.WaitGroup
		for range 20 {
			strangers.Go(func() {
				for range 50 {
					header := fmt.Sprintf(`{"alg":"RS256","kid":%q}`, cryptorand.Text())
					wantVerdict(t, verifier, base64.RawURLEncoding.EncodeToString([]byte(header))+"."+signed, allowed...)
				}
			})
		}
		strangers.Wait()
	}
	flood("key_unknown", "unavailable") // who waits for the fetch, and who comes behind it
	wantFetches(t, e, 2)
	raw := e.Sign(claims, faketenant.SignedBy(faketenant.KeyStranger), forged)
	for range 1000 {
		wantVerdict(t, verifier, raw, "signature_invalid")
	}
	wantFetches(t, e, 2)

	e.clock.advance(29 * time.Second)
	flood("unavailable")
	wantFetches(t, e, 2)
	e.clock.advance(time.Second)
	flood("key_unknown", "unavailable")
	wantFetches(t, e, 3)
}

func TestStrangersCostNoMoreWhileEntraIsDown(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	e.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	_, signed, _ := strings.Cut(e.Sign(e.user(nil)), ".")
	broken := e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeyStranger), faketenant.WithHeader("kid", e.KID(faketenant.KeyFirst)))
	good := e.Sign(e.user(nil))
	before := e.requests("")
	var strangers sync.WaitGroup
	for range 20 {
		strangers.Go(func() {
			for range 50 {
				header := fmt.Sprintf(`{"alg":"RS256","kid":%q}`, cryptorand.Text())
				wantVerdict(t, verifier, base64.RawURLEncoding.EncodeToString([]byte(header))+"."+signed, "unavailable")
				wantVerdict(t, verifier, broken, "signature_invalid")
			}
			wantVerdict(t, verifier, good, "accepted")
		})
	}
	strangers.Wait()
	if n := e.requests("") - before; n > 3 {
		t.Errorf("2,000 bad tokens caused %d requests", n)
	}
}

func TestAnEmergencyRolloverIsFollowedWithinOneRefetch(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t)
	verifier := e.warm(t, remembering)
	stolen := []string{e.Sign(e.user(nil)), e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeySecond))}
	for _, raw := range stolen {
		wantVerdict(t, verifier, raw, "accepted")
	}
	e.Withdraw(faketenant.KeySecond)
	e.Rotate()
	e.Withdraw(faketenant.KeySecond) // which was the first
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	for _, raw := range stolen {
		wantVerdict(t, verifier, raw, "key_unknown")
	}
	wantFetches(t, e, 2)
}

func TestAStartWithoutEntraSaysSoAndRecovers(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	e.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if err := verifier.Refresh(t.Context()); err == nil {
		t.Error("a refresh from a server that is down succeeded")
	}
	good := e.Sign(e.user(nil))
	wantVerdict(t, verifier, good, "unavailable")
	wantVerdict(t, verifier, "not a token", "token_malformed")
	if err := verifier.Health(); !errors.Is(err, idp.ErrUnavailable) || !strings.Contains(err.Error(), faketenant.TenantID) {
		t.Errorf("health without any keys is %v, want ErrUnavailable of the tenant", err)
	}
	e.intercept(nil)
	refresh(t, verifier) // as Run does, every minute at most
	wantVerdict(t, verifier, good, "accepted")
	if err := verifier.Health(); err != nil {
		t.Error(err)
	}
}

package idp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// keySets counts how often the key set was asked for.
func (e *entra) keySets() int { return e.requests("/discovery/v2.0/keys") }

func wantFetches(t *testing.T, e *entra, want int) {
	t.Helper()
	if got := e.keySets(); got != want {
		t.Errorf("the key set was fetched %d times, want %d", got, want)
	}
}

func refresh(t *testing.T, verifier *idp.Verifier) {
	t.Helper()
	if err := verifier.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestATokenOfAForeignIssuerCausesNoFetch(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	stranger := faketenant.SignedBy(faketenant.KeyStranger)
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": "https://evil.example"}), stranger), "issuer_unknown")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"tid": faketenant.OtherTenantID}), stranger), "tenant_not_allowed")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"ver": nil}), stranger), "issuer_unknown")
	wantFetches(t, e, 0)
}

func TestANewKeyIsLearntByTheTokenThatNamesIt(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t)
	verifier := e.verifier(t)
	refresh(t, verifier)
	old := e.Sign(e.user(nil))
	e.Rotate()
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	wantVerdict(t, verifier, old, "accepted")
	wantFetches(t, e, 2)

	e.Rotate()
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "unavailable") // within the pause
	e.clock.advance(30 * time.Second)
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
}

// TestAGoodKeyIsNotRefusedBecauseAStrangerAskedFirst: keys may be fetched once in 30 seconds, and who asks in between is
// told when that will be. Whose key was looked for and not found has their answer.
func TestAGoodKeyIsNotRefusedBecauseAStrangerAskedFirst(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t)
	verifier := e.warm(t)
	stranger := func(kid string) string { return e.Sign(e.user(nil), faketenant.WithHeader("kid", kid)) }
	wantVerdict(t, verifier, stranger("one"), "key_unknown")
	withdrawn := e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeySecond))
	e.Withdraw(faketenant.KeySecond)
	e.Rotate()
	good := e.Sign(e.user(nil))
	e.clock.advance(12 * time.Second)
	_, err := verifier.Verify(t.Context(), good)
	var later interface{ RetryAfter() time.Duration }
	if verdict(t, err) != "unavailable" || !errors.As(err, &later) || later.RetryAfter() != 18*time.Second {
		t.Errorf("a good token: %v, want to be asked again in 18s", err)
	}
	wantVerdict(t, verifier, stranger("two"), "unavailable")
	wantVerdict(t, verifier, stranger("one"), "key_unknown")
	wantFetches(t, e, 2)

	refresh(t, verifier) // as Run does, hourly
	for _, raw := range []string{stranger("one"), stranger("two"), withdrawn} {
		wantVerdict(t, verifier, raw, "key_unknown")
	}
	wantVerdict(t, verifier, good, "accepted")
	wantVerdict(t, verifier, stranger("three"), "unavailable")
	e.clock.advance(18 * time.Second)
	wantVerdict(t, verifier, stranger("three"), "key_unknown")
	wantFetches(t, e, 4)
}

func TestTheFirstTokenFetchesTheKeys(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	if err := verifier.Health(); !errors.Is(err, idp.ErrUnavailable) {
		t.Errorf("health before any fetch is %v, want ErrUnavailable", err)
	}
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	if err := verifier.Health(); err != nil {
		t.Error(err)
	}
	wantFetches(t, e, 1)
}

func TestAWithdrawnKeyIsForgottenAtTheNextRefresh(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t)
	verifier := e.verifier(t)
	refresh(t, verifier)
	raw := e.Sign(e.user(nil))
	e.Withdraw(faketenant.KeyFirst)
	wantVerdict(t, verifier, raw, "accepted")
	refresh(t, verifier)
	wantVerdict(t, verifier, raw, "key_unknown")
	wantVerdict(t, verifier, e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeySecond)), "accepted")
}

func TestWhileEntraIsDownKnownKeysGoOnForADay(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	refresh(t, verifier)
	var down atomic.Bool
	down.Store(true)
	e.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down.Load()
	})
	known := e.user(map[string]any{"exp": nominal.Add(47 * time.Hour).Unix()})
	unknown := e.Sign(known, faketenant.SignedBy(faketenant.KeyStranger))
	raw := e.Sign(known)
	if err := verifier.Refresh(t.Context()); err == nil {
		t.Error("a refresh from a server that is down succeeded")
	}
	wantVerdict(t, verifier, raw, "accepted")
	for range 3 { // the second and third are answered from the pause
		wantVerdict(t, verifier, unknown, "unavailable")
	}
	if fetches := e.requests("/openid-configuration"); fetches != 3 {
		t.Errorf("%d attempts, want one to begin with, one refresh and one for the unknown key", fetches)
	}
	e.clock.advance(24 * time.Hour)
	wantVerdict(t, verifier, raw, "accepted")
	e.clock.advance(time.Second)
	wantVerdict(t, verifier, raw, "unavailable")
	if err := verifier.Health(); !errors.Is(err, idp.ErrUnavailable) {
		t.Errorf("health with keys of yesterday is %v, want ErrUnavailable", err)
	}
	down.Store(false)
	e.clock.advance(30 * time.Second)
	wantVerdict(t, verifier, raw, "accepted")
	wantVerdict(t, verifier, unknown, "key_unknown")
}

func TestKnownKeysDoNotWaitAndWaitersMayLeave(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t)
	verifier := e.verifier(t)
	refresh(t, verifier)
	asked, release := make(chan struct{}, 1), make(chan struct{})
	e.intercept(func(http.ResponseWriter, *http.Request) bool {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-release
		return false
	})
	e.Rotate()
	raw := e.Sign(e.user(nil))

	impatient, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := verifier.Verify(impatient, raw)
		left <- err
	}()
	<-asked // the fetch of the first caller hangs
	wantVerdict(t, verifier, e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeySecond)), "accepted")
	leave()
	err := <-left
	if verdict(t, err) != "unavailable" || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left got %v", err)
	}
	patient := make(chan error, 1)
	go func() {
		_, err := verifier.Verify(t.Context(), raw)
		patient <- err
	}()
	close(release) // the fetch went on without its first caller
	if err := <-patient; err != nil {
		t.Errorf("the caller that stayed got %v", err)
	}
	wantFetches(t, e, 2)
}

func TestEachTenantHasItsOwnKeysAndPause(t *testing.T) {
	t.Parallel()
	tenants := []string{faketenant.TenantID, faketenant.OtherTenantID}
	e := newOwnEntra(t, tenants...)
	verifier := e.verifier(t, func(c *idp.Config) { c.Tenants = tenants })
	other := map[string]any{"tid": faketenant.OtherTenantID, "iss": e.V2Issuer(faketenant.OtherTenantID)}
	stranger := faketenant.SignedBy(faketenant.KeyStranger)
	wantVerdict(t, verifier, e.Sign(e.user(nil), stranger), "key_unknown")
	subject, err := verifier.Verify(t.Context(), e.Sign(e.user(other)))
	if err != nil || subject.TenantID != faketenant.OtherTenantID {
		t.Errorf("the other tenant's user: %v %v", subject.TenantID, err)
	}
	// What a key signs for one tenant is nothing to another, even with its own issuer.
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"tid": faketenant.OtherTenantID})), "issuer_unknown")

	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		bad := strings.HasPrefix(r.URL.Path, "/"+faketenant.OtherTenantID+"/")
		if bad {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return bad
	})
	e.Rotate()
	if err := verifier.Refresh(t.Context()); err == nil {
		t.Error("a refresh of which half failed succeeded")
	}
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
}

func TestRunFetchesAtOnceAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	ctx, stop := context.WithCancel(t.Context())
	fetched := make(chan struct{})
	var once sync.Once
	e.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		once.Do(func() { close(fetched) })
		return false
	})
	ended := make(chan struct{})
	go func() {
		verifier.Run(ctx, func(err error) { t.Error(err) })
		close(ended)
	}()
	<-fetched
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	stop()
	<-ended
	wantFetches(t, e, 1)
}

func TestRunReportsWhatFails(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	e.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	ctx, stop := context.WithCancel(t.Context())
	var reported error
	verifier.Run(ctx, func(err error) {
		reported = err
		stop()
	})
	if reported == nil || !strings.Contains(reported.Error(), faketenant.TenantID) {
		t.Errorf("%v does not say which tenant's keys could not be had", reported)
	}
}

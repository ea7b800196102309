package idp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
)

const globalCloud = "https://login.microsoftonline.com"

// nominal is the moment the recorded tokens were made for.
var nominal = time.Unix(1767225600, 0)

// clock is a clock that tests set.
type clock struct{ nanos atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.nanos.Store(at.UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// entra is a fake tenant behind real TLS, and a client for which its address is that of the real one. What comes in is
// counted and may be answered otherwise; it is this test's own, even where the tenant is shared.
type entra struct {
	*faketenant.Tenant
	clock  *clock
	client *http.Client

	mu      sync.Mutex
	asked   []string // paths
	instead func(http.ResponseWriter, *http.Request) bool
}

// ServeHTTP lets the test answer first.
func (e *entra) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.asked = append(e.asked, r.URL.Path)
	instead := e.instead
	e.mu.Unlock()
	if instead == nil || !instead(w, r) {
		e.Tenant.ServeHTTP(w, r)
	}
}

// intercept has answer asked first from now on; true means that it has answered.
func (e *entra) intercept(answer func(http.ResponseWriter, *http.Request) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instead = answer
}

// requests counts those whose path ends like this.
func (e *entra) requests(suffix string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	count := 0
	for _, path := range e.asked {
		if strings.HasSuffix(path, suffix) {
			count++
		}
	}
	return count
}

// sharedTenant is for tests that only sign and verify: making keys takes longer than everything else here.
var sharedTenant = sync.OnceValues(func() (*faketenant.Tenant, error) {
	return faketenant.New(faketenant.Options{Now: newClock(nominal).Now})
})

// newEntra returns the shared tenant at the nominal time. Its keys stay as they are.
func newEntra(tb testing.TB) *entra {
	tb.Helper()
	tenant, err := sharedTenant()
	if err != nil {
		tb.Fatal(err)
	}
	e := &entra{Tenant: tenant, clock: newClock(nominal)}
	e.client = serve(tb, e)
	return e
}

// newOwnEntra returns a tenant of the test's own, that it may rotate and move.
func newOwnEntra(tb testing.TB, tenants ...string) *entra {
	tb.Helper()
	clock := newClock(nominal)
	tenant, err := faketenant.New(faketenant.Options{TenantIDs: tenants, Now: clock.Now, Key: rsatest.Lender(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	e := &entra{Tenant: tenant, clock: clock}
	e.client = serve(tb, e)
	return e
}

// serve starts a TLS server and returns a client that reaches it by whatever https address it asks for.
func serve(tb testing.TB, handler http.Handler) *http.Client {
	tb.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that tests break off
	server.StartTLS()
	tb.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs, ServerName: "example.com"}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// policy is the one the recorded decisions were made for.
func (e *entra) policy() idp.Config {
	return idp.Config{
		Authority: globalCloud, Tenants: []string{faketenant.TenantID},
		Audiences: []string{faketenant.APIClientID, "api://" + faketenant.APIClientID},
		Scopes:    []string{"access_as_user"}, AppRoles: []string{"Hasura.Exchange"},
		Leeway: time.Minute, HTTPClient: e.client, Now: e.clock.Now,
	}
}

// verifier returns one with this policy, changed by each change.
func (e *entra) verifier(tb testing.TB, changes ...func(*idp.Config)) *idp.Verifier {
	tb.Helper()
	config := e.policy()
	for _, change := range changes {
		change(&config)
	}
	verifier, err := idp.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return verifier
}

// warm returns a verifier that holds its keys already, so that no verdict hangs on which token came first.
func (e *entra) warm(tb testing.TB, changes ...func(*idp.Config)) *idp.Verifier {
	tb.Helper()
	verifier := e.verifier(tb, changes...)
	if err := verifier.Refresh(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return verifier
}

// user returns claims of a plain user's v2.0 token with these changed; a nil value takes the claim out.
func (e *entra) user(changes map[string]any) map[string]any {
	return altered(e.Claims("nobody"), changes)
}

// daemon returns claims of an app's v2.0 token, likewise.
func (e *entra) daemon(changes map[string]any) map[string]any {
	return altered(e.Claims("daemon"), changes)
}

func altered(claims, changes map[string]any) map[string]any {
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

// verdict puts what Verify said into a word: "accepted", "unavailable" or the reason. Any other error is a fault.
func verdict(tb testing.TB, err error) string {
	tb.Helper()
	if err == nil {
		return "accepted"
	}
	if refusal, ok := errors.AsType[*idp.TokenError](err); ok {
		if errors.Is(err, idp.ErrUnavailable) {
			tb.Error("an error is both a refusal and no answer")
		}
		return string(refusal.Reason)
	}
	if !errors.Is(err, idp.ErrUnavailable) {
		tb.Errorf("an error that is neither a refusal nor ErrUnavailable: %T", err)
	}
	return "unavailable"
}

func judge(tb testing.TB, verifier *idp.Verifier, raw string) string {
	tb.Helper()
	_, err := verifier.Verify(tb.Context(), raw)
	return verdict(tb, err)
}

func wantVerdict(tb testing.TB, verifier *idp.Verifier, raw string, allowed ...string) {
	tb.Helper()
	if got := judge(tb, verifier, raw); !slices.Contains(allowed, got) {
		tb.Errorf("the verdict is %s, want %v", got, allowed)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// onFiles are settings of a service on the tenant at authority that keeps roles and keys in files, with more behind them.
func onFiles(t testing.TB, authority string, more ...string) []string {
	t.Helper()
	return environ(authority, append([]string{
		"ISSUER_ROLES_FILE=" + rolesFile(t), "ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json"),
	}, more...)...)
}

// customers makes the tenant answer for an issuer of customers too, and returns that.
func customers(tenant *faketenant.Tenant, server *httptest.Server) string {
	issuer := server.URL + "/customers/v2.0/"
	tenant.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/customers/elsewhere" {
			return false
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/%s/discovery/keys"}`, issuer, server.URL, faketenant.TenantID)
		return true
	})
	return issuer
}

// TestAnIssuerThatIsTrustedByNameNeedsNoTenant: External ID and B2C, without a tenant of the authority beside them.
func TestAnIssuerThatIsTrustedByNameNeedsNoTenant(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	issuer := customers(tenant, server)
	s := serve(t, onFiles(t, server.URL, "ISSUER_ENTRA_TENANTS=",
		"ISSUER_ENTRA_ISSUERS="+strings.ToUpper(faketenant.TenantID)+"="+issuer+" "+server.URL+"/customers/elsewhere"))
	claims := tenant.Claims("reader")
	claims["iss"] = issuer
	if got := s.exchange(t, tenant.Sign(claims)); got.Status != http.StatusOK || got.Scope != "reader" {
		t.Errorf("a customer: %d %q %q", got.Status, got.Reason, got.Scope)
	}
	if got := s.exchange(t, personaToken(t, tenant, "reader")); got.Reason != "tenant_not_allowed" {
		t.Errorf("a member of the tenant: %d %q", got.Status, got.Reason)
	}
}

func TestTheKeysOfAnAppThatSignsWithItsOwnAreAskedForByItsName(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	var named, unnamed atomic.Int32
	tenant.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/discovery/v2.0/keys") {
			if r.URL.Query().Get("appid") == faketenant.APIClientID {
				named.Add(1)
			} else {
				unnamed.Add(1)
			}
		}
		return false
	})
	serve(t, onFiles(t, server.URL, "ISSUER_ENTRA_SIGNING_KEY_APP="+faketenant.APIClientID))
	if named.Load() == 0 || unnamed.Load() > 0 {
		t.Errorf("keys were asked for %d times with the app's name and %d times without", named.Load(), unnamed.Load())
	}
}

func TestWhatIsWrongAboutIssuersNamesItsVariable(t *testing.T) {
	t.Parallel()
	const tenant, another = "c41b9a70-58de-4f0b-8a37-61d2e9f3b802", "e57a3f18-6b4d-49c2-8d70-b2c9f0a1d805"
	for _, c := range []struct{ name, value, want string }{
		{"ISSUER_ENTRA_ISSUERS", tenant + "=https://" + tenant + ".ciamlogin.com/" + another + "/v2.0", "ISSUER_ENTRA_ISSUERS: item 1: the issuer: the GUID in it is not the tenant id"},
		{"ISSUER_ENTRA_ISSUERS", tenant + "=https://a.example.com," + faketenant.TenantID + "=https://b.example.com", "ISSUER_ENTRA_ISSUERS: item 2: its tenant id is that of one of the authority's tenants too"},
		{"ISSUER_ENTRA_ISSUERS", "contoso=https://login.example.com", "ISSUER_ENTRA_ISSUERS: item 1: the tenant id is not a GUID"},
		{"ISSUER_ENTRA_ISSUERS", tenant + "=https://a.example.com," + tenant, "ISSUER_ENTRA_ISSUERS: item 2: want <tenant id>=<issuer>"},
		{"ISSUER_ENTRA_ISSUERS", tenant + "=http://a.example.com", "ISSUER_ENTRA_ISSUERS: item 1: the issuer: want https"},
		{"ISSUER_ENTRA_ISSUERS", tenant + "=https://login.microsoftonline.com/x/v2.0", "ISSUER_ENTRA_ISSUERS: item 1: the issuer is a cloud's"},
		{"ISSUER_ENTRA_ISSUERS", tenant + "=https://a.example.com," + tenant + "=https://a.example.com", "ISSUER_ENTRA_ISSUERS: item 2: the same issuer is there already"},
		{"ISSUER_ENTRA_ISSUER_V1", "https://sts.example.com/", "ISSUER_ENTRA_ISSUER_V1: want an https address with {tenantid} in it"},
		{"ISSUER_ENTRA_ISSUER_V2", "http://sts.example.com/{tenantid}", "ISSUER_ENTRA_ISSUER_V2: want an https address with {tenantid} in it"},
		{"ISSUER_ENTRA_SIGNING_KEY_APP", "my-api", `ISSUER_ENTRA_SIGNING_KEY_APP is "my-api"; it wants the client id`},
		{"ISSUER_ENTRA_TOKEN_CACHE", "-1", "ISSUER_ENTRA_TOKEN_CACHE: -1 is not between 0 and 1000000"},
		{"ISSUER_TOKEN_CACHE", "1000001", "ISSUER_TOKEN_CACHE: 1000001 is not between 0 and 1000000"},
		{"ISSUER_ENTRA_TOKEN_CACHE", "many", `ISSUER_ENTRA_TOKEN_CACHE is "many"; it wants how many`},
	} {
		_, err := load(fileSettings(c.name+"="+c.value), needService)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s=%s:\n%v, want\n%s", c.name, c.value, err, c.want)
		}
	}
}

// TestEveryFaultOfARoomHasAVariable: a field that is missing there would have its faults swallowed.
func TestEveryFaultOfARoomHasAVariable(t *testing.T) {
	t.Parallel()
	known := variables()
	names := map[string]bool{}
	for _, v := range known {
		names[v.name] = true
	}
	cannotBeWrong := []string{"RefuseGuests", "HTTPClient", "Now"}
	for field := range reflect.TypeFor[idp.Config]().Fields() {
		if !names[idpSettings[field.Name]] && !slices.Contains(cannotBeWrong, field.Name) {
			t.Errorf("idp.Config.%s comes from the setting %q, which is none", field.Name, idpSettings[field.Name])
		}
	}
}

func TestAClockThatIsOffIsAMetricAnAlarmAndALogLine(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	tenant.SetDateOffset(10 * time.Minute)
	s := serve(t, onFiles(t, server.URL)) // ready in every part: it is no outage yet
	s.awaitBody(t, "/readyz?full", `"entra":"the clock of this machine and that of the identity provider are more than 60 seconds apart`)
	_, body := get(t, s.admin+"/metrics")
	var offset float64
	for line := range strings.Lines(string(body)) {
		if value, found := strings.CutPrefix(line, "issuer_entra_clock_offset_seconds "); found {
			_, _ = fmt.Sscan(value, &offset)
		}
	}
	if offset > -590 || offset < -610 {
		t.Errorf("the clock is behind by ten minutes, the metric says %v", offset)
	}
	s.stderr.await(t, `"message":"Entra needs attention"`, s.ended)
}

func TestAnAlarmIsReportedWhenItBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, late := errors.New("clock"), errors.New("late")
		var now atomic.Pointer[[]error]
		now.Store(&[]error{})
		var reported []string
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			watchAlarms(ctx, func() []error { return *now.Load() }, func(err error) { reported = append(reported, err.Error()) })
			close(ended)
		}()
		for _, state := range [][]error{{clock}, {clock, late}, {late}, {clock, late}, {}} {
			now.Store(&state)
			time.Sleep(time.Minute)
		}
		stop()
		<-ended
		if diff := cmp.Diff([]string{"clock", "late", "clock"}, reported); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
	})
}

// TestANewKeyThatCannotBeLookedForYetIsNoRefusal: a stranger has used up the fetch for unknown keys when Entra rolls over.
func TestANewKeyThatCannotBeLookedForYetIsNoRefusal(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL))
	stranger := tenant.Sign(tenant.Claims("reader"), faketenant.SignedBy(faketenant.KeyStranger))
	if got := s.exchange(t, stranger); got.Status != http.StatusBadRequest || got.Reason != "key_unknown" {
		t.Errorf("a stranger: %d %q", got.Status, got.Reason)
	}
	tenant.Rotate()
	got := s.exchange(t, personaToken(t, tenant, "reader"))
	seconds, err := strconv.Atoi(got.RetryAfter)
	if got.Status != http.StatusServiceUnavailable || got.Reason != "idp_unavailable" || err != nil || seconds < 1 || seconds > 30 {
		t.Errorf("a good token: %d %q, Retry-After %q", got.Status, got.Reason, got.RetryAfter)
	}
	// Strangers can bring this about, so it must not look like an outage of ours.
	const counted = `issuer_exchanges_total{door="token",outcome="refused",reason="idp_unavailable"} 1`
	if _, metrics := get(t, s.admin+"/metrics"); !strings.Contains(string(metrics), counted) {
		t.Errorf("the metrics lack %s", counted)
	}
}

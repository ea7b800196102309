package idp_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// twoSources is a verifier for a tenant and for an issuer that is trusted by name. silence makes the documents and keys of
// one of them come to nothing, without a Date; "" of neither.
func twoSources(t *testing.T) (e *entra, verifier *idp.Verifier, silence func(host string)) {
	t.Helper()
	e = newEntra(t)
	e.publishes(t, ciamIssuer+"/.well-known/openid-configuration", ciamIssuer, "")
	published := e.instead
	var mu sync.Mutex
	silent := ""
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if silent != "" && strings.HasSuffix(r.Host, silent) {
			w.Header()["Date"] = nil
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		w.Header().Set("Date", e.clock.Now().UTC().Format(http.TimeFormat))
		if !published(w, r) { // the tenant itself has a Date of its own
			text(answerOf(t, e.Tenant, r.URL.RequestURI()))(w, r)
		}
		return true
	})
	verifier = e.verifier(t, func(c *idp.Config) { c.Issuers = []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer}} })
	return e, verifier, func(host string) {
		mu.Lock()
		defer mu.Unlock()
		silent = host
	}
}

const (
	tenantHost = "login.microsoftonline.com"
	namedHost  = ".ciamlogin.com"
)

func TestEverySourceIsWatched(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{tenantHost: "tenant " + faketenant.TenantID, namedHost: "issuer " + ciamIssuer} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			e, verifier, silence := twoSources(t)
			silence(host)
			if err := verifier.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the failure is %v, want one of the %s", err, want)
			}
			if err := verifier.Health(); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("health is %v, want a fault of the %s alone", err, want)
			}
			silence("")
			refresh(t, verifier)
			silence(host)
			e.clock.advance(12*time.Hour + time.Second)
			_ = verifier.Refresh(t.Context()) // one of both fails
			if alarms := verifier.Alarms(); len(alarms) != 1 || !strings.Contains(alarms[0].Error(), "not been renewed") {
				t.Errorf("the alarms are %v", alarms)
			}
		})
	}
}

func TestTheLastAnswerTellsTheClock(t *testing.T) {
	t.Parallel()
	for _, last := range []string{tenantHost, namedHost} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			e, verifier, silence := twoSources(t)
			refresh(t, verifier)
			silence(map[string]string{tenantHost: namedHost, namedHost: tenantHost}[last])
			e.clock.advance(time.Minute + time.Second/4) // Date counts whole seconds, so a part of one shows
			_ = verifier.Refresh(t.Context())            // one of both fails
			want := idp.ClockOffset{Ahead: -time.Second / 4, Within: time.Second / 2}
			if diff := cmp.Diff(want, verifier.ClockOffset()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunKeepsTheKeysOfEverySource(t *testing.T) {
	t.Parallel()
	e, verifier, _ := twoSources(t)
	answer := e.instead
	asked := make(chan string, 2) // an hour does not pass here, so each is asked for once
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			asked <- r.Host
		}
		return answer(w, r)
	})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // only reached when something is wrong
	defer stop()
	var loops sync.WaitGroup
	loops.Go(func() { verifier.Run(ctx, func(err error) { t.Error(err) }) })
	for range 2 {
		select {
		case <-asked:
		case <-ctx.Done():
			t.Error("not every key set was asked for")
		}
	}
	stop()
	loops.Wait()
}

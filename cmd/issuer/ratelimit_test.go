package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// trustLoopback makes this test a proxy that may name its clients.
const trustLoopback = "ISSUER_TRUSTED_PROXIES=127.0.0.0/8,::1/128"

// asked exchanges a token n times for a client and returns how many answers were 200, and the last one.
func (s served) asked(t testing.TB, client, token string, n int) (granted int, last answer) {
	t.Helper()
	for range n {
		if last = s.exchangeFor(t, client, token); last.Status == http.StatusOK {
			granted++
		}
	}
	return granted, last
}

// wantLimited wants an answer that says when another try can succeed.
func wantLimited(t *testing.T, got answer) {
	t.Helper()
	wait, err := strconv.Atoi(got.RetryAfter)
	if got.Status != http.StatusTooManyRequests || got.Reason != "rate_limited" || got.Error != "temporarily_unavailable" || err != nil || wait < 1 || wait > 3600 {
		t.Errorf("%d %q %q, Retry-After %q", got.Status, got.Error, got.Reason, got.RetryAfter)
	}
}

func TestACallerWhoAsksTooOftenIsToldWhen(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, trustLoopback, "ISSUER_RATE_LIMIT_SUBJECT=2/h"))
	for i, client := range []string{"203.0.113.7", "203.0.113.8", "203.0.113.9"} {
		got := s.exchangeFor(t, client, personaToken(t, tenant, "editor")) // another token each time, from elsewhere
		if i < 2 && got.Status != http.StatusOK {
			t.Fatalf("exchange %d: %d %q", i, got.Status, got.Reason)
		} else if i == 2 {
			wantLimited(t, got)
		}
	}
	if got := s.exchange(t, personaToken(t, tenant, "reader")); got.Status != http.StatusOK {
		t.Errorf("another caller: %d %q", got.Status, got.Reason)
	}
	wantMetric(t, s, `issuer_rate_limited_total{limit="caller"} 1`)
	wantMetric(t, s, `issuer_rate_limited_total{limit="address"} 0`)
	wantMetric(t, s, `issuer_exchanges_total{door="token",outcome="refused",reason="rate_limited"} 1`)
	s.stderr.await(t, `"error":"rate_limited: the limit by caller"`, s.ended)
}

// TestNobodyGetsAroundTheLimitByAddressBySayingSo: without a trusted proxy in front X-Forwarded-For is only talk.
func TestNobodyGetsAroundTheLimitByAddressBySayingSo(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	token := personaToken(t, tenant, "editor")
	s := serve(t, onFiles(t, server.URL, "ISSUER_RATE_LIMIT_IP=3/h", "ISSUER_TRUSTED_PROXIES=10.0.0.0/8"))
	for i := range 4 {
		got := s.exchangeFor(t, fmt.Sprintf("203.0.113.%d, 10.0.0.%d", i, i), token)
		if i < 3 && got.Status != http.StatusOK {
			t.Fatalf("exchange %d: %d %q", i, got.Status, got.Reason)
		} else if i == 3 {
			wantLimited(t, got)
		}
	}
	for range 10 { // engines need the keys, whoever asks
		for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/livez"} {
			if response, _ := s.get(t, path); response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", path, response.Status)
			}
		}
	}
}

func TestEachClientOfATrustedProxyHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	token := personaToken(t, tenant, "editor")
	s := serve(t, onFiles(t, server.URL, trustLoopback, "ISSUER_RATE_LIMIT_IP=2/h"))
	for _, client := range []string{"203.0.113.7", "198.51.100.1, 203.0.113.8", "2001:db8:1:2::7"} {
		granted, last := s.asked(t, client, token, 3)
		if granted != 2 {
			t.Errorf("%s: %d granted", client, granted)
		}
		wantLimited(t, last)
	}
	wantLimited(t, s.exchangeFor(t, "2001:db8:1:2:ffff::1", token)) // of the same /64
	wantLimited(t, s.exchangeFor(t, "::ffff:203.0.113.7", token))
	if got := s.exchangeFor(t, "2001:db8:1:3::7", token); got.Status != http.StatusOK {
		t.Errorf("the next /64: %d %q", got.Status, got.Reason)
	}
}

// TestWhoGuessesIsLockedOutAndNobodyElse: once it is, it does not learn either which token would have been good.
func TestWhoGuessesIsLockedOutAndNobodyElse(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, trustLoopback, "ISSUER_RATE_LIMIT_FAILURES=3/h"))
	const guesser, neighbour = "203.0.113.7", "203.0.113.8"
	good := personaToken(t, tenant, "editor")
	guess := good[:len(good)-8] + "AAAAAAAA"
	if granted, _ := s.asked(t, guesser, good, 10); granted != 10 {
		t.Fatalf("before any guess %d of 10 were granted", granted)
	}
	nobody := personaToken(t, tenant, "nobody") // refused for want of a role, which is no guess
	if _, last := s.asked(t, guesser, nobody, 5); last.Reason != "no_roles" {
		t.Fatalf("%d %q", last.Status, last.Reason)
	}
	for range 3 {
		if got := s.exchangeFor(t, guesser, guess); got.Reason != "signature_invalid" {
			t.Fatalf("a guess: %d %q", got.Status, got.Reason)
		}
	}
	wantLimited(t, s.exchangeFor(t, guesser, guess))
	wantLimited(t, s.exchangeFor(t, guesser, good))
	if got := s.exchangeFor(t, neighbour, good); got.Status != http.StatusOK {
		t.Errorf("the neighbour: %d %q", got.Status, got.Reason)
	}
	wantMetric(t, s, `issuer_rate_limited_total{limit="failures"} 2`)
}

// TestAGatewayGoesOnForWhoIsKnownInAnOffice: where somebody guesses, those who come anew are refused, and nobody else.
func TestAGatewayGoesOnForWhoIsKnownInAnOffice(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, trustLoopback, "ISSUER_RATE_LIMIT_FAILURES=3/h", "ISSUER_RATE_LIMIT_IP=6/h"))
	ask := func(token string) doorAnswer {
		return s.send(t, http.MethodGet, "/forward-auth", bearer(token, "X-Forwarded-For", "203.0.113.7"), nil)
	}
	known := personaToken(t, tenant, "editor")
	for range 10 {
		if got := ask(known); got.status != http.StatusOK {
			t.Fatalf("before any guess: %d %q", got.status, got.reason)
		}
	}
	for range 3 {
		if got := ask(known[:len(known)-8] + "AAAAAAAA"); got.reason != "signature_invalid" {
			t.Fatalf("a guess: %d %q", got.status, got.reason)
		}
	}
	for who, token := range map[string]string{"a guess": known[:len(known)-8] + "AAAAAAAA", "somebody new": personaToken(t, tenant, "reader")} {
		if got := ask(token); got.status != http.StatusTooManyRequests {
			t.Errorf("%s: %d %q", who, got.status, got.reason)
		}
	}
	if got := ask(known); got.status != http.StatusOK {
		t.Errorf("who is known: %d %q", got.status, got.reason)
	}
	wantLimited(t, s.exchangeFor(t, "203.0.113.7", known)) // the token endpoint remembers nobody
}

// TestAPageThatSomebodyVisitsLocksNobodyOut: a form of any site may be sent here by the browsers of an office.
func TestAPageThatSomebodyVisitsLocksNobodyOut(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	const app = "https://app.example.com"
	s := serve(t, onFiles(t, server.URL, "ISSUER_RATE_LIMIT_FAILURES=3/h", "ISSUER_RATE_LIMIT_IP=6/h", "ISSUER_CORS_ORIGINS="+app))
	good := personaToken(t, tenant, "editor")
	guess := good[:len(good)-8] + "AAAAAAAA"
	post := func(origin, token string) doorAnswer {
		form := url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		}
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {origin}}
		return s.send(t, http.MethodPost, "/oauth2/token", header, []byte(form.Encode()))
	}
	for range 10 {
		for _, origin := range []string{"https://evil.example", "null"} {
			for _, token := range []string{guess, good} {
				if got := post(origin, token); got.status != http.StatusForbidden || got.reason != "policy_denied" {
					t.Fatalf("a page of %s: %d %q", origin, got.status, got.reason)
				}
			}
		}
	}
	for _, origin := range []string{app, testURL} {
		if got := post(origin, good); got.status != http.StatusOK {
			t.Errorf("a page of %s: %d %q", origin, got.status, got.reason)
		}
	}
	for range 3 { // a page that is known counts as anybody does
		if got := post(app, guess); got.reason != "signature_invalid" {
			t.Fatalf("a guess: %d %q", got.status, got.reason)
		}
	}
	if got := post(app, good); got.status != http.StatusTooManyRequests {
		t.Errorf("after too many guesses: %d %q", got.status, got.reason)
	}
}

func TestRolesAndClientAppsHaveLimitsWhereTheyAreSet(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_RATE_LIMIT_ROLES=reader=4/h,editor=2/h",
		"ISSUER_RATE_LIMIT_CLIENTS="+strings.ToUpper(faketenant.DaemonClientID)+"=1/h"))
	editor := personaToken(t, tenant, "editor")
	granted, last := s.asked(t, "", editor, 3) // the strictest limit of the roles in the token
	if granted != 2 {
		t.Errorf("%d tokens of an editor", granted)
	}
	wantLimited(t, last)
	if got := s.exchange(t, editor, "scope", "reader"); got.Status != http.StatusOK || got.Scope != "reader" {
		t.Errorf("narrowed to a role that has some left: %d %q", got.Status, got.Reason)
	}
	if granted, _ := s.asked(t, "", personaToken(t, tenant, "reader"), 5); granted != 4 {
		t.Errorf("%d tokens of another caller", granted)
	}
	granted, last = s.asked(t, "", personaToken(t, tenant, "daemon"), 2)
	if granted != 1 {
		t.Errorf("%d tokens by the app", granted)
	}
	wantLimited(t, last)
	wantMetric(t, s, `issuer_rate_limited_total{limit="role"} 2`)
	wantMetric(t, s, `issuer_rate_limited_total{limit="client"} 1`)
}

// TestReplicasLimitTogetherAndAloneWhenRedisIsKilled: with the keys of the names, and without.
func TestReplicasLimitTogetherAndAloneWhenRedisIsKilled(t *testing.T) {
	t.Parallel()
	for name, kek := range map[string]string{"keyed": goodKEK, "plain": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant, server := entra(t)
			redis := redistest.Start(t)
			replica := func() served {
				return serve(t, onFiles(t, server.URL, trustLoopback, "ISSUER_REDIS_URL="+redis.URL(), "ISSUER_KEYS_ENCRYPTION_KEY="+kek, "ISSUER_RATE_LIMIT_SUBJECT=6/h"))
			}
			one, other := replica(), replica()
			token, late := personaToken(t, tenant, "editor"), personaToken(t, tenant, "reader")
			if granted, _ := one.asked(t, "203.0.113.7", token, 4); granted != 4 {
				t.Errorf("%d granted by the first", granted)
			}
			if granted, _ := other.asked(t, "203.0.113.7", token, 4); granted != 2 {
				t.Errorf("%d granted by the second", granted)
			}
			wantMetric(t, one, "issuer_rate_limit_fallback_total 0")
			wantNamesSayNothing(t, redis, "203.0.113.7")

			redis.Stop()
			if granted, _ := one.asked(t, "203.0.113.7", token, 4); granted != 2 {
				t.Errorf("%d granted alone, of 6 of which 4 were used", granted)
			}
			granted, last := one.asked(t, "203.0.113.8", late, 8)
			if granted != 6 {
				t.Errorf("%d granted to a caller who comes while Redis is gone", granted)
			}
			wantLimited(t, last)
			if _, body := get(t, one.admin+"/metrics"); strings.Contains(string(body), "issuer_rate_limit_fallback_total 0\n") {
				t.Error("the metrics do not tell that Redis was missed")
			}
		})
	}
}

// wantNamesSayNothing wants buckets in Redis whose names do not tell whose they are.
func wantNamesSayNothing(t *testing.T, redis *redistest.Server, address string) {
	t.Helper()
	client, err := redisconn.OpenPatiently(redis.URL(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	names, err := client.Keys(t.Context(), "rate:issuer:*").Result()
	if err != nil || len(names) != 2 { // of the address and the caller
		t.Errorf("Redis holds %q, %v", names, err)
	}
	for _, name := range names {
		if strings.Contains(name, address) || strings.Contains(name, faketenant.TenantID) {
			t.Errorf("a bucket is called %q", name)
		}
	}
}

func TestDevHasTheLimitsThatAreSetAlone(t *testing.T) {
	t.Parallel()
	s, err := devSettings([]string{"ISSUER_RATE_LIMIT_SUBJECT=5/m"}, "http://127.0.0.1:8080", "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	if none := (ratelimit.Rate{}); s.RateLimitIP.Rate != none || s.RateLimitFailures.Rate != none || s.RateLimitSubject.Events != 5 {
		t.Errorf("%v, %v, %v", s.RateLimitIP, s.RateLimitFailures, s.RateLimitSubject)
	}
}

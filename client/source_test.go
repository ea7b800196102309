package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/hasura-issuer/hasura-issuer/client"
)

func wantToken(t *testing.T, source *client.Source, want string) {
	t.Helper()
	token, err := source.Token()
	if err != nil || token.AccessToken != want || !token.Valid() || token.Extra("scope") != "editor" {
		t.Fatalf("%+v, %v; want %s", token, err, want)
	}
}

func wantReason(t *testing.T, source *client.Source, want string) *client.Error {
	t.Helper()
	token, err := source.Token()
	var e *client.Error
	if !errors.As(err, &e) || e.Reason != want || token != nil || strings.Contains(err.Error(), subject) {
		t.Fatalf("%v, %v; want %s", token, err, want)
	}
	return e
}

func TestHoweverManyAskThereIsOneExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.took = time.Second
		source := i.source()
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { wantToken(t, source, "hasura-1") })
		}
		callers.Wait()
		wantToken(t, source, "hasura-1")
		if n := i.exchanges(); n != 1 {
			t.Errorf("%d exchanges", n)
		}
	})
}

func TestATokenIsRenewedAheadWhileTheOldOneServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		source := i.source()
		wantToken(t, source, "hasura-1")
		i.took = 5 * time.Second
		time.Sleep(224 * time.Second) // 74.7 %
		wantToken(t, source, "hasura-1")
		synctest.Wait()
		if n := i.exchanges(); n != 1 {
			t.Fatalf("%d exchanges before three quarters of the life", n)
		}
		time.Sleep(32 * time.Second) // 85.3 %
		wantToken(t, source, "hasura-1")
		wantToken(t, source, "hasura-1")
		time.Sleep(6 * time.Second)
		wantToken(t, source, "hasura-2")
		if n := i.exchanges(); n != 2 {
			t.Errorf("%d exchanges", n)
		}
	})
}

func TestManyProgramsDoNotComeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sources []*client.Source
		var issuers []*issuer
		for range 40 {
			i := newIssuer(t)
			source := i.source()
			wantToken(t, source, "hasura-1")
			issuers, sources = append(issuers, i), append(sources, source)
		}
		time.Sleep(240 * time.Second) // half of them by now
		renewed := 0
		for n, source := range sources {
			wantToken(t, source, "hasura-1")
			synctest.Wait()
			renewed += issuers[n].exchanges() - 1
		}
		if renewed < 5 || renewed > 35 { // one run in some millions is outside
			t.Errorf("%d of 40 were renewed at four fifths of the life", renewed)
		}
	})
}

func TestNobodyAsksWhileNobodyIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		source := i.source()
		wantToken(t, source, "hasura-1")
		time.Sleep(24 * time.Hour)
		if n := i.exchanges(); n != 1 {
			t.Errorf("%d exchanges", n)
		}
		wantToken(t, source, "hasura-2")
	})
}

func TestAFailureLeavesWhatIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		source := i.source(impatient)
		wantToken(t, source, "hasura-1")
		for range 50 {
			i.answers = append(i.answers, refusal(503, "temporarily_unavailable", "roles_unavailable", "5"))
		}
		for range 12 { // to 288 s
			time.Sleep(24 * time.Second)
			wantToken(t, source, "hasura-1")
		}
		time.Sleep(13 * time.Second)
		if e := wantReason(t, source, "roles_unavailable"); !e.Temporary() || e.RetryAfter != 5*time.Second || e.RequestID != "R1" {
			t.Errorf("%+v", e)
		}
		i.mu.Lock()
		i.answers = nil
		i.mu.Unlock()
		time.Sleep(5 * time.Second)
		if token, err := source.Token(); err != nil || token.AccessToken == "hasura-1" {
			t.Errorf("%v", err)
		}
	})
}

func TestItComesBackWhenItWasAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, refusal(429, "temporarily_unavailable", "rate_limited", "4"), refusal(503, "temporarily_unavailable", "overloaded", "3"))
		began := time.Now()
		wantToken(t, i.source(), "hasura-3")
		if waited := time.Since(began); waited != 7*time.Second {
			t.Errorf("it waited for %v", waited)
		}
	})
}

func TestItHasNoMorePatienceThanItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, refusal(429, "temporarily_unavailable", "rate_limited", "11"))
		source := i.source()
		began := time.Now()
		wantReason(t, source, "rate_limited")
		wantReason(t, source, "rate_limited") // nor does it ask before
		if n, took := i.exchanges(), time.Since(began); n != 1 || took != 0 {
			t.Errorf("%d exchanges in %v", n, took)
		}
		time.Sleep(11 * time.Second)
		wantToken(t, source, "hasura-2")
	})
}

func TestWhoGivesUpLeavesTheExchangeToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.took = 5 * time.Second
		source := i.source()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("I am late"))
		defer cancel()
		if token, err := source.TokenContext(ctx); token != nil || err == nil || err.Error() != "I am late" {
			t.Errorf("%v, %v", token, err)
		}
		wantToken(t, source, "hasura-1")
	})
}

func TestWhoGivesUpDoesNotWaitForTheIssuerToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer(t, refusal(503, "temporarily_unavailable", "overloaded", "9")).source()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if token, err := source.TokenContext(ctx); token != nil || err == nil || time.Since(began) != time.Second {
			t.Errorf("%v, %v after %v", token, err, time.Since(began))
		}
	})
}

func TestARefusalIsNotAskedForAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		for range 100 {
			i.answers = append(i.answers, refusal(403, "access_denied", "no_roles", ""))
		}
		source := i.source()
		for range 1000 {
			if e := wantReason(t, source, "no_roles"); e.Temporary() || e.Code != "access_denied" || e.Status != 403 {
				t.Fatalf("%+v", e)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := i.exchanges(); n < 5 || n > 10 { // after 1, 2, 4, 8, 16, 30, 30 … seconds
			t.Errorf("%d exchanges in 100 s", n)
		}
	})
}

func TestWhatIsNoAnswerOfAnIssuerIsAnError(t *testing.T) {
	for name, bad := range map[string]answer{
		"a page":            {200, http.Header{}, "<html>"},
		"no token":          {200, http.Header{}, `{"token_type":"Bearer","expires_in":300}`},
		"no life":           {200, http.Header{}, `{"access_token":"x","token_type":"Bearer","expires_in":0}`},
		"an endless life":   {200, http.Header{}, `{"access_token":"x","token_type":"Bearer","expires_in":9300000000}`},
		"a life of years":   {200, http.Header{}, `{"access_token":"x","token_type":"Bearer","expires_in":31536001}`},
		"no bearer token":   {200, http.Header{}, `{"access_token":"x","token_type":"DPoP","expires_in":300}`},
		"a proxy's refusal": {502, http.Header{}, "<html>bad gateway"},
		"a redirect":        {307, http.Header{"Location": {"https://elsewhere.example/oauth2/token"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source := newIssuer(t, bad).source()
			if token, err := source.Token(); token != nil || err == nil || strings.Contains(err.Error(), subject) {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
}

// TestATokenThatHasEndedWhenItComesIsNotAskedForWithoutEnd: it is a failure like any other, and nobody asks again at once.
func TestATokenThatHasEndedWhenItComesIsNotAskedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.life, i.took = 1, 1100*time.Millisecond
		source := i.source()
		e := wantReason(t, source, "issuer_timeout")
		if wantReason(t, source, "issuer_timeout"); i.exchanges() != 1 || e.Temporary() || e.Error() != "the issuer's answer came when its token had ended" {
			t.Errorf("%d exchanges: %+v", i.exchanges(), e)
		}
	})
}

// TestNobodyHasUsWaitForYears: neither the issuer, nor a proxy that answers in its place.
func TestNobodyHasUsWaitForYears(t *testing.T) {
	for name, c := range map[string]struct {
		bad  answer
		says time.Duration
		wait time.Duration
	}{
		"the issuer":    {refusal(503, "temporarily_unavailable", "overloaded", "31536000"), 10 * time.Minute, 10 * time.Minute},
		"a long number": {refusal(503, "temporarily_unavailable", "overloaded", "9223372036854775807"), 10 * time.Minute, 10 * time.Minute},
		"a proxy":       {answer{502, http.Header{"Retry-After": {"31536000"}}, "<html>bad gateway"}, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t, c.bad)
				source := i.source()
				_, err := source.Token()
				var e *client.Error
				if !errors.As(err, &e) || e.RetryAfter != c.says {
					t.Fatalf("%v", err)
				}
				time.Sleep(c.wait)
				wantToken(t, source, "hasura-2")
			})
		})
	}
}

func TestWithoutASubjectTokenThereIsNoExchange(t *testing.T) {
	i := newIssuer(t)
	reason := errors.New("sign in again")
	source := i.source(func(c *client.Config) { c.SubjectToken = func(context.Context) (string, error) { return "", reason } })
	if token, err := source.Token(); token != nil || !errors.Is(err, reason) || i.exchanges() != 0 {
		t.Errorf("%v, %v", token, err)
	}
	from := client.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: subject}))
	wantToken(t, i.source(func(c *client.Config) { c.SubjectToken = from }), "hasura-1")
	wantToken(t, i.source(func(c *client.Config) { // as files and commands have it
		c.SubjectToken = func(context.Context) (string, error) { return subject + "\n", nil }
	}), "hasura-2")
}

func TestAConfigSaysWhatIsWrongWithIt(t *testing.T) {
	for want, change := range map[string]func(*client.Config){
		"wants https":     func(c *client.Config) { c.Issuer = "http://issuer.example" },
		"no base URL":     func(c *client.Config) { c.Issuer = "issuer.example" },
		"is no base":      func(c *client.Config) { c.Issuer = "https://user:pass@issuer.example" },
		"SubjectToken is": func(c *client.Config) { c.SubjectToken = nil },
		`Roles has "a b"`: func(c *client.Config) { c.Roles = []string{"a b"} },
	} {
		config := client.Config{Issuer: "https://issuer.example", SubjectToken: func(context.Context) (string, error) { return subject, nil }}
		change(&config)
		if _, err := client.New(config); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestPlainHTTPIsForThisMachine(t *testing.T) {
	for _, issuer := range []string{"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"} {
		if _, err := client.New(client.Config{Issuer: issuer, SubjectToken: func(context.Context) (string, error) { return subject, nil }}); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

// TestAnIssuerIsNotWaitedForWithoutEnd takes the place of the network, since it gives no client.
func TestAnIssuerIsNotWaitedForWithoutEnd(t *testing.T) {
	network := http.DefaultTransport
	defer func() { http.DefaultTransport = network }()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.took = 20 * time.Second
		http.DefaultTransport = i
		began := time.Now()
		token, err := i.source(func(c *client.Config) { c.HTTPClient = nil }).Token()
		if took := time.Since(began); token != nil || err == nil || took != 15*time.Second {
			t.Errorf("%v, %v after %v", token, err, took)
		}
	})
}

func TestTheRefusalOfAnOldTokenIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newIssuer(t).source()
		wantToken(t, source, "hasura-1")
		time.Sleep(time.Minute)
		source.Refused("hasura-0")
		wantToken(t, source, "hasura-1")
		source.Refused("hasura-1")
		wantToken(t, source, "hasura-2")
	})
}

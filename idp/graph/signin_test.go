package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// signIns has the sign-in hand out numbered tokens of a life, and Graph take whatever takes says.
func (s *stage) signIns(life int, takes func(token string) bool) {
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
			write(w, http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"token-%d"}`, life, s.count("token")))
		case r.URL.Host != "graph.microsoft.com":
			return false
		case takes(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer token-")):
			write(w, http.StatusOK, `{"value":[]}`)
		default:
			graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
		}
		return true
	})
}

func whatever(string) bool { return true }

// asks asks about somebody new at each step for a time, and returns how many sign-ins that took.
func (s *stage) asks(t *testing.T, client *graph.Client, during, step time.Duration) int {
	t.Helper()
	before := s.count("token")
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(step) {
		if _, err := client.Groups(t.Context(), s.user(), nil); err != nil {
			t.Fatalf("after %s: %v", time.Until(end), err)
		}
	}
	return s.count("token") - before
}

func TestATokenIsUsedForMostOfItsLife(t *testing.T) {
	for name, c := range map[string]struct {
		life         int
		during, step time.Duration
		signIns      int
	}{
		"an hour's, until five minutes before": {3599, 3299 * time.Second, 3298 * time.Second, 1},
		"an hour's, then anew":                 {3599, 3301 * time.Second, 3300 * time.Second, 2},
		"a minute's":                           {60, 54 * time.Second, time.Second, 1},
		"a minute's, then anew":                {60, 56 * time.Second, time.Second, 2},
		"one that is hardly good":              {1, 20 * time.Second, time.Second, 2},
		"one that is no good":                  {0, 20 * time.Second, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *stage) {
				s.signIns(c.life, whatever)
				if n := s.asks(t, s.open(t), c.during, c.step); n != c.signIns {
					t.Errorf("%d sign-ins in %s, want %d", n, c.during, c.signIns)
				}
			})
		})
	}
}

func TestAnOldTokenServesWhileNobodyCanSignIn(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		s.signIns(3599, whatever)
		client := s.open(t)
		s.asks(t, client, time.Second, time.Second)
		time.Sleep(3300 * time.Second)
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Host == "graph.microsoft.com" {
				write(w, http.StatusOK, `{"value":[]}`)
				return true
			}
			down(w, r)
			return true
		})
		if n := s.count("openid-configuration"); n != 1 {
			t.Fatalf("%d sign-ins", n)
		}
		s.asks(t, client, 290*time.Second, time.Second)
		if n := s.count("openid-configuration"); n < 50 || n > 60 {
			t.Errorf("%d attempts to sign in, want about one in five seconds", n-1)
		}
		time.Sleep(10 * time.Second)
		got, err := client.Groups(t.Context(), s.user(), nil)
		s.refused(t, got, err)
	})
}

func TestAFailedSignInIsRememberedForAWhile(t *testing.T) {
	for name, c := range map[string]struct {
		retryAfter string
		pause      time.Duration
	}{
		"for five seconds":               {"", 5 * time.Second},
		"as long as Entra says":          {"17", 17 * time.Second},
		"for five seconds at least":      {"1", 5 * time.Second},
		"for a minute, whatever it says": {"3600", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *stage) {
				client := s.open(t)
				s.answer(func(w http.ResponseWriter, r *http.Request) bool {
					if !strings.HasSuffix(r.URL.Path, "/token") {
						return false
					}
					w.Header().Set("Retry-After", c.retryAfter)
					write(w, http.StatusTooManyRequests, `{"error":"temporarily_unavailable","error_description":"AADSTS90055: throttled"}`)
					return true
				})
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() {
						got, err := client.Groups(t.Context(), s.user(), nil)
						if problem := s.refused(t, got, err); problem.Code != "AADSTS90055" || problem.RetryAfter != c.pause {
							t.Errorf("%v, come again after %s, want %s", err, problem.RetryAfter, c.pause)
						}
					})
				}
				all.Wait()
				s.answer(nil)
				time.Sleep(c.pause - time.Second)
				got, err := client.Groups(t.Context(), s.user(), nil)
				if problem := s.refused(t, got, err); problem.RetryAfter != time.Second || s.count("token") != 1 {
					t.Errorf("%d sign-ins, come again after %s", s.count("token"), problem.RetryAfter)
				}
				time.Sleep(time.Second)
				if _, err := client.Groups(t.Context(), s.user(), nil); err != nil || s.count("token") != 2 {
					t.Errorf("after the pause: %v, %d sign-ins", err, s.count("token"))
				}
			})
		})
	}
}

func TestATokenThatGraphRefusesIsRenewedOnce(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client := s.open(t)
		s.signIns(3599, func(token string) bool { return token == "1" })
		if n := s.asks(t, client, 20*time.Second, time.Second); n != 1 {
			t.Fatalf("%d sign-ins", n)
		}
		s.signIns(3599, func(token string) bool { return token == "2" }) // the first was revoked
		if n := s.asks(t, client, 20*time.Second, time.Second); n != 1 {
			t.Errorf("%d sign-ins after the token was revoked, want 1", n)
		}
	})
}

func TestAGraphThatRefusesEveryTokenMakesFewSignIns(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client := s.open(t)
		s.signIns(3599, func(string) bool { return false })
		for range 20 {
			got, err := client.Groups(t.Context(), s.user(), nil)
			if problem := s.refused(t, got, err); problem.Code != "InvalidAuthenticationToken" || problem.Hint == "" {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
		if n := s.count("token"); n > 3 {
			t.Errorf("%d sign-ins in 20 seconds", n)
		}
		if n := s.count("getMemberGroups"); n != 40 {
			t.Errorf("%d questions, want two per caller", n)
		}
	})
}

// Whoever waits at a sign-in does not depend on who began it.
func TestACheckThatIsCutShortFailsNobody(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		client, caller := s.open(t), s.user(groups(0, 1)...)
		s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/token") {
				time.Sleep(time.Second)
			}
			return false
		})
		short, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { s.refused(t, nil, client.Check(short, caller.TenantID)) })
		synctest.Wait()
		all.Go(func() { want(t, client, caller, nil, groups(0, 1)) })
		synctest.Wait()
		leave()
		all.Wait()
		if n := s.count("token"); n != 1 {
			t.Errorf("%d sign-ins", n)
		}
	})
}

// Entra's documentation has refusals with 4xx only, but MSAL-go expects them with 200, too.
func TestARefusalInA200IsOne(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/token") {
			return false
		}
		write(w, http.StatusOK, `{"error":"invalid_grant","error_description":"AADSTS65001: `+canary+`"}`)
		return true
	})
	got, err := s.open(t).Groups(t.Context(), s.user(), nil)
	if problem := s.refused(t, got, err); problem.Code != "AADSTS65001" || problem.Hint == "" {
		t.Error(err)
	}
}

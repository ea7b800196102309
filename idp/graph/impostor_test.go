package graph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

func TestASignInThatIsNotEntrasGetsNothing(t *testing.T) {
	t.Parallel()
	const v2 = "https://login.microsoftonline.com/7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	document := func(issuer, endpoint string) string {
		return fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q}`, issuer, v2+"/authorize", endpoint)
	}
	for name, c := range map[string]struct {
		last string // of the path that is answered so
		http.HandlerFunc
	}{
		"a page of a proxy":      {"token", answers("<html>" + canary)},
		"a document of a proxy":  {"openid-configuration", answers("<html>" + canary)},
		"no token":               {"token", answers(`{"token_type":"Bearer","expires_in":3599}`)},
		"an empty token":         {"token", answers(`{"token_type":"Bearer","expires_in":3599,"access_token":""}`)},
		"a refusal in a 200":     {"token", answers(`{"error":"` + canary + `","error_description":"` + canary + `"}`)},
		"a token with a refusal": {"token", answers(`{"error":"x","access_token":"` + canary + `","expires_in":3599}`)},
		"a refusal in prose":     {"token", func(w http.ResponseWriter, _ *http.Request) { write(w, 400, canary) }},
		"a refusal with strange numbers": {"token", func(w http.ResponseWriter, _ *http.Request) {
			write(w, 400, `{"error_description":"AADSTS`+canary+`"}`)
		}},
		"longer than any":          {"token", answers(strings.Repeat(" ", 1<<20+1))},
		"a longer document":        {"openid-configuration", answers(strings.Repeat(" ", 1<<20+1))},
		"a redirect":               {"token", redirect},
		"a redirect to a document": {"openid-configuration", redirect},
		"an endpoint elsewhere":    {"openid-configuration", answers(document(v2+"/v2.0", "https://evil.example/token"))},
		"an endpoint without TLS":  {"openid-configuration", answers(document(v2+"/v2.0", "http://login.microsoftonline.com/token"))},
		"an issuer elsewhere":      {"openid-configuration", answers(document("https://"+canary+".example/v2.0", v2+"/oauth2/v2.0/token"))},
		"no endpoint":              {"openid-configuration", answers(`{"issuer":"` + v2 + `"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.answer(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/"+c.last) {
					return false
				}
				c.HandlerFunc(w, r)
				return true
			})
			clock := newClock()
			client := s.open(t, func(c *graph.Config) { c.Now = clock.now })
			for range 2 { // a second attempt is not let through by what the first left behind
				got, err := client.Groups(t.Context(), s.user(), nil)
				if problem := s.refused(t, got, err); problem.Code != "" {
					t.Errorf("the code is %q", problem.Code)
				}
				clock.advance(fresh)
			}
			if s.count(c.last) != 2 || s.count("getMemberGroups") != 0 || len(s.strayed) > 0 {
				t.Errorf("%d answers, %d questions, strayed to %v", s.count(c.last), s.count("getMemberGroups"), s.strayed)
			}
		})
	}
}

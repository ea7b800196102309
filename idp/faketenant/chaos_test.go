package faketenant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func (s served) chaos(t *testing.T, lever string, form url.Values, header http.Header) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/chaos/"+lever, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body strings.Builder
	if _, err := copyTo(&body, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.String()
}

func TestChaosIsThereOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	if status, _ := s.chaos(t, "rotate", nil, nil); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
}

func TestChaosPullsEveryLeverThatItLists(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := serve(t, faketenant.Options{Chaos: true, Now: func() time.Time { return now }})
	guest := oidOf(t, s, "guest")
	first, consumer := s.KID(faketenant.KeyFirst), s.KID(faketenant.KeyConsumer)
	tries := []struct {
		lever string
		form  url.Values
		seen  func() bool
	}{
		{"rotate", nil, func() bool { return s.KID(faketenant.KeySecond) == first }},
		{"withdraw", url.Values{"key": {"consumer"}}, func() bool { return !s.published(t, faketenant.KeyConsumer) }},
		{"emergency", nil, func() bool { return s.KID(faketenant.KeyConsumer) != consumer }},
		{"weather", url.Values{"part": {"keys"}, "status": {"503"}, "retry-after": {"5s"}}, func() bool {
			return s.outcome(t.Context(), t, v2Keys) == "503 Service Unavailable 5"
		}},
		{"fair", nil, func() bool { return s.outcome(t.Context(), t, v2Keys) == "fair" }},
		{"clock", url.Values{"offset": {"-10m"}}, func() bool {
			response, _ := s.get(t, v2Document)
			return response.Header.Get("Date") == now.Add(-10*time.Minute).UTC().Format(http.TimeFormat)
		}},
		{"lifetime", url.Values{"for": {"90s"}}, func() bool {
			claims := s.Claims("reader")
			return claims["exp"].(int64)-claims["iat"].(int64) == 390
		}},
		{"groups", url.Values{"object": {"reader"}, "group": {faketenant.GroupTwo}}, func() bool {
			return s.Claims("reader")["groups"].([]string)[0] == faketenant.GroupTwo
		}},
		{"remove", url.Values{"object": {"guest"}}, func() bool {
			token := s.tokenFor(t, faketenant.APIClientID, graphScope)
			response, _ := s.graph(t, token, http.MethodPost, "/users/"+guest+"/getMemberGroups", `{}`, nil)
			return response.StatusCode == http.StatusNotFound
		}},
		{"permissions", url.Values{"app": {faketenant.APIClientID}, "permission": {"A", "B"}}, func() bool {
			app, _ := s.App(faketenant.APIClientID)
			return len(app.GraphRoles) == 2
		}},
	}
	_, help := s.get(t, "/chaos")
	if listed := strings.Count(string(help), "\n"); listed != len(tries)+2 { // hits, and how parameters are sent
		t.Errorf("%d levers are listed, %d tried:\n%s", listed, len(tries), help)
	}
	for _, try := range tries {
		if !strings.Contains(string(help), "/chaos/"+try.lever+" ") {
			t.Errorf("%s is not listed", try.lever)
		}
		if status, body := s.chaos(t, try.lever, try.form, nil); status != http.StatusOK || !try.seen() {
			t.Errorf("%s: %d %s", try.lever, status, body)
		}
	}
	var hits map[string]int
	s.getJSON(t, "/chaos/hits", http.StatusOK, &hits)
	if hits["/chaos/rotate"] != 1 {
		t.Errorf("hits %v", hits)
	}
}

func TestChaosRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{Chaos: true})
	for lever, forms := range map[string][]url.Values{
		"withdraw":    {nil, {"key": {"stranger"}}},
		"weather":     {nil, {"part": {"moon"}}, {"part": {"keys"}, "status": {"200"}}, {"part": {"keys"}, "status": {"x"}}, {"part": {"keys"}, "times": {"-1"}}, {"part": {"keys"}, "delay": {"2"}}, {"part": {"keys"}, "body": {"x"}}, {"part": {"keys"}, "hang": {"yes"}}, {"part": {"keys"}, "retry_after": {"5s"}}},
		"rotate":      {{"key": {"first"}}},
		"fair":        {{"part": {"keys"}}},
		"clock":       {nil, {"offset": {"x"}}},
		"lifetime":    {nil},
		"groups":      {nil, {"object": {"reader"}, "group": {"admins"}}},
		"remove":      {nil},
		"permissions": {nil, {"app": {"x"}}},
	} {
		for _, form := range forms {
			if status, body := s.chaos(t, lever, form, nil); status != http.StatusBadRequest || !strings.Contains(body, "it wants") {
				t.Errorf("%s %v: %d %s", lever, form, status, body)
			}
		}
	}
	if status, body := s.chaos(t, "nope", nil, nil); status != http.StatusNotFound || !strings.Contains(body, "GET /chaos lists") {
		t.Errorf("no lever: %d %s", status, body)
	}
	if _, body := s.chaos(t, "weather", url.Values{"part": {"keys"}, "retry_after": {"5s"}}, nil); !strings.Contains(body, `"retry_after" is no parameter; it wants part, times, delay, hang, status, retry-after`) {
		t.Errorf("a parameter that is spelt otherwise: %s", body)
	}
	if status, _ := s.chaos(t, "rotate", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}}); status != http.StatusForbidden {
		t.Errorf("a page of another origin: status %d", status)
	}
}

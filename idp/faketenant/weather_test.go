package faketenant_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const v2Document = "/" + faketenant.TenantID + "/v2.0/.well-known/openid-configuration"

// outcome is what a client meets at path.
func (s served) outcome(ctx context.Context, t *testing.T, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.client.Transport.RoundTrip(request)
	if err != nil {
		return "no answer"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case response.StatusCode != http.StatusOK:
		return response.Status + " " + response.Header.Get("Location") + response.Header.Get("Retry-After")
	case err != nil:
		return "cut off"
	case len(body) == 1<<20:
		return "endless"
	case strings.HasPrefix(response.Header.Get("Content-Type"), "text/html"):
		return "a page"
	case !json.Valid(body):
		return "garbage"
	default:
		return "fair"
	}
}

func TestWeatherBefallsItsPartAlone(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	paths := map[faketenant.Part]string{faketenant.PartKeys: v2Keys, faketenant.PartDiscovery: v2Document}
	for name, c := range map[string]struct {
		weather faketenant.Weather
		want    string
	}{
		"down":      {faketenant.Weather{Status: 503}, "503 Service Unavailable "},
		"busy":      {faketenant.Weather{Status: 429}, "429 Too Many Requests 10"},
		"for a bit": {faketenant.Weather{Status: 503, RetryAfter: 3 * time.Second}, "503 Service Unavailable 3"},
		"moved":     {faketenant.Weather{Location: "https://elsewhere.example/"}, "302 Found https://elsewhere.example/"},
		"truncated": {faketenant.Weather{Body: faketenant.BodyTruncated}, "cut off"},
		"garbage":   {faketenant.Weather{Body: faketenant.BodyGarbage}, "garbage"},
		"huge":      {faketenant.Weather{Body: faketenant.BodyHuge}, "endless"},
		"a portal":  {faketenant.Weather{Body: faketenant.BodyHTML}, "a page"},
		"slow":      {faketenant.Weather{Delay: time.Nanosecond}, "fair"},
		"refused":   {faketenant.Weather{AADSTS: 53003}, "400 Bad Request "},
	} {
		for part, path := range paths {
			s.SetWeather(part, c.weather)
			for other, elsewhere := range paths {
				want := "fair"
				if other == part {
					want = c.want
				}
				if got := s.outcome(t.Context(), t, elsewhere); got != want {
					t.Errorf("%s at %s: %s answers %q, want %q", name, part, other, got, want)
				}
			}
			s.SetWeather(part, faketenant.Weather{})
			if got := s.outcome(t.Context(), t, path); got != "fair" {
				t.Errorf("%s: afterwards %s answers %q", name, part, got)
			}
		}
	}
}

func TestWeatherPasses(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	s.SetWeather(faketenant.PartKeys, faketenant.Weather{Status: 500, Times: 2})
	var got []string
	for range 3 {
		got = append(got, s.outcome(t.Context(), t, v2Keys))
	}
	if diff := cmp.Diff([]string{"500 Internal Server Error ", "500 Internal Server Error ", "fair"}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestHangingAnswersNothingUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for _, weather := range []faketenant.Weather{{Hang: true}, {Delay: time.Hour}} {
		s.SetWeather(faketenant.PartDiscovery, weather)
		ctx, cancel := context.WithCancel(t.Context())
		came := make(chan string)
		go func() { came <- s.outcome(ctx, t, v2Document) }()
		before := s.Hits(v2Document)
		for s.Hits(v2Document) == before { // the request is there
			if got := s.outcome(t.Context(), t, v2Keys); got != "fair" {
				t.Fatalf("meanwhile the keys answer %q", got)
			}
		}
		cancel()
		if got := <-came; got != "no answer" {
			t.Errorf("%+v: %q", weather, got)
		}
	}
}

// TestHangingEndsWithAClientThatHasSentABody: net/http tells of the end of a connection only to who has read what it sent.
func TestHangingEndsWithAClientThatHasSentABody(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	s.SetWeather(faketenant.PartGraph, faketenant.Weather{Hang: true})
	begun, ended := make(chan bool), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		defer close(ended)
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/graph/v1.0/me/getMemberGroups", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := server.Client().Do(request); err == nil {
		response.Body.Close()
		t.Errorf("the answer is %s", response.Status)
	}
	<-ended
}

func TestTheDateFollowsTheTenantsClockAndItsOffset(t *testing.T) {
	t.Parallel()
	now := time.Unix(1767225600, 0)
	s := serve(t, faketenant.Options{Now: func() time.Time { return now }})
	for _, offset := range []time.Duration{0, -10 * time.Minute, 3 * time.Hour} {
		s.SetDateOffset(offset)
		response, _ := s.get(t, v2Document)
		if got, want := response.Header.Get("Date"), now.Add(offset).UTC().Format(http.TimeFormat); got != want {
			t.Errorf("offset %s: Date %q, want %q", offset, got, want)
		}
	}
}

func TestGraphHasWeatherInItsOwnShape(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token := s.tokenFor(t, faketenant.APIClientID, graphScope)
	path := "/users/" + oidOf(t, s, "editor") + "/getMemberGroups"
	var recordedErrors []recorded
	if err := json.Unmarshal(collected(t).Graph["errors"], &recordedErrors); err != nil {
		t.Fatal(err)
	}
	for _, want := range recordedErrors {
		if want.Status != 429 && want.Status != 503 {
			continue // the others are no weather
		}
		after, _ := time.ParseDuration(want.Headers["Retry-After"] + "s")
		s.SetWeather(faketenant.PartGraph, faketenant.Weather{Status: want.Status, RetryAfter: after, Times: 1})
		response, body := s.graph(t, token, http.MethodPost, path, `{}`, nil)
		var wantBody, got struct{ Error struct{ Code string } }
		if err := json.Unmarshal(want.Body, &wantBody); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if response.StatusCode != want.Status || got != wantBody {
			t.Errorf("%d %+v, want %d %+v", response.StatusCode, got, want.Status, wantBody)
		}
		for name, value := range want.Headers {
			if got := response.Header.Get(name); got != value {
				t.Errorf("%d: %s %q, want %q", want.Status, name, got, value)
			}
		}
	}
	for load, want := range map[float64]string{0.5: "", 0.8: "0.8", 1.25: "1.25"} {
		s.SetGraphLoad(load)
		response, _ := s.graph(t, token, http.MethodPost, path, `{}`, nil)
		if got := response.Header.Get("X-Ms-Throttle-Limit-Percentage"); got != want {
			t.Errorf("load %v: %q", load, got)
		}
	}
}

func TestAnEmergencyRolloverLeavesNoOldKey(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	old := s.keySet(t, v2Keys)
	before := s.Sign(s.Claims("reader"))
	s.EmergencyRollover()
	if _, err := s.verify(t, before); err == nil {
		t.Error("a token from before verifies")
	}
	if _, err := s.verify(t, s.Sign(s.Claims("reader"))); err != nil {
		t.Errorf("a token from after: %v", err)
	}
	set := s.keySet(t, v2Keys)
	kept := 0
	for _, key := range old.Keys {
		kept += len(set.Key(key.KeyID))
	}
	if len(set.Keys) != 4 || kept != 1 { // the other cloud had no emergency
		t.Errorf("%d keys, %d of them old", len(set.Keys), kept)
	}
}

package adminapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// profiler is a service that answers with profiles alone.
type profiler struct {
	*httptest.Server
	logs   *bytes.Buffer // read only after Close
	ending chan struct{}
}

func startProfiler(t *testing.T, open bool) *profiler {
	t.Helper()
	v := verifier{t: t, known: map[string]idp.Subject{bossToken: operator(), "nobody": operator(func(s *idp.Subject) { s.AppRoles = nil })}}
	p := &profiler{logs: &bytes.Buffer{}, ending: make(chan struct{})}
	guard := adminapi.NewGuard(v, adminRole, sha256.Sum256([]byte(staticToken)))
	front := api.New(api.Config{URL: "https://auth.example.com", Logger: zerolog.New(zerolog.SyncWriter(p.logs))}, nil, nil)
	p.Server = httptest.NewServer(front.AdminHandler(http.NotFoundHandler(), map[string]api.Operations{
		adminapi.ProfilesPath: adminapi.NewProfiles(guard, open, p.ending),
	}))
	t.Cleanup(p.Close)
	return p
}

// request is one for a path, with headers in pairs, of which Host is one.
func (p *profiler) request(t *testing.T, method, path string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, nil)
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Add(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	return r
}

func (p *profiler) send(t *testing.T, method, path string, headers ...string) answer {
	t.Helper()
	got, err := p.do(p.request(t, method, path, headers...))
	must(t, err)
	return got
}

// served is a request as the handler gets it from this machine.
func (p *profiler) served(t *testing.T, path string) *http.Request {
	t.Helper()
	r := p.request(t, http.MethodGet, adminapi.ProfilesPath+path)
	r.RemoteAddr, r.Host = "127.0.0.1:40000", "127.0.0.1:9090"
	return r
}

func (p *profiler) do(r *http.Request) (answer, error) {
	response, err := p.Client().Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text)}, err
}

// TestProfilesAreOpenToProgramsOfThisMachineAlone: not to pages in a browser, whatever name they found us by, nor behind a proxy.
func TestProfilesAreOpenToProgramsOfThisMachineAlone(t *testing.T) {
	t.Parallel()
	open, closed := startProfiler(t, true), startProfiler(t, false)
	for name, tc := range map[string]struct {
		of      *profiler
		headers []string
		want    int
	}{
		"a program":                                {open, nil, 200},
		"by name":                                  {open, []string{"Host", "localhost:9090"}, 200},
		"by IPv6":                                  {open, []string{"Host", "[::1]:9090"}, 200},
		"by IPv6, on the usual port":               {open, []string{"Host", "[::1]"}, 200},
		"a person who typed it":                    {open, []string{"Sec-Fetch-Site", "none"}, 200},
		"a name that was made to mean us":          {open, []string{"Host", "attacker.example:9090"}, 401},
		"a name that begins like ours":             {open, []string{"Host", "localhost.attacker.example"}, 401},
		"an address of ours to others":             {open, []string{"Host", "192.0.2.1:9090"}, 401},
		"every address":                            {open, []string{"Host", "0.0.0.0:9090"}, 401},
		"an image of a page":                       {open, []string{"Sec-Fetch-Site", "cross-site"}, 401},
		"a page that says it is ours":              {open, []string{"Sec-Fetch-Site", "same-origin"}, 401},
		"a script of a page":                       {open, []string{"Origin", "http://localhost:9090"}, 401},
		"a link of a page":                         {open, []string{"Referer", "http://localhost:9090/"}, 401},
		"a proxy here":                             {open, []string{"X-Forwarded-For", "127.0.0.1"}, 401},
		"a proxy here that says so by the RFC":     {open, []string{"Forwarded", "for=127.0.0.1"}, 401},
		"a proxy here that says no more":           {open, []string{"Via", "1.1 here"}, 401},
		"a proxy here that says for whom":          {open, []string{"X-Real-Ip", "127.0.0.1"}, 401},
		"a proxy here that says by which name":     {open, []string{"X-Forwarded-Host", "localhost"}, 401},
		"a page that hides among headers":          {open, []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Site", "cross-site"}, 401},
		"credentials that are wrong":               {open, []string{"Authorization", "Bearer wrong"}, 401},
		"nobody in particular":                     {open, []string{"Authorization", "Bearer nobody"}, 403},
		"an operator":                              {open, []string{"Authorization", "Bearer " + bossToken}, 200},
		"an operator by another name":              {open, []string{"Authorization", "Bearer " + bossToken, "Host", "issuer.example"}, 200},
		"a program, of a listener for others":      {closed, nil, 401},
		"an operator, of a listener for others":    {closed, []string{"Authorization", "Bearer " + bossToken}, 200},
		"the token of the settings, there":         {closed, []string{"Authorization", "Bearer " + staticToken}, 200},
		"nobody in particular, there":              {closed, []string{"Authorization", "Bearer nobody"}, 403},
		"a program that says who it is in a query": {closed, []string{"Cookie", "Authorization=Bearer " + bossToken}, 401},
	} {
		for _, path := range []string{"", "heap", "goroutine"} {
			if got := tc.of.send(t, http.MethodGet, adminapi.ProfilesPath+path, tc.headers...); got.StatusCode != tc.want {
				t.Errorf("%s: %s, want %d", name, got.Status, tc.want)
			}
		}
	}
	for _, path := range []string{"cmdline", "none", "profile"} {
		if got := closed.send(t, http.MethodPost, adminapi.ProfilesPath+path); got.StatusCode != 401 || got.Header.Get("Allow") != "" {
			t.Errorf("%s tells somebody: %s", path, got.Status)
		}
	}
	away := open.served(t, "")
	away.RemoteAddr = "192.0.2.7:40000"
	answered := httptest.NewRecorder()
	open.Config.Handler.ServeHTTP(answered, away)
	if answered.Code != http.StatusUnauthorized {
		t.Errorf("somebody from elsewhere: %d", answered.Code)
	}
	open.Close()
	if logs := open.logs.String(); !strings.Contains(logs, `"route":"/debug/pprof/heap","actor":"local@127.0.0.1"`) || strings.Contains(logs, bossToken) {
		t.Error("the log does not say who took the profile of the heap, or holds a token")
	}
}

// guarded waits with what must not be shown, until it is told to end.
//
//go:noinline
func guarded(secret [32]byte, began chan<- struct{}, end <-chan struct{}) byte {
	close(began)
	<-end
	return secret[31]
}

// TestAProfileShowsFunctionsAndNothingThatTheyHold, in either form of each.
func TestAProfileShowsFunctionsAndNothingThatTheyHold(t *testing.T) {
	t.Parallel()
	p := startProfiler(t, true)
	began, end := make(chan struct{}), make(chan struct{})
	go guarded([32]byte([]byte("sixteen letters, and 16 of them.")), began, end)
	<-began
	defer close(end)
	if got := p.send(t, http.MethodGet, adminapi.ProfilesPath); got.body != "allocs\ngoroutine\nheap\nprofile\nthreadcreate\n" {
		t.Errorf("the index is %q", got.body)
	}
	for _, path := range []string{"allocs", "goroutine", "heap", "threadcreate", "heap?gc=1"} {
		got := p.send(t, http.MethodGet, adminapi.ProfilesPath+path)
		text := unpacked(t, got.body)
		sep := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
		plain := p.send(t, http.MethodGet, adminapi.ProfilesPath+path+sep+"debug=1")
		if !strings.HasPrefix(plain.Header.Get("Content-Type"), "text/plain") || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %v", path, got.Header, plain.Header)
		}
		for _, shown := range []string{text, plain.body} {
			if path == "goroutine" != strings.Contains(shown, "adminapi_test.guarded") {
				t.Errorf("%s shows a function that waits, or does not", path)
			}
			for _, secret := range []string{"sixteen", "6574786973", "0x6e6565747869"} { // as it is, and as words of memory are written
				if strings.Contains(shown, secret) {
					t.Errorf("%s shows what the function was called with", path)
				}
			}
		}
	}
	for path, want := range map[string]int{
		"goroutine?debug=2": 400, "heap?debug=2": 400, "heap?gc=2": 400, "heap?seconds=5": 400, "goroutine?gc=1": 400, "profile?seconds=0": 400,
		"profile?seconds=61": 400, "profile?seconds=1.5": 400, "profile?seconds=": 400, "profile?debug=1": 400, "?x": 400,
		"cmdline": 404, "symbol": 404, "trace": 404, "block": 404, "heap/": 404, "Heap": 404, "%68eap": 404,
	} {
		if got := p.send(t, http.MethodGet, adminapi.ProfilesPath+path); got.StatusCode != want || got.reason() == "" {
			t.Errorf("%s: %s %s, want %d", path, got.Status, got.reason(), want)
		}
	}
	if got := p.send(t, http.MethodPost, adminapi.ProfilesPath+"heap"); got.StatusCode != 405 || got.Header.Get("Allow") != "GET" {
		t.Errorf("POST: %s", got.Status)
	}
	if _, pattern := http.DefaultServeMux.Handler(httptest.NewRequest(http.MethodGet, adminapi.ProfilesPath, nil)); pattern != "" {
		t.Error("the mux that everybody shares serves profiles, too")
	}
}

// unpacked is a profile in the form of the go tools, whose names can be read.
func unpacked(t *testing.T, body string) string {
	t.Helper()
	packed, err := gzip.NewReader(strings.NewReader(body))
	must(t, err)
	text, err := io.ReadAll(packed)
	must(t, err)
	return string(text)
}

// TestOneProfileOfTheCPUIsTakenAtATime, and none outlasts the service.
func TestOneProfileOfTheCPUIsTakenAtATime(t *testing.T) {
	t.Parallel()
	p := startProfiler(t, true)
	answers := make(chan answer, 2)
	for range 2 {
		r := p.request(t, http.MethodGet, adminapi.ProfilesPath+"profile?seconds=60")
		go func() {
			got, err := p.do(r)
			if err != nil {
				t.Error(err)
				got.Response = &http.Response{}
			}
			answers <- got
		}()
	}
	if got := <-answers; got.StatusCode != http.StatusConflict || got.reason() != "profile_running" {
		t.Fatalf("a second one: %s %s", got.Status, got.reason())
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	close(p.ending)
	for i := range 2 { // the first, and one more
		if i == 1 {
			answers <- p.send(t, http.MethodGet, adminapi.ProfilesPath+"profile")
		}
		if got := <-answers; got.StatusCode != http.StatusOK || !strings.Contains(unpacked(t, got.body), "nanoseconds") {
			t.Errorf("profile %d: %s %s", i, got.Status, got.reason())
		}
	}
	left := httptest.NewRecorder()
	p.Config.Handler.ServeHTTP(left, p.served(t, "profile").WithContext(gone))
	if left.Code == http.StatusUnauthorized || left.Code == http.StatusOK {
		t.Error("a profile was taken for somebody who left")
	}
	must(t, pprof.StartCPUProfile(io.Discard)) // somebody else, in this process
	defer pprof.StopCPUProfile()
	if got := p.send(t, http.MethodGet, adminapi.ProfilesPath+"profile"); got.reason() != "profile_running" {
		t.Errorf("beside somebody else's: %s %s", got.Status, got.reason())
	}
}

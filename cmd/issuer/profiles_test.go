package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// TestProfilesAreServedToOperatorsAlone: without credentials only where nobody but this machine reaches the listener, and
// never where the world asks for tokens.
func TestProfilesAreServedToOperatorsAlone(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	own := serve(t, onFiles(t, server.URL))
	wide := serve(t, onFiles(t, server.URL, "ISSUER_ADMIN_LISTEN=:0", "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(wide.admin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	wide.admin = "http://127.0.0.1:" + port
	for name, tc := range map[string]struct {
		base, host, authorization string
		want                      int
	}{
		"of this machine alone":                  {base: own.admin, want: 200},
		"of this machine alone, by a false name": {base: own.admin, host: "attacker.example", want: 401},
		"of all":                                 {base: wide.admin, want: 401},
		"of all, by an operator":                 {base: wide.admin, authorization: "Bearer " + operatorToken, want: 200},
		"of the world":                           {base: own.base, want: 404},
		"of the world, by an operator":           {base: wide.base, authorization: "Bearer " + operatorToken, want: 404},
	} {
		for _, path := range []string{"", "heap", "goroutine?debug=1"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tc.base+"/debug/pprof/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Host = tc.host; tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != tc.want {
				t.Errorf("%s, %q: %s, want %d", name, path, response.Status, tc.want)
			}
		}
	}
}

// TestMetricsAreNotForPagesOfABrowser: a name that was made to mean this machine is refused where nobody else reaches the listener,
// which therefore asks for no credentials. Elsewhere its names are not known.
func TestMetricsAreNotForPagesOfABrowser(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	own := serve(t, onFiles(t, server.URL))
	wide := serve(t, onFiles(t, server.URL, "ISSUER_ADMIN_LISTEN=:0"))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(wide.admin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	wide.admin = "http://127.0.0.1:" + port
	for _, tc := range []struct {
		base, host string
		want       int
	}{
		{own.admin, "", 200},
		{own.admin, "localhost:9090", 200},
		{own.admin, "[::1]:9090", 200},
		{own.admin, "attacker.example:9090", 403},
		{own.admin, "localhost.attacker.example", 403},
		{own.admin, "192.0.2.1", 403},
		{wide.admin, "issuer.example", 200},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tc.base+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tc.host
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if told := strings.Contains(string(body), "issuer_"); err != nil || response.StatusCode != tc.want || told != (tc.want == 200) {
			t.Errorf("%q at %s: %s, tells something %v, %v", tc.host, tc.base, response.Status, told, err)
		}
	}
}

// TestALongProfileOutlastsTheBoundsOfOtherRequests: both that of the server, for an answer to be written, and that of the
// routes. Here these are shorter than a profile of a second, as they are than one of half a minute.
func TestALongProfileOutlastsTheBoundsOfOtherRequests(t *testing.T) {
	t.Parallel()
	profiles := adminapi.NewProfiles(adminapi.NewGuard(nil, "Issuer.Admin"), true, t.Context().Done())
	front := api.New(api.Config{URL: testURL, Logger: zerolog.Nop(), Timeout: 200 * time.Millisecond}, nil, nil)
	server := newServer(front.AdminHandler(http.NotFoundHandler(), map[string]api.Operations{adminapi.ProfilesPath: profiles}), zerolog.Nop())
	server.WriteTimeout = 200 * time.Millisecond
	listener, err := listen(t.Context(), "ISSUER_ADMIN_LISTEN", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	response, body := get(t, "http://"+listener.Addr().String()+"/debug/pprof/profile?seconds=1")
	if response.StatusCode != http.StatusOK || len(body) == 0 {
		t.Errorf("%s with %d bytes", response.Status, len(body))
	}
}

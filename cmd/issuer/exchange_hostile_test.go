package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestADeviceCodeIsSentNowhereElse: whoever holds it gets the token of who signs in.
func TestADeviceCodeIsSentNowhereElse(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	t.Cleanup(elsewhere.Close)
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/devicecode") {
			fmt.Fprint(w, `{"device_code":"d","user_code":"u","verification_uri":"https://entra.example","expires_in":5}`)
			return
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(authority.Close)
	var stdout, stderr bytes.Buffer
	p := program{azure: &http.Client{}, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, wait: func(context.Context, time.Duration) error { return nil }}
	code := p.run(t.Context(), []string{
		"exchange", "--issuer", "https://issuer.example", "--authority", authority.URL,
		"--tenant", faketenant.TenantID, "--client", faketenant.NativeClientID, "--entra-scope", "api://x/y",
	})
	if code != exitFailed || stdout.Len() != 0 || !strings.Contains(stderr.String(), "nobody signed in") {
		t.Errorf("exit code %d, %q, %q", code, &stdout, &stderr)
	}
}

// TestNoHeaderOfARefusalIsShownThatHasNotItsForm: whoever answers could put a command for the operator's shell there.
func TestNoHeaderOfARefusalIsShownThatHasNotItsForm(t *testing.T) {
	t.Parallel()
	const next = "\n  next, where the issuer runs: issuer audit search --request-id "
	long := strings.Repeat("a", 129)
	for header, want := range map[[2]string]string{
		{"Retry-After", "123456"}:        "; Retry-After is 123456 s",
		{"Retry-After", "1234567"}:       "",
		{"Retry-After", "30 hunter2"}:    "",
		{"Retry-After", "-1"}:            "",
		{"X-Request-Id", "A-b_9."}:       next + "A-b_9.",
		{"X-Request-Id", long[1:]}:       next + long[1:],
		{"X-Request-Id", long}:           "",
		{"X-Request-Id", "a;reboot"}:     "",
		{"X-Request-Id", "$(reboot)"}:    "",
		{"X-Request-Id", "a\treboot"}:    "",
		{"X-Request-Id", "a --json"}:     "",
		{"X-Request-Id", "a`reboot`"}:    "",
		{"X-Request-Id", "\"a\"|reboot"}: "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header[0], header[1])
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"reason":"internal"}`)
		}))
		code, stdout, stderr := executeWith(t, nil, "x", "exchange", "--subject-token-file", "-", "--issuer", server.URL)
		server.Close()
		if all := "issuer: the issuer refuses: internal (500): " + reasonCures["internal"] + want + "\n"; code != exitFailed || stdout != "" || stderr != all {
			t.Errorf("%q: exit code %d, %q, %q, want %q", header, code, stdout, stderr, all)
		}
	}
}

// TestALongWordOfALineIsNotShown: it may be a token of a form that nobody knows.
func TestALongWordOfALineIsNotShown(t *testing.T) {
	t.Parallel()
	for length, seen := range map[int]bool{200: true, 201: false} {
		code, _, stderr := execute(t, nil, "exchange", strings.Repeat("x", length))
		if code != exitUsage || strings.Contains(stderr, "xxx") != seen || strings.Contains(stderr, notShown) == seen {
			t.Errorf("%d letters: exit code %d, %q", length, code, stderr)
		}
	}
}

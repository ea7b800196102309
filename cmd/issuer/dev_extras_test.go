package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// developing is a running `issuer dev`.
type developing struct {
	served
	entra  string // base URL of the fake tenant
	screen string
}

func develop(t *testing.T, flags ...string) developing {
	t.Helper()
	r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0"}, append([]string{"dev"}, flags...)...)
	screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	return developing{served{running: r, base: after(screen, "issuer        ")}, after(screen, "fake tenant   "), screen}
}

// after is the rest of the line of text that mark begins.
func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// pull posts to one of the levers of chaos.
func (d developing) pull(t *testing.T, lever string) {
	t.Helper()
	response, err := http.Post(d.entra+"/chaos/"+lever, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if said, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", lever, response.Status, said)
	}
}

// token fetches a fresh token of a persona, as the curl line does.
func (d developing) token(t *testing.T, persona string) string {
	t.Helper()
	_, body := get(t, d.entra+"/personas/"+persona+"/token")
	return string(body)
}

// keyFetches is how often the key set was fetched.
func (d developing) keyFetches(t *testing.T) int {
	t.Helper()
	var hits map[string]int
	_, body := get(t, d.entra+"/chaos/hits")
	if err := json.Unmarshal(body, &hits); err != nil {
		t.Fatal(err)
	}
	return hits["/"+faketenant.TenantID+"/discovery/v2.0/keys"]
}

func TestChaosLetsADeveloperSeeARolloverFollowedWithinOneRefetch(t *testing.T) {
	t.Parallel()
	d := develop(t, "--chaos")
	for _, want := range []string{"curl -X POST " + d.entra + "/chaos/emergency", "curl -s " + d.entra + "/chaos\n"} {
		if !strings.Contains(d.screen, want) {
			t.Errorf("the first screen lacks %q:\n%s", want, d.screen)
		}
	}
	if _, all := get(t, d.entra+"/chaos"); !strings.Contains(string(all), "POST /chaos/weather") {
		t.Errorf("/chaos lists:\n%s", all)
	}
	old := d.token(t, "editor")
	if got := d.exchange(t, old); got.Status != http.StatusOK {
		t.Fatalf("before: %d %s", got.Status, got.Reason)
	}
	for d.keyFetches(t) < 2 { // one to greet by, and the first of the loop that keeps the keys fresh
		if t.Context().Err() != nil {
			t.Fatal("the keys were not fetched twice")
		}
	}
	before := d.keyFetches(t)

	d.pull(t, "emergency")
	fresh := d.token(t, "editor")
	if got := d.exchange(t, fresh); got.Status != http.StatusOK {
		t.Errorf("a token by the new key: %d %s", got.Status, got.Reason)
	}
	if got := d.exchange(t, old); got.Status != http.StatusBadRequest || got.Reason != "key_unknown" {
		t.Errorf("a token by the old key: %d %s", got.Status, got.Reason)
	}
	if n := d.keyFetches(t) - before; n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}

	d.pull(t, "emergency")
	if got := d.exchange(t, d.token(t, "editor")); got.Status == http.StatusOK {
		t.Error("a second rollover is followed at once, so strangers can make us fetch as often as they like")
	}
	if n := d.keyFetches(t) - before; n != 1 {
		t.Errorf("after a second rollover the keys were fetched %d times", n)
	}
}

func TestWithoutTheFlagNothingOfDevCanBeBroken(t *testing.T) {
	t.Parallel()
	d := develop(t)
	if strings.Contains(d.screen, "chaos") {
		t.Errorf("the first screen:\n%s", d.screen)
	}
	if response, _ := get(t, d.entra+"/chaos"); response.StatusCode != http.StatusNotFound {
		t.Errorf("/chaos answers %s", response.Status)
	}
}

// TestDevOverTLSIsWhatMicrosoftsLibrariesTake runs the printed line, and has the caller in too many groups for a token get
// their roles from Graph, which our app signs in for.
func TestDevOverTLSIsWhatMicrosoftsLibrariesTake(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "it's a ca.pem")
	for range 2 { // the second writes over what the first has left
		d := develop(t, "--tls", ca, "--chaos")
		if !strings.HasPrefix(d.entra, "https://127.0.0.1:") || !strings.Contains(d.screen, "ISSUER_ENTRA_AUTHORITY="+d.entra+"\n") ||
			!strings.Contains(d.screen, "NODE_EXTRA_CA_CERTS="+quoted(ca)) {
			t.Errorf("the first screen:\n%s", d.screen)
		}
		for persona, want := range map[string]string{"reader": "reader", "crowded": "editor"} {
			line := strings.ReplaceAll(curlLineOf(t, d.screen), "/editor/", "/"+persona+"/")
			out, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output()
			if err != nil || !strings.Contains(string(out), `"scope":"`+want) {
				t.Errorf("%s: %v, %s", persona, err, out)
			}
		}
		if out, err := exec.CommandContext(t.Context(), "bash", "-c", after(d.screen, "break it by   ")).Output(); err != nil || !strings.Contains(string(out), "emergency: done") {
			t.Errorf("chaos: %v, %s", err, out)
		}
		if code := d.end(); code != exitDone {
			t.Errorf("exit code %d, %s", code, d.stderr)
		}
	}
}

// TestTheSettingsThatDevPrintsLeadToItsGraph: pasted into another shell, they are those of a service that asks Graph.
func TestTheSettingsThatDevPrintsLeadToItsGraph(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	d := develop(t, "--tls", ca)
	printed := regexp.MustCompile(`ISSUER_(?:ENTRA|GRAPH)_[A-Z_]+=\S+`).FindAllString(d.screen, -1)
	client := trusting(t, ca)
	var stdout, stderr bytes.Buffer
	environ := append(fileSettings("ISSUER_URL=http://127.0.0.1:1", "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "k.json")), printed...)
	p := program{environ: environ, stdin: strings.NewReader(d.tokenBy(t, client, "crowded")), stdout: &stdout, stderr: &stderr, azure: client}
	if code := p.run(t.Context(), []string{"check", "--online", "--token", "-"}); code != exitDone || !strings.Contains(stdout.String(), "Microsoft Graph knows of 250") {
		t.Errorf("%v: exit code %d\n%s%s", printed, code, &stdout, &stderr)
	}
}

// trusting is a client that trusts the certificate in a file alone.
func trusting(t *testing.T, ca string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func (d developing) tokenBy(t *testing.T, client *http.Client, persona string) string {
	t.Helper()
	response, err := client.Get(d.entra + "/personas/" + persona + "/token")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestDevWritesOverNothingButACertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	precious := filepath.Join(dir, "roles.yaml")
	if err := os.WriteFile(precious, []byte("grants: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{precious, dir, filepath.Join(dir, "none", "ca.pem")} {
		if code, _, stderr := execute(t, []string{"ISSUER_LISTEN=127.0.0.1:0"}, "dev", "--tls", path); code != exitUsage || !strings.Contains(stderr, "--tls") {
			t.Errorf("%s: exit code %d, %q", path, code, stderr)
		}
	}
	if kept, err := os.ReadFile(precious); err != nil || string(kept) != "grants: []\n" {
		t.Errorf("it is now %q, %v", kept, err)
	}
}

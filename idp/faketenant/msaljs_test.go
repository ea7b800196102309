package faketenant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/clients/nodetest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// node runs a script of msaljs, which is to trust the tenant, with given as JSON, and reads what it prints.
func (s served) node(t *testing.T, script string, given, into any) {
	t.Helper()
	folder := nodetest.Install(t, "msaljs", "node.mjs", "browser.mjs")
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, s.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "node", filepath.Join(folder, script))
	run.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+authority)
	var stdout, stderr bytes.Buffer
	run.Stdin, run.Stdout, run.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := run.Run(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), into); err != nil {
		t.Fatalf("%s printed %q: %v", script, stdout.Bytes(), err)
	}
}

// result is what the scripts tell of a token they got.
type result struct {
	OID, Aud, Account, Nonce string
	Scopes                   []string
	FromCache                bool
}

type refused struct {
	Name, Code, Suberror, Claims string
	Number                       int
}

func (s served) forScripts(t *testing.T) map[string]string {
	t.Helper()
	token, err := s.Token("editor")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"authority": s.url + "/" + faketenant.TenantID, "scope": "api://" + faketenant.APIClientID + "/access_as_user",
		"native": faketenant.NativeClientID, "spa": faketenant.SPAClientID, "api": faketenant.APIClientID,
		"secret": s.ClientSecret(faketenant.APIClientID), "assertion": token,
	}
}

// signedIn is what a sign-in of the editor for the API comes to; without the nonce where there was no sign-in page.
func signedIn(t *testing.T, s served, nonce string, fromCache bool) result {
	t.Helper()
	oid := oidOf(t, s, "editor")
	return result{
		OID: oid, Aud: faketenant.APIClientID, Account: oid + "." + faketenant.TenantID, Nonce: nonce,
		Scopes: []string{"api://" + faketenant.APIClientID + "/access_as_user"}, FromCache: fromCache,
	}
}

func TestMSALForNodeTakesTheTenantForEntra(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	type session struct{ Code, Cached, Renewed result }
	var got struct {
		Native, SPA                         session
		Credentials, OnBehalf               result
		WrongSecret, NoConsent, SPAOnServer *refused
	}
	s.node(t, "node.mjs", s.forScripts(t), &got)
	for name, one := range map[string]session{"native": got.Native, "spa": got.SPA} {
		want := session{signedIn(t, s, "n-1", false), signedIn(t, s, "n-1", true), signedIn(t, s, "", false)}
		if diff := cmp.Diff(want, one); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got.Credentials.Aud != "https://graph.microsoft.com" || got.OnBehalf.OID != oidOf(t, s, "editor") {
		t.Errorf("credentials %+v, on behalf %+v", got.Credentials, got.OnBehalf)
	}
	want := []*refused{
		{Name: "ServerError", Code: "invalid_client", Number: 7000215},
		{Name: "InteractionRequiredAuthError", Code: "invalid_grant", Suberror: "consent_required", Number: 65001},
		{Name: "ServerError", Code: "invalid_request", Number: 9002327},
	}
	if diff := cmp.Diff(want, []*refused{got.WrongSecret, got.NoConsent, got.SPAOnServer}); diff != "" {
		t.Errorf("wrong secret, no consent, page on a server (-want +got):\n%s", diff)
	}
}

func TestMSALForBrowsersTakesTheTenantForEntra(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	var got struct {
		Mode                  string
		Code, Cached, Renewed result
		Requests              []string
	}
	s.node(t, "browser.mjs", s.forScripts(t), &got)
	want := []result{signedIn(t, s, "", false), signedIn(t, s, "", true), signedIn(t, s, "", false)}
	if diff := cmp.Diff(want, []result{got.Code, got.Cached, got.Renewed}); diff != "" || got.Mode != "fragment" {
		t.Errorf("response mode %s (-want +got):\n%s", got.Mode, diff)
	}
	if s.Hits("/oauth2/v2.0/token") != 2 {
		t.Errorf("requests %v", got.Requests)
	}
}

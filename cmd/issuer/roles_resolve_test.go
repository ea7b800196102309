package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestWhyNobodyCouldBeLookedUpIsSaidOnce, not for each list of each role.
func TestWhyNobodyCouldBeLookedUpIsSaidOnce(t *testing.T) {
	t.Parallel()
	url, run := witboost(t)
	tenant, settings := mapping(t, "ISSUER_WITBOOST_DATABASE_URL="+url)
	run(`INSERT INTO rolemapping.user_roles VALUES ('user:alice_contoso.example', 'bare', now())`)
	roles := func(secret string, args ...string) (code int, stderr string) {
		t.Helper()
		errs := newOutput()
		p := program{environ: append(slices.Clip(settings), secret), stdin: strings.NewReader(""), stdout: newOutput(), stderr: errs, azure: tenant.Client()}
		code = p.run(t.Context(), append([]string{"roles"}, args...))
		return code, errs.String()
	}
	wrong := "ISSUER_ENTRA_CLIENT_SECRET=x" + uuid.NewString()
	said := func(command, stderr string) {
		t.Helper()
		if strings.Count(stderr, "could not be looked up: ask Microsoft Graph: Entra's sign-in answered 401 (AADSTS7000215)") != 1 || strings.Contains(stderr, "groups") {
			t.Errorf("%s: %s", command, stderr)
		}
	}
	code, stderr := roles(wrong, "import-witboost", "--yes")
	if code != exitDone {
		t.Errorf("import: exit code %d", code)
	}
	said("import", stderr)
	code, stderr = roles(wrong, "resolve", "--yes")
	if code != exitFailed || !strings.Contains(stderr, "no name could be looked up") {
		t.Errorf("resolve: exit code %d, %s", code, stderr)
	}
	said("resolve", stderr)
	if code, stderr := roles("ISSUER_ENTRA_CLIENT_SECRET="+tenant.ClientSecret(faketenant.APIClientID), "resolve", "--yes"); code != exitDone || !strings.Contains(stderr, "resolved") {
		t.Errorf("with the right secret: exit code %d, %s", code, stderr)
	}
	if code, stderr := roles(wrong, "import-witboost", "--dry-run"); code != exitDone { // whoever was found stays
		t.Errorf("again: exit code %d, %s", code, stderr)
	}
}

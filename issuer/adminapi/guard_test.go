package adminapi_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
)

// downError is an Entra that says when to come again.
type downError struct{ error }

func (e downError) Unwrap() error           { return e.error }
func (downError) RetryAfter() time.Duration { return 7 * time.Second }

func TestOnlyOperatorsComeIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	refused := func(reason idp.Reason) error { return &idp.TokenError{Reason: reason, Err: errors.New("found")} }
	maps.Copy(s.verifier.known, map[string]idp.Subject{
		"app":    operator(func(s *idp.Subject) { s.Kind = idp.KindApp }),
		"nobody": operator(func(s *idp.Subject) { s.AppRoles = nil }),
		"likely": operator(func(s *idp.Subject) { s.AppRoles = []string{"issuer.admin", "Issuer.Admin.Not", "Issuer"} }),
		"guest":  operator(func(s *idp.Subject) { s.Guest = true }),
	})
	for _, reason := range []idp.Reason{
		idp.ReasonScopeMissing, idp.ReasonAppRoleMissing, idp.ReasonAppOnlyRefused, idp.ReasonGuestRefused, idp.ReasonAgentRefused, idp.ReasonClientNotAllowed,
		idp.ReasonTokenExpired, idp.ReasonAudienceNotOurs, idp.ReasonTenantNotAllowed, idp.ReasonSignatureInvalid,
	} {
		s.verifier.fails[string(reason)] = refused(reason)
	}
	s.verifier.fails["down"] = fmt.Errorf("keys: %w", idp.ErrUnavailable)
	s.verifier.fails["down for long"] = downError{idp.ErrUnavailable}
	s.verifier.fails["broken"] = errors.New("no error of the contract")
	const realm = `Bearer realm="hasura-issuer operators"`
	for name, tc := range map[string]struct {
		headers []string
		status  int
		reason  string
	}{
		"a user":                   {[]string{"Bearer " + bossToken}, 200, ""},
		"an app":                   {[]string{"bearer app"}, 200, ""},
		"the static token":         {[]string{"BEARER " + staticToken}, 200, ""},
		"nothing":                  {nil, 401, "credentials_missing"},
		"an empty header":          {[]string{""}, 401, "credentials_refused"},
		"no token":                 {[]string{"Bearer "}, 401, "credentials_refused"},
		"another scheme":           {[]string{"Basic " + bossToken}, 401, "credentials_refused"},
		"a token alone":            {[]string{bossToken}, 401, "credentials_refused"},
		"two of them":              {[]string{"Bearer " + bossToken, "Bearer " + bossToken}, 401, "credentials_refused"},
		"a blank too many":         {[]string{"Bearer  " + bossToken}, 401, "credentials_refused"},
		"a stranger":               {[]string{"Bearer x"}, 401, "credentials_refused"},
		"the hash of the token":    {[]string{"Bearer " + fmt.Sprintf("%x", sha256.Sum256([]byte(staticToken)))}, 401, "credentials_refused"},
		"the beginning of it":      {[]string{"Bearer " + staticToken[:len(staticToken)-1]}, 401, "credentials_refused"},
		"without the role":         {[]string{"Bearer nobody"}, 403, "forbidden"},
		"with roles like it":       {[]string{"Bearer likely"}, 403, "forbidden"},
		"a guest":                  {[]string{"Bearer guest"}, 403, "forbidden"},
		"no scope":                 {[]string{"Bearer scope_missing"}, 403, "forbidden"},
		"an app without":           {[]string{"Bearer app_role_missing"}, 403, "forbidden"},
		"an app where none may":    {[]string{"Bearer app_only_refused"}, 403, "forbidden"},
		"a guest, seen before":     {[]string{"Bearer guest_refused"}, 403, "forbidden"},
		"an agent":                 {[]string{"Bearer agent_refused"}, 403, "forbidden"},
		"by another app":           {[]string{"Bearer client_not_allowed"}, 403, "forbidden"},
		"too late":                 {[]string{"Bearer token_expired"}, 401, "credentials_refused"},
		"for somebody else":        {[]string{"Bearer audience_not_ours"}, 401, "credentials_refused"},
		"of another tenant":        {[]string{"Bearer tenant_not_allowed"}, 401, "credentials_refused"},
		"forged":                   {[]string{"Bearer signature_invalid"}, 401, "credentials_refused"},
		"while Entra is away":      {[]string{"Bearer down"}, 503, "idp_unavailable"},
		"while it says until when": {[]string{"Bearer down for long"}, 503, "idp_unavailable"},
		"a fault of ours":          {[]string{"Bearer broken"}, 500, "internal"},
	} {
		var headers []string
		for _, value := range tc.headers {
			headers = append(headers, "Authorization", value)
		}
		got := s.send(http.MethodGet, "/admin/v1/keys", "", headers...)
		if got.StatusCode != tc.status || got.reason() != tc.reason {
			t.Errorf("%s: %s %s, want %d %q", name, got.Status, got.body, tc.status, tc.reason)
		}
		want := map[string]string{"credentials_missing": realm, "credentials_refused": realm + `, error="invalid_token"`, "forbidden": realm + `, error="insufficient_scope"`}[tc.reason]
		if header := got.Header.Get("WWW-Authenticate"); header != want {
			t.Errorf("%s: WWW-Authenticate: %s", name, header)
		}
		retry := map[string]string{"while Entra is away": "30", "while it says until when": "7"}[name]
		if header := got.Header.Get("Retry-After"); header != retry {
			t.Errorf("%s: Retry-After: %s", name, header)
		}
	}
}

// TestNothingIsSaidToWhoIsNoOperator: neither what there is nor what a route would take.
func TestNothingIsSaidToWhoIsNoOperator(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.verifier.known["nobody"] = operator(func(s *idp.Subject) { s.AppRoles = nil })
	paths := []string{"/admin/v1/", "/admin/v1/none", "/admin/v1/grants/", "/admin/v1//grants", "/admin/v1/../../metrics"}
	for path := range s.api.Routes() {
		paths = append(paths, strings.NewReplacer("{tenant}", contoso, "{principal}", "everyone", "{role}", "reader").Replace(path))
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPost, http.MethodOptions, http.MethodHead, "BREW"} {
			cookie := []string{"Cookie", "Authorization=Bearer " + bossToken, "X-Authorization", "Bearer " + bossToken, "Origin", "https://app.example.com"}
			got := s.send(method, path+"?access_token="+bossToken, "", cookie...)
			if got.StatusCode != http.StatusUnauthorized || got.Header.Get("Allow") != "" || got.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %s %v", method, path, got.Status, got.Header)
			}
			if got := s.send(method, path, "", "Authorization", "Bearer nobody"); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s as nobody: %s", method, path, got.Status)
			}
		}
	}
}

func TestWithoutAVerifierOnlyTheTokenOfTheSettingsOpens(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		guard *adminapi.Guard
		token string
		want  int
	}{
		"the token":              {adminapi.NewGuard(nil, adminRole, sha256.Sum256([]byte(staticToken))), staticToken, 200},
		"an Entra token":         {adminapi.NewGuard(nil, adminRole, sha256.Sum256([]byte(staticToken))), bossToken, 401},
		"where nobody may enter": {adminapi.NewGuard(nil, adminRole), staticToken, 401},
	} {
		s := start(t, func(_ *stand, c *adminapi.Config) { c.Guard = tc.guard })
		if got := s.send(http.MethodGet, "/admin/v1/keys", "", "Authorization", "Bearer "+tc.token); got.StatusCode != tc.want {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
}

func TestTheLogSaysWhoAskedForWhatAndHoldsNoToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.want(200, "", http.MethodGet, "/admin/v1/keys?", "")
	s.want(400, "request_malformed", http.MethodGet, "/admin/v1/keys?secret-in-a-query=1", "")
	s.send(http.MethodGet, "/admin/v1/keys", "", "Authorization", "Bearer "+staticToken)
	s.send(http.MethodGet, "/admin/v1/keys", "", "Authorization", "Bearer a.wrong.one")
	s.want(200, "", http.MethodPost, "/admin/v1/explain", `{"subject_token":"`+bossToken+`"}`)
	s.want(201, "", http.MethodPut, blockPath("user:"+alice), `{}`)
	lines := s.lines()
	wanted := []map[string]any{
		{"actor": "admin:" + boss + "@127.0.0.1", "route": "/admin/v1/keys", "status": 200.0, "tenant": contoso, "object_id": boss, "kind": "user", "client_id": client, "message": "operation", "level": "info"},
		{"route": "/admin/v1/keys", "status": 400.0, "reason": "request_malformed"},
		{"actor": "admin:token-" + fmt.Sprintf("%x", sha256.Sum256([]byte(staticToken)))[:8] + "@127.0.0.1", "status": 200.0, "object_id": nil},
		{"actor": nil, "route": "/admin/v1/", "status": 401.0, "reason": "credentials_refused"},
		{"route": "/admin/v1/explain", "status": 200.0},
		{"route": "/admin/v1/blocks/{tenant}/{principal}", "status": 201.0},
	}
	if len(lines) != len(wanted) {
		t.Fatalf("%d log lines, want %d: %v", len(lines), len(wanted), lines)
	}
	for i, want := range wanted {
		for name, value := range want {
			if lines[i][name] != value {
				t.Errorf("line %d: %s is %v, want %v", i, name, lines[i][name], value)
			}
		}
		if strings.Contains(fmt.Sprint(lines[i]), "secret-in-a-query") || lines[i]["request_id"] == nil {
			t.Errorf("line %d: %v", i, lines[i])
		}
	}
}

func TestAPanicIsAProblemLikeAnyOther(t *testing.T) {
	t.Parallel()
	s := start(t, func(_ *stand, c *adminapi.Config) { c.Explainer = nil })
	got := s.want(500, "internal", http.MethodPost, "/admin/v1/explain", `{"tenant":"`+contoso+`","user":"`+alice+`"}`)
	if got.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(got.body, "nil pointer") {
		t.Errorf("%v %s", got.Header, got.body)
	}
	if lines := s.lines(); len(lines) != 1 || lines[0]["level"] != "error" || lines[0]["stack"] == nil || lines[0]["reason"] != "internal" {
		t.Errorf("log: %v", lines)
	}
}

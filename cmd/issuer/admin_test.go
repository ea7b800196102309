package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const operatorToken = "MFHD0rO1Tz0e0mZlQ9iDk1q1P3rVjw6pZ0J8bqv3m1E="

func hashOf(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }

// operate sends a request to the operators' listener.
func (s served) operate(t testing.TB, token, method, path, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.admin+"/admin/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Forwarded-For", "203.0.113.66") // which anybody may write, and nobody here believes
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// withRoles is a fresh token of a persona with these app roles, and more claims changed in pairs.
func withRoles(tenant *faketenant.Tenant, persona string, roles []string, more ...any) string {
	claims := tenant.Claims(persona)
	claims["roles"] = roles
	for i := 0; i+1 < len(more); i += 2 {
		claims[more[i].(string)] = more[i+1]
	}
	return tenant.Sign(claims)
}

// TestWhoMayOperate goes through the whole program with the tokens that Entra gives.
func TestWhoMayOperate(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, append(stores(t, server.URL)["files"], "ISSUER_ADMIN_TOKEN_SHA256="+hashOf("an older one")+","+strings.ToUpper(hashOf(operatorToken))))
	admin := []string{"Issuer.Admin"}
	for name, tc := range map[string]struct {
		token string
		want  int
	}{
		"a user with the app role":          {withRoles(tenant, "nobody", admin), 200},
		"an app with it, that may not mint": {withRoles(tenant, "daemon", admin), 200},
		"a token by its hash":               {operatorToken, 200},
		"its hash":                          {hashOf(operatorToken), 401},
		"a user without":                    {personaToken(t, tenant, "editor"), 403},
		"an app that may only mint":         {personaToken(t, tenant, "daemon"), 403},
		"a guest with the app role":         {withRoles(tenant, "guest", admin), 403},
		"without the scope":                 {withRoles(tenant, "nobody", admin, "scp", "other"), 403},
		"for another API":                   {withRoles(tenant, "nobody", admin, "aud", "api://other"), 401},
		"of another tenant":                 {withRoles(tenant, "nobody", admin, "tid", faketenant.OtherTenantID, "iss", tenant.V2Issuer(faketenant.OtherTenantID)), 401},
		"by a key of nobody's":              {tenant.Sign(tenant.Claims("nobody"), faketenant.SignedBy(faketenant.KeyStranger)), 401},
		"a token of ours":                   {s.exchange(t, personaToken(t, tenant, "reader")).AccessToken, 401},
		"the role in another case":          {withRoles(tenant, "nobody", []string{"issuer.admin"}), 403},
	} {
		if status, text := s.operate(t, tc.token, http.MethodGet, "grants", ""); status != tc.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, tc.want)
		}
		if strings.Contains(s.stderr.String(), tc.token) && tc.token != "" {
			t.Errorf("%s: the token stands in the log", name)
		}
	}
	if got := s.exchange(t, withRoles(tenant, "daemon", admin)); got.Reason != "app_role_missing" {
		t.Errorf("an operator's app at the token endpoint: %d %s", got.Status, got.Reason)
	}
	if response, _ := get(t, s.admin+"/metrics"); response.StatusCode != http.StatusOK {
		t.Errorf("/metrics needs no credentials: %s", response.Status)
	}
	for _, path := range []string{"/admin/v1/grants", "/admin/v1/openapi.json"} {
		if response, _ := s.get(t, path); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the public listener: %s", path, response.Status)
		}
		if response, _ := get(t, s.admin+path); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without credentials: %s", path, response.Status)
		}
	}
}

func TestOneAppMayBeTheOnlyOneThatOperatorsUse(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	const console = "0a9b8c7d-6e5f-4a3b-8c1d-2e3f4a5b6c99"
	s := serve(t, onFiles(t, server.URL, "ISSUER_ADMIN_CLIENTS="+console, "ISSUER_ADMIN_APP_ROLE=Ops", "ISSUER_ADMIN_TENANTS="+strings.ToUpper(faketenant.TenantID)))
	for name, tc := range map[string]struct {
		token string
		want  int
	}{
		"by the console":                   {withRoles(tenant, "nobody", []string{"Ops"}, "azp", console), 200},
		"by a frontend":                    {withRoles(tenant, "nobody", []string{"Ops"}), 403},
		"by the console, without the role": {withRoles(tenant, "nobody", []string{"Issuer.Admin"}, "azp", console), 403},
	} {
		if status, text := s.operate(t, tc.token, http.MethodGet, "keys", ""); status != tc.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, tc.want)
		}
	}
}

// TestAChangeOfAnOperatorIsInForceAndOnRecord: what the API changes, every replica hears of.
func TestAChangeOfAnOperatorIsInForceAndOnRecord(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], trustLoopback)
	s, other := serve(t, settings), serve(t, settings)
	admin, token := withRoles(tenant, "nobody", []string{"Issuer.Admin"}), personaToken(t, tenant, "editor")
	block := "blocks/" + faketenant.TenantID + "/user:" + personaObject(t, tenant, "editor")
	grant := "grants/" + faketenant.TenantID + "/user:" + personaObject(t, tenant, "editor") + "/oncall"
	for _, step := range []struct {
		method, path, body string
		status             int
		reason             string
	}{
		{http.MethodPut, grant, `{"priority":99,"reason":"INC-77"}`, 201, ""},
		{http.MethodPut, block, `{"reason":"left"}`, 201, "blocked"},
		{http.MethodDelete, block, "", 204, ""},
	} {
		if status, text := s.operate(t, admin, step.method, step.path, step.body); status != step.status {
			t.Fatalf("%s %s: %d %s", step.method, step.path, status, text)
		}
		for _, replica := range []served{s, other} {
			replica.awaitReason(t, token, step.reason)
		}
	}
	if got := s.exchange(t, token); !strings.HasPrefix(got.Scope, "oncall ") {
		t.Errorf("the roles are %q", got.Scope)
	}
	code, stdout, stderr := execute(t, settings, "roles", "history", "--json", "--limit", "3")
	if actor := "admin:" + personaObject(t, tenant, "nobody") + "@127.0.0.1"; code != exitDone || strings.Count(stdout, actor) != 3 {
		t.Errorf("exit code %d, %s\n%s", code, stdout, stderr)
	}
	if status, text := s.operate(t, admin, http.MethodGet, "history?limit=1", ""); status != 200 || !strings.Contains(text, `"next":"/admin/v1/history?before=`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.operate(t, admin, http.MethodPut, "grants/"+faketenant.TenantID+"/everyone/admin", `{}`); status != 422 || !strings.Contains(text, "ISSUER_ALLOW_ADMIN_ROLE") {
		t.Errorf("%d %s", status, text)
	}
	if code, _, stderr := execute(t, settings, "roles", "history", "--verify"); code != exitDone {
		t.Errorf("the history does not hold: %s", stderr)
	}
}

func TestWhatAnOperatorIsToldIsWhatACallerGets(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	for name, settings := range stores(t, server.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, append(settings, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)))
			_, jwks := s.get(t, "/.well-known/jwks.json")
			for persona, want := range map[string]string{"reader": "reader", "editor": "editor reader", "daemon": "service", "nobody": ""} {
				token := personaToken(t, tenant, persona)
				status, text := s.operate(t, operatorToken, http.MethodPost, "explain", `{"subject_token":"`+token+`"}`)
				var explained struct {
					Granted bool `json:"granted"`
					Roles   []struct {
						Role    string `json:"role"`
						InToken bool   `json:"in_token"`
					} `json:"roles"`
				}
				if err := json.Unmarshal([]byte(text), &explained); err != nil {
					t.Fatalf("%d %s: %v", status, text, err)
				}
				var roles []string
				for _, role := range explained.Roles {
					if role.InToken {
						roles = append(roles, role.Role)
					}
				}
				got := s.exchange(t, token)
				if strings.Join(roles, " ") != want || got.Scope != want || explained.Granted != (got.Status == http.StatusOK) {
					t.Errorf("%s is told to get %q and gets %q, want %q", persona, roles, got.Scope, want)
				}
				if strings.Contains(s.stderr.String(), token) {
					t.Error("the token stands in the log")
				}
			}
			if _, after := s.get(t, "/.well-known/jwks.json"); string(after) != string(jwks) {
				t.Error("explaining changed the key set")
			}
			status, text := s.operate(t, operatorToken, http.MethodGet, "keys", "")
			var listed struct {
				Keys []struct {
					KID   string `json:"kid"`
					State string `json:"state"`
				} `json:"keys"`
			}
			if err := json.Unmarshal([]byte(text), &listed); err != nil || status != 200 {
				t.Fatalf("%d %s: %v", status, text, err)
			}
			if len(listed.Keys) != 3 || !strings.Contains(string(jwks), listed.Keys[0].KID) {
				t.Errorf("keys: %s", text)
			}
			path := "grants/" + faketenant.TenantID + "/everyone/viewer"
			want := map[bool]int{true: 201, false: 409}[name == "postgres"]
			if status, text := s.operate(t, operatorToken, http.MethodPut, path, `{}`); status != want {
				t.Errorf("%d %s, want %d", status, text, want)
			}
		})
	}
}

func TestWithAQueryOfOnesOwnOurGrantsAreNotShown(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	query := filepath.Join(t.TempDir(), "roles.sql")
	if err := os.WriteFile(query, []byte(`SELECT 'owner' AS role`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, append(stores(t, server.URL)["postgres"], "ISSUER_ROLES_QUERY_FILE="+query, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)))
	for path, want := range map[string]int{"grants": 409, "blocks": 200, "history": 200} {
		if status, text := s.operate(t, operatorToken, http.MethodGet, path, ""); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, text, want)
		}
	}
	status, text := s.operate(t, operatorToken, http.MethodPost, "explain", `{"subject_token":"`+personaToken(t, tenant, "nobody")+`"}`)
	if status != 200 || !strings.Contains(text, `"granted":true`) || !strings.Contains(text, `"owner"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestWithoutEntraAnOperatorIsAskedToComeAgain(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := onFiles(t, server.URL, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken))
	admin := withRoles(tenant, "nobody", []string{"Issuer.Admin"})
	tenant.Intercept(hangUp)
	s := serveCold(t, settings)
	if status, text := s.operate(t, admin, http.MethodGet, "grants", ""); status != 503 || !strings.Contains(text, `"idp_unavailable"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.operate(t, operatorToken, http.MethodGet, "grants", ""); status != 200 {
		t.Errorf("by the token of the settings: %d %s", status, text)
	}
}

func TestOperatorsTenantsAreNamedWhereTheyCannotBeGuessed(t *testing.T) {
	t.Parallel()
	two := "ISSUER_ENTRA_TENANTS=" + faketenant.TenantID + "," + faketenant.OtherTenantID
	_, err := load(fileSettings(two), needService)
	if err == nil || !strings.HasPrefix(err.Error(), "ISSUER_ADMIN_TENANTS is not set; it wants the ids") {
		t.Errorf("two tenants: %v", err)
	}
	for name, c := range map[string]struct {
		more []string
		want string
	}{
		"named":           {[]string{two, "ISSUER_ADMIN_TENANTS=" + strings.ToUpper(faketenant.OtherTenantID)}, faketenant.OtherTenantID},
		"the only one":    {nil, faketenant.TenantID},
		"none but others": {[]string{"ISSUER_ENTRA_TENANTS=", "ISSUER_ENTRA_ISSUERS=" + faketenant.TenantID + "=https://login.example.com/a"}, ""},
	} {
		s, err := load(fileSettings(c.more...), needService)
		if err != nil || strings.Join(s.AdminTenants, ",") != c.want {
			t.Errorf("%s: %q, %v", name, s.AdminTenants, err)
		}
	}
	if _, err := load(fileSettings(two), needURL|needEntra); err != nil {
		t.Errorf("who serves no operators: %v", err)
	}
}

func TestAHashOfATokenIsReadAndNeverShown(t *testing.T) {
	t.Parallel()
	hash := hashOf(operatorToken)
	for value, want := range map[string]string{
		operatorToken: "is set to something else (not shown)", hash[1:]: "is set to something else", hash + ",": "is set to something else", hash + "00": "is set to something else",
		hashOf(""): "it is the hash of nothing",
	} {
		_, err := load(fileSettings("ISSUER_ADMIN_TOKEN_SHA256="+value), needService)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), value) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "hashes")
	if err := os.WriteFile(path, []byte(hash+", "+hashOf("other")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(fileSettings("ISSUER_ADMIN_TOKEN_SHA256_FILE="+path), needService)
	if err != nil || len(s.AdminTokens.list) != 2 || strings.Contains(fmt.Sprintf("%+v %v", s.AdminTokens, s), hash[:8]) {
		t.Errorf("%d hashes, %v", len(s.AdminTokens.list), err)
	}
}

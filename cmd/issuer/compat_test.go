package main

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// said is one request of a provisioner's, and what it has to hear. One without a path stands for the time in between.
type said struct {
	Step   string         `json:"step"`
	Method string         `json:"method"`
	Path   string         `json:"path"`
	Body   jsontext.Value `json:"body"`
	Status int            `json:"status"`
	Answer jsontext.Value `json:"answer"` // empty: the body, where the status is 200
}

// conversation is what the provisioner of the role mapper says, in the two parts between which roles are held.
func conversation(t *testing.T) (provision, unprovision []said) {
	t.Helper()
	text, err := os.ReadFile("testdata/provisioner.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []said
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for i, one := range all {
		if one.Path == "" {
			return all[:i], all[i+1:]
		}
	}
	t.Fatal("the conversation has no middle")
	return nil, nil
}

// speak sends a request to a listener, without credentials, and returns the answer as canonical JSON.
func speak(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	value := jsontext.Value(text)
	if err := value.Canonicalize(); err != nil {
		t.Fatalf("%s %s: %s is no JSON: %q", method, url, response.Status, text)
	}
	return response.StatusCode, string(value)
}

// replay says a part of the conversation.
func (s served) replay(t *testing.T, part []said) {
	t.Helper()
	for _, one := range part {
		status, got := speak(t, one.Method, s.admin+one.Path, string(one.Body))
		want := one.Answer
		if len(want) == 0 && one.Status == http.StatusOK {
			want = one.Body.Clone()
		}
		if len(want) > 0 {
			if err := want.Canonicalize(); err != nil {
				t.Fatal(err)
			}
		}
		if status != one.Status || len(want) > 0 && got != string(want) {
			t.Errorf("%s: %d %s, want %d %s", one.Step, status, got, one.Status, want)
		}
	}
}

// ask asks as an engine does in which role somebody may make a request, and returns the role, or the whole answer.
func ask(t *testing.T, url, token, request string) (status int, role string) {
	t.Helper()
	status, answer := speak(t, http.MethodPost, url+"/v1/authenticate", `{"headers":{"Authorization":"Bearer `+token+`"},"request":`+request+`}`)
	var session struct {
		User string `json:"X-Hasura-User-Id"`
		Role string `json:"X-Hasura-Role"`
	}
	if status != http.StatusOK {
		return status, answer
	}
	if err := json.Unmarshal([]byte(answer), &session, json.RejectUnknownMembers(true)); err != nil || !guid.MatchString(session.User) {
		t.Fatalf("%s: %v", answer, err)
	}
	return status, session.Role
}

// awaitRole asks until the role is the one that is wanted: changes reach a replica within two seconds.
func awaitRole(t *testing.T, url, token, query, want string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, got := ask(t, url, token, query)
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: %q, want %q", query, got, want)
		}
	}
}

// mapping are settings of a service with a database and Graph, and more behind them.
func mapping(t *testing.T, more ...string) (*faketenant.Tenant, []string) {
	t.Helper()
	tenant, server := entraTLS(t)
	tenant.SetGroupName(faketenant.GroupOne, "Editors")
	return tenant, append(stores(t, server.URL)["postgres"], append([]string{
		"ISSUER_ENTRA_CLIENT_ID=" + faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET=" + tenant.ClientSecret(faketenant.APIClientID),
		"ISSUER_GRAPH_URL=" + server.URL + "/graph",
	}, more...)...)
}

// TestTheConversationOfTheProvisionerGoesOnUnchanged, and every engine hears of it.
func TestTheConversationOfTheProvisionerGoesOnUnchanged(t *testing.T) {
	t.Parallel()
	tenant, settings := mapping(t, "ISSUER_INSECURE_COMPAT=true", "ISSUER_COMPAT_ALLOW_EMPTY=true")
	start := func() served {
		s := listening(t, startProgram(t, program{environ: settings, azure: tenant.Client()}, "serve"))
		s.awaitReady(t)
		return s
	}
	s, other := start(), start()
	provision, unprovision := conversation(t)
	s.replay(t, provision)

	const open, ledger = `{"query":"subscription S { o: sales_orders_0_open_stream { id } }"}`, `{"query":"query Q { ...l } fragment l on query_root { finance_ledger_1 { id } __typename }","operationName":"Q"}`
	alice, editor, nobody := personaToken(t, tenant, "reader"), personaToken(t, tenant, "editor"), personaToken(t, tenant, "nobody")
	for _, url := range []string{s.base, s.admin, other.base, other.admin} {
		awaitRole(t, url, alice, open, "sales_orders_0_views_role")  // herself
		awaitRole(t, url, editor, open, "sales_orders_0_views_role") // by their group
		awaitRole(t, url, alice, ledger, "finance_ledger_1_view_role")
		for name, c := range map[string]struct {
			token, request string
			status         int
		}{
			"another's fields":            {editor, ledger, 401},
			"somebody without roles":      {nobody, open, 401},
			"fields of two roles":         {alice, `{"query":"{ sales_orders_0_open { id } finance_ledger_1 { id } }"}`, 401},
			"fields of no role":           {alice, `{"query":"mutation { delete_everything { id } }"}`, 401},
			"no GraphQL":                  {alice, `{"query":"{ sales_orders_0_open"}`, 400},
			"no GraphQL, of nobody known": {"x.y.z", `{"query":"{ sales_orders_0_open"}`, 401},
			"introspection":               {alice, `{"query":"{ __schema { types { name } } }"}`, 200},
			"a websocket":                 {alice, `null`, 200},
		} {
			if status, got := ask(t, url, c.token, c.request); status != c.status {
				t.Errorf("%s: %d %s, want %d", name, status, got, c.status)
			}
		}
	}
	s.replay(t, unprovision)
	awaitRole(t, other.base, alice, open, `"Unauthorized"`)
	awaitRole(t, other.base, alice, ledger, "finance_ledger_1_view_role")

	log := s.stderr.String()
	for _, want := range []string{"without credentials", `"actor":"compat@127.0.0.1"`, "nobody was found by some names"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	for _, taboo := range []string{"contoso.example", alice, "Editors"} {
		if strings.Contains(log, taboo) {
			t.Errorf("the log holds %q", taboo)
		}
	}
	fields := "compat@127.0.0.1  added fields of finance_ledger_1_view_role: [finance_ledger_1"
	if _, table, _ := execute(t, settings, "audit", "search", "--kind", "roles", "--role", "finance_ledger_1_view_role"); !strings.Contains(table, fields) {
		t.Errorf("that the provisioner gave a role its fields is not on record:\n%s", table)
	}
	_, metrics := get(t, s.admin+"/metrics")
	for _, want := range []string{`issuer_compat_refused_total{reason="empty_list"} 0`, "issuer_compat_unresolved_total 1", `door="authenticate"`} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("/metrics lacks %q", want)
		}
	}
}

func TestByDefaultTheProvisionerNeedsCredentialsAndEmptyListsAreRefused(t *testing.T) {
	t.Parallel()
	tenant, settings := mapping(t, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken))
	s := listening(t, startProgram(t, program{environ: settings, azure: tenant.Client()}, "serve"))
	s.awaitReady(t)
	provision, _ := conversation(t)
	for _, one := range provision {
		want := http.StatusUnauthorized
		if one.Path == "/v1/health" {
			want = http.StatusOK
		}
		if status, got := speak(t, one.Method, s.admin+one.Path, string(one.Body)); status != want {
			t.Errorf("%s: %d %s, want %d", one.Step, status, got, want)
		}
		if response, _ := s.get(t, one.Path); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the public listener: %s", one.Path, response.Status)
		}
	}
	for body, want := range map[string]int{string(provision[1].Body): 200, `{"role_id":"sales_orders_0_views_role","component_id":"urn:dmb:cmp:sales:orders:0:views","graphql_root_field_names":[]}`: 409} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.admin+"/v1/roles", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+operatorToken)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", body, response.Status, want)
		}
	}
	_, metrics := get(t, s.admin+"/metrics")
	if want := `issuer_compat_refused_total{reason="empty_list"} 1`; !strings.Contains(string(metrics), want) {
		t.Errorf("/metrics lacks %q", want)
	}
	if strings.Contains(s.stderr.String(), "ISSUER_INSECURE_COMPAT") {
		t.Error("a warning of what is not set")
	}
}

func TestTheRoleMapperIsThereWhereItsGrantsWouldCount(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, stores(t, server.URL)["files"])
	for _, path := range []string{"/v1/health", "/v1/roles/x"} {
		if response, _ := get(t, s.admin+path); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s with roles in a file: %s", path, response.Status)
		}
	}
	if status, got := speak(t, http.MethodPost, s.base+"/v1/authenticate", `{}`); status != http.StatusNotFound {
		t.Errorf("%d %s", status, got)
	}
	two := []string{"ISSUER_ENTRA_TENANTS=" + faketenant.TenantID + "," + faketenant.OtherTenantID, "ISSUER_ADMIN_TENANTS=" + faketenant.TenantID}
	inDatabase := func(more ...string) []string {
		return environ("https://login.microsoftonline.com", append([]string{"ISSUER_DATABASE_URL=postgres://h/d", "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}, more...)...)
	}
	for name, c := range map[string]struct {
		settings []string
		want     string
	}{
		"open, and roles in a file":    {fileSettings("ISSUER_INSECURE_COMPAT=true"), "ISSUER_INSECURE_COMPAT is set, but"},
		"open, and nobody knows whose": {inDatabase(append(two, "ISSUER_INSECURE_COMPAT=true")...), "ISSUER_COMPAT_TENANT is not set; it wants"},
		"a tenant of nobody's":         {inDatabase("ISSUER_COMPAT_TENANT=c41b9a70-58de-4f0b-8a37-61d2e9f3b802"), `ISSUER_COMPAT_TENANT is "c41b9a70`},
		"several tenants, not open":    {inDatabase(two...), ""},
		"one of several":               {inDatabase(append(two, "ISSUER_INSECURE_COMPAT=true", "ISSUER_COMPAT_TENANT="+strings.ToUpper(faketenant.OtherTenantID))...), ""},
	} {
		code, stdout, _ := execute(t, c.settings, "check")
		if noted := strings.Contains(stdout, "\nnote    compat: a provisioner's routes below /v1/ are 404: ISSUER_COMPAT_TENANT"); noted != (name == "several tenants, not open") || (code == exitDone) != (c.want == "") {
			t.Errorf("%s: check, exit code %d: %s", name, code, stdout)
		}
		_, err := load(c.settings, needService)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestThatNobodyKnowsWhoseNamesTheyAreIsLogged, since the routes are silent about it.
func TestThatNobodyKnowsWhoseNamesTheyAreIsLogged(t *testing.T) {
	t.Parallel()
	tenant, settings := mapping(t)
	const said = "a provisioner's routes below /v1/ are 404: ISSUER_COMPAT_TENANT"
	two := append(slices.Clip(settings), "ISSUER_ENTRA_TENANTS="+faketenant.TenantID+","+faketenant.OtherTenantID, "ISSUER_ADMIN_TENANTS="+faketenant.TenantID)
	for name, c := range map[string]struct {
		settings []string
		want     int
	}{
		"one tenant":             {settings, 0},
		"several":                {two, 1},
		"several, and one is it": {append(slices.Clip(two), "ISSUER_COMPAT_TENANT="+faketenant.TenantID), 0},
	} {
		s := listening(t, startProgram(t, program{environ: c.settings, azure: tenant.Client()}, "serve"))
		if got := strings.Count(s.stderr.String(), said); got != c.want {
			t.Errorf("%s: said %d times, want %d", name, got, c.want)
		}
	}
}

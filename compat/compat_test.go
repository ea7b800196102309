package compat_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/compat"
)

const (
	roleBody  = `{"role_id":"` + sales + `","component_id":"urn:a/b","graphql_root_field_names":["b","a","a"]}`
	usersBody = `{"role_id":"` + sales + `","users":["user:ada_contoso.example"]}`
)

func TestWhatIsPutIsEchoedAndFound(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.put("/v1/roles", roleBody)
	s.put("/v1/user_roles", `{"role_id":"`+sales+`","users":["user:bob_b_contoso.example","user:ada_contoso.example","user:ada_contoso.example"]}`)
	s.put("/v1/group_roles", `{"role_id":"`+sales+`","groups":["group:Editors"]}`)
	if diff := cmp.Diff([]string{"group " + editors, "user " + ada, "user " + bob}, s.holders()); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
	s.put("/v1/user_roles", usersBody)
	if diff := cmp.Diff([]string{"group " + editors, "user " + ada}, s.holders()); diff != "" {
		t.Errorf("holders after a replacement (-want +got):\n%s", diff)
	}
	const role = `{"role_id":"` + sales + `","component_id":"urn:a/b"}`
	for path, want := range map[string]string{
		"/v1/roles/" + sales: role, "/v1/roles/component_id/urn:a%2Fb": role, "/v1/health": `"Alive"`,
		"/v1/roles/other": `"Role not found"`, "/v1/roles/component_id/other": `"Role not found"`, "/v1/roles/component_id/%FF": `"Role not found"`,
	} {
		status := http.StatusOK
		if strings.Contains(want, "not found") {
			status = http.StatusNotFound
		}
		if got := s.do(http.MethodGet, path, ""); got.StatusCode != status || got.body != want || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s", path, got.Status, got.body)
		}
	}
	var actors []string
	must(t, s.pool.QueryRow(t.Context(), `SELECT array_agg(DISTINCT actor) FROM issuer.role_history`).Scan(&actors))
	if diff := cmp.Diff([]string{"admin:" + ada + "@127.0.0.1"}, actors); diff != "" {
		t.Errorf("actors of the history (-want +got):\n%s", diff)
	}
}

func TestWhoMayComeInIsDecidedByDefault(t *testing.T) {
	t.Parallel()
	const none, wrong = "", "Bearer made.up"
	for name, c := range map[string]struct {
		open                 bool
		method, path, header string
		want                 int
	}{
		"a PUT without credentials":                     {false, "PUT", "/v1/roles", none, 401},
		"a PUT with wrong ones":                         {false, "PUT", "/v1/roles", wrong, 401},
		"a look without credentials":                    {false, "GET", "/v1/roles/x", none, 401},
		"a path that is not there":                      {false, "GET", "/v1/nothing", none, 401},
		"the health":                                    {false, "GET", "/v1/health", none, 200},
		"the health with wrong credentials":             {false, "GET", "/v1/health", wrong, 200},
		"an open PUT of a role":                         {true, "PUT", "/v1/roles", none, 200},
		"an open PUT of users":                          {true, "PUT", "/v1/user_roles", none, 400},
		"an open PUT of groups":                         {true, "PUT", "/v1/group_roles", none, 400},
		"an open PUT with wrong credentials":            {true, "PUT", "/v1/roles", wrong, 401},
		"a look where PUTs are open":                    {true, "GET", "/v1/roles/x", none, 401},
		"a look by component where PUTs are open":       {true, "GET", "/v1/roles/component_id/x", none, 401},
		"another method of an open path":                {true, "DELETE", "/v1/roles", none, 401},
		"a path that is not there where PUTs are open":  {true, "PUT", "/v1/nothing", none, 401},
		"another spelling of an open path":              {true, "PUT", "/v1/roles/", none, 401},
		"a PUT to a path of GET where PUTs are open":    {true, "PUT", "/v1/roles/x", none, 401},
		"a PUT that says it is another (no such thing)": {true, "POST", "/v1/roles", none, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(config *compat.Config) { config.Open = c.open })
			body := roleBody
			switch c.path {
			case "/v1/user_roles":
				body = usersBody
			case "/v1/group_roles":
				body = `{"role_id":"x","groups":["group:a"]}`
			}
			got := s.do(c.method, c.path, body, "Authorization", c.header, "X-Http-Method-Override", "PUT")
			if got.StatusCode != c.want {
				t.Errorf("%s %s, want %d", got.Status, got.body, c.want)
			}
		})
	}
}

func TestASecondGroupOfTheNameTakesTheRoleFromNobody(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	const list = `{"role_id":"` + sales + `","groups":["group:Editors"]}`
	s.put("/v1/group_roles", list)
	s.directory.groups["Editors"] = []string{others, editors}
	s.put("/v1/group_roles", list)
	if diff := cmp.Diff([]string{"group " + editors}, s.holders()); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
}

// TestNoPageComesInWithoutCredentials: one that has its own name point at this machine sends what it likes from a browser
// here, and no preflight asks before. Provisioners are no pages.
func TestNoPageComesInWithoutCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, open)
	for _, origin := range []string{"http://attacker.example:9090", "null"} {
		if got := s.do(http.MethodPut, "/v1/roles", roleBody, "Authorization", "", "Origin", origin); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", origin, got.Status)
		}
	}
	if got := s.do(http.MethodPut, "/v1/roles", roleBody, "Origin", "http://attacker.example:9090"); got.StatusCode != http.StatusOK {
		t.Errorf("with credentials: %s", got.Status)
	}
}

func TestWhoComesWithoutCredentialsIsOnRecordAndTakesNothingOver(t *testing.T) {
	t.Parallel()
	s := start(t, open)
	_, err := s.pool.Exec(t.Context(), `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES ($1, 'user', $2, 'editor')`, tenant, ada)
	must(t, err)
	const takeOver = `{"role_id":"editor","component_id":"urn:e","graphql_root_field_names":["a"]}`
	if got := s.do(http.MethodPut, "/v1/roles", takeOver, "Authorization", ""); got.StatusCode != http.StatusConflict || !strings.Contains(got.body, "credentials") {
		t.Errorf("%s %s", got.Status, got.body)
	}
	s.put("/v1/roles", takeOver) // by an operator
	for path, body := range map[string]string{"/v1/roles": takeOver, "/v1/user_roles": `{"role_id":"editor","users":["user:` + bob + `"]}`} {
		if got := s.do(http.MethodPut, path, body, "Authorization", ""); got.StatusCode != http.StatusOK {
			t.Errorf("%s %s", got.Status, got.body)
		}
	}
	var actor string
	must(t, s.pool.QueryRow(t.Context(), `SELECT actor FROM issuer.role_history ORDER BY number DESC LIMIT 1`).Scan(&actor))
	if actor != "compat@127.0.0.1" || cmp.Diff([]string{"role_taken"}, s.refused) != "" {
		t.Errorf("actor %q, refused %q", actor, s.refused)
	}
}

func TestAnEmptyListTakesNothingAwayUnlessItMay(t *testing.T) {
	t.Parallel()
	lists := map[string]string{
		"/v1/roles":      `{"role_id":"` + sales + `","component_id":"urn:dmb:cmp:sales:orders:0:view","graphql_root_field_names":[]}`,
		"/v1/user_roles": `{"role_id":"` + sales + `","users":[]}`, "/v1/group_roles": `{"role_id":"` + sales + `","groups":[]}`,
	}
	s := withRole(t)
	s.put("/v1/user_roles", usersBody)
	for path, body := range lists {
		if got := s.do(http.MethodPut, path, body); got.StatusCode != http.StatusConflict || !strings.Contains(got.body, "ISSUER_COMPAT_ALLOW_EMPTY") {
			t.Errorf("%s: %s %s", path, got.Status, got.body)
		}
	}
	if len(s.holders()) != 1 || cmp.Diff([]string{"empty_list", "empty_list", "empty_list"}, s.refused) != "" {
		t.Errorf("holders %q, refused %q", s.holders(), s.refused)
	}
	s.Close()
	if !strings.Contains(s.logs.String(), `"reason":"empty_list"`) {
		t.Errorf("the log does not say so: %s", s.logs)
	}
	s = withRole(t, empty)
	s.put("/v1/user_roles", usersBody)
	for path, body := range lists {
		s.put(path, body)
	}
	if len(s.holders()) != 0 || len(s.refused) != 0 {
		t.Errorf("holders %q, refused %q", s.holders(), s.refused)
	}
}

func TestWhatIsRefusedSaysWhyAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	long := strings.Repeat(`"secret",`, maxItems) + `"secret"`
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		status     int
		want       string
	}{
		"another component":      {"/v1/roles", `{"role_id":"` + sales + `","component_id":"secret","graphql_root_field_names":["a"]}`, nil, 400, "another component"},
		"a component's second":   {"/v1/roles", `{"role_id":"secret","component_id":"urn:dmb:cmp:sales:orders:0:view","graphql_root_field_names":["a"]}`, nil, 400, "another role"},
		"admin":                  {"/v1/roles", `{"role_id":"admin","component_id":"secret","graphql_root_field_names":["a"]}`, nil, 400, "role_id"},
		"a field that is none":   {"/v1/roles", `{"role_id":"secret","component_id":"c","graphql_root_field_names":["secret field"]}`, nil, 400, "graphql_root_field_names"},
		"users of no role":       {"/v1/user_roles", `{"role_id":"secret","users":["user:a"]}`, nil, 400, "no such role"},
		"groups of no role":      {"/v1/group_roles", `{"role_id":"secret","groups":["group:a"]}`, nil, 400, "no such role"},
		"a name of two lines":    {"/v1/user_roles", `{"role_id":"` + sales + `","users":["user:secret\n"]}`, nil, 400, "one line"},
		"no JSON":                {"/v1/roles", `secret`, nil, 422, "JSON"},
		"a list":                 {"/v1/roles", `["secret"]`, nil, 422, "JSON"},
		"a member that lacks":    {"/v1/roles", `{"role_id":"secret","component_id":"c"}`, nil, 422, "graphql_root_field_names"},
		"a member that is null":  {"/v1/user_roles", `{"role_id":"` + sales + `","users":null}`, nil, 422, "none null"},
		"a member that is twice": {"/v1/user_roles", `{"role_id":"` + sales + `","users":["user:a"],"users":[]}`, nil, 422, "each once"},
		"a number for a text":    {"/v1/user_roles", `{"role_id":"` + sales + `","users":[1]}`, nil, 422, "JSON"},
		"another case":           {"/v1/user_roles", `{"Role_id":"` + sales + `","users":["user:a"]}`, nil, 422, "members"},
		"too many":               {"/v1/user_roles", `{"role_id":"` + sales + `","users":[` + long + `]}`, nil, 422, "10000"},
		"too long":               {"/v1/user_roles", `{"role_id":"` + strings.Repeat("a", 1<<20) + `"}`, nil, 413, "1 MiB"},
		"a form":                 {"/v1/user_roles", "role_id=secret", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
		"packed":                 {"/v1/user_roles", usersBody, []string{"Content-Encoding", "gzip"}, 415, "uncompressed"},
	} {
		got := s.do(http.MethodPut, c.path, c.body, c.headers...)
		if got.StatusCode != c.status || !strings.Contains(got.body, c.want) || !strings.HasPrefix(got.body, `{"errors":["`) || strings.Contains(got.body, "secret") {
			t.Errorf("%s: %s %s", name, got.Status, got.body)
		}
	}
	if got := s.do(http.MethodPost, "/v1/roles", ""); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "PUT" {
		t.Errorf("POST: %s, Allow %q", got.Status, got.Header.Get("Allow"))
	}
	if got := s.do(http.MethodPut, "/v1/health", ""); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("PUT of the health: %s, Allow %q", got.Status, got.Header.Get("Allow"))
	}
	s.Close()
	if strings.Contains(s.logs.String(), "secret") {
		t.Error("the log repeats what was sent")
	}
}

const maxItems = 10_000

func TestWhomNamesMean(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, listed string
		want         string // whom it means, or why nobody
	}{
		"a user":                           {"user", "user:ada_contoso.example", "user " + ada},
		"a user in capitals":               {"user", "user:Ada_Contoso.example", "user " + ada},
		"a user with _ in the name":        {"user", "user:bob_b_contoso.example", "user " + bob},
		"a user as Entra writes them":      {"user", "user:ada@contoso.example", "user " + ada},
		"a user by id":                     {"user", "user:" + strings.ToUpper(ada), "user " + ada},
		"a user nobody knows":              {"user", "user:eve_contoso.example", "unknown"},
		"a user whom two may be":           {"user", "user:a_b_c.d", "ambiguous"},
		"a user without a domain":          {"user", "user:ada", "malformed"},
		"a user with nothing before it":    {"user", "user:_contoso.example", "malformed"},
		"a user with more _ than can be":   {"user", "user:" + strings.Repeat("a_", 20) + "contoso.example", "malformed"},
		"a group for a user":               {"user", "group:Editors", "malformed"},
		"nothing":                          {"user", "user:", "malformed"},
		"a group":                          {"group", "group:Editors", "group " + editors},
		"a group by id":                    {"group", "group:" + editors, "group " + editors},
		"a group in other letters":         {"group", "group:editors", "unknown"},
		"a group of which there are two":   {"group", "group:Twins", "ambiguous"},
		"a user for a group":               {"group", "user:ada_contoso.example", "malformed"},
		"a group whose name is a user's":   {"group", "group:ada@contoso.example", "unknown"},
		"a prefix in other letters":        {"group", "Group:Editors", "malformed"},
		"a user whose domain has no label": {"user", "user:ada_contoso", "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withRole(t)
			s.directory.users["a@b_c.d"], s.directory.users["a_b@c.d"] = ada, bob
			s.put("/v1/"+c.path+"_roles", fmt.Sprintf(`{"role_id":%q,"%ss":[%q]}`, sales, c.path, c.listed))
			got := strings.Join(s.holders(), " ")
			if got == "" {
				got = s.whys()[c.listed]
			}
			if got != c.want || (s.unresolved == 1) != !strings.Contains(c.want, " ") {
				t.Errorf("%q, want %q; %d were not found", got, c.want, s.unresolved)
			}
		})
	}
}

func TestWithoutGraphNamesAreKeptAndIdsAreTaken(t *testing.T) {
	t.Parallel()
	list := `{"role_id":"` + sales + `","users":["user:` + bob + `","user:ada_contoso.example"]}`
	for name, alter := range map[string]func(*compat.Config){
		"nobody to ask": func(c *compat.Config) { c.Resolver = &compat.Resolver{} },
		"Graph is down": func(c *compat.Config) { c.Resolver.Directory.(*directory).err = errDown },
	} {
		s := withRole(t, alter)
		s.put("/v1/user_roles", list)
		if diff := cmp.Diff([]string{"user " + bob}, s.holders()); diff != "" || s.whys()["user:ada_contoso.example"] != "not_asked" {
			t.Errorf("%s: %v (-want +got):\n%s", name, s.whys(), diff)
		}
	}
	s := withRole(t)
	s.put("/v1/user_roles", list)
	s.directory.err = errDown
	s.put("/v1/user_roles", list) // whoever was found before stays
	if len(s.holders()) != 2 {
		t.Errorf("holders %q", s.holders())
	}
}

// TestGraphIsAskedForNoRoleThatIsNotThere: nor is it for a list that is refused.
func TestGraphIsAskedForNoRoleThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	for _, body := range []string{`{"role_id":"other","users":["user:ada_contoso.example"]}`, `{"role_id":"` + sales + `","users":[]}`} {
		if got := s.do(http.MethodPut, "/v1/user_roles", body); got.StatusCode < 400 || len(s.directory.asked) > 0 {
			t.Errorf("%s: %s %s, Graph was asked for %q", body, got.Status, got.body, s.directory.asked)
		}
	}
}

// TestGraphTakesNoTimeFromTheDatabase: the provisioner does not come again.
func TestGraphTakesNoTimeFromTheDatabase(t *testing.T) {
	t.Parallel()
	s := withRole(t, func(c *compat.Config) { c.Resolver.Directory = silent{} })
	s.put("/v1/user_roles", usersBody)
	if s.whys()["user:ada_contoso.example"] != "not_asked" {
		t.Errorf("%v", s.whys())
	}
}

func TestWithoutADatabaseTheProvisionerIsAskedToComeAgain(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.pool.Close()
	for path, body := range map[string]string{"/v1/roles": roleBody, "/v1/user_roles": usersBody} {
		if got := s.do(http.MethodPut, path, body); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: %s %s", path, got.Status, got.body)
		}
	}
	if got := s.do(http.MethodGet, "/v1/roles/"+sales, ""); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("GET: %s", got.Status)
	}
}

package main

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/standin"
)

// hasuraSays is an answer of /v1/graphql.
type hasuraSays struct {
	Data struct {
		Orders []map[string]any `json:"orders"`
	} `json:"data"`
	Errors []struct {
		Message    string `json:"message"`
		Extensions struct {
			Code string `json:"code"`
		} `json:"extensions"`
	} `json:"errors"`
}

// fault is the code and the sentence of a refusal; "" of an answer.
func (s hasuraSays) fault() string {
	if len(s.Errors) == 0 {
		return ""
	}
	return s.Errors[0].Extensions.Code + ": " + s.Errors[0].Message
}

// query asks the stand-in for Hasura of a running `issuer dev`.
func (d developing) query(t *testing.T, token, role, query string) hasuraSays {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.base+standin.Path, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if role != "" {
		r.Header.Set("X-Hasura-Role", role)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var said hasuraSays
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(text, &said) != nil {
		t.Fatalf("%s: %s %s %v", query, response.Status, text, err)
	}
	return said
}

// orderRow is a row of the demo's table, as orders.sql spells it.
var orderRow = regexp.MustCompile(`\((\d+), '(\w+)', '([0-9a-f-]+)', ([0-9.]+), '([^']*)'\)`)

// demoOrders are the rows of the demo that a role's permission lets somebody see, with one column of each.
func demoOrders(t *testing.T, allowed bounds, session map[string]string, column string) []map[string]any {
	t.Helper()
	seen := []map[string]any{}
	for _, m := range orderRow.FindAllStringSubmatch(readFile(t, composeDir+"postgres/shop/orders.sql"), -1) {
		row := map[string]string{"id": m[1], "region": m[2], "owner": m[3], "total": m[4], "note": m[5]}
		for filtered, comparison := range allowed.Filter {
			for _, variable := range comparison {
				values := strings.FieldsFunc(session[strings.ToLower(variable)], func(r rune) bool { return strings.ContainsRune(`{}",`, r) })
				if slices.Contains(values, row[filtered]) {
					seen = append(seen, map[string]any{column: row[column]})
				}
			}
		}
	}
	return seen
}

// TestTheFakeHasuraShowsWhatTheDemosHasuraShows: role by role and column by column, by the metadata and the rows of the demo.
func TestTheFakeHasuraShowsWhatTheDemosHasuraShows(t *testing.T) {
	t.Parallel()
	d := develop(t)
	if !strings.Contains(d.screen, "fake Hasura   "+d.base+standin.Path+", which knows one table, orders\n") {
		t.Errorf("the first screen says nothing of it:\n%s", d.screen)
	}
	permissions := map[string]bounds{}
	for _, p := range readTable(t).SelectPermissions {
		permissions[p.Role] = p.Permission
	}
	if len(permissions) != 2 {
		t.Errorf("the demo has %d roles, and the fake Hasura two", len(permissions))
	}
	for _, c := range []struct{ persona, role string }{{"editor", "editor"}, {"reader", "reader"}, {"editor", "reader"}} {
		token := d.exchange(t, d.token(t, c.persona)).AccessToken
		session := map[string]string{"x-hasura-regions": `{"eu","us"}`, "x-hasura-user-id": personaOf(t, d, c.persona)}
		for _, column := range []string{"region", "owner", "total", "note"} {
			want := hasuraSays{}
			if slices.Contains(permissions[c.role].Columns, column) {
				want.Data.Orders = demoOrders(t, permissions[c.role], session, column)
			}
			got := d.query(t, token, c.role, "{ orders { "+column+" } }")
			if diff := cmp.Diff(want.Data, got.Data); diff != "" || (got.fault() == "") != (len(want.Data.Orders) == 2) {
				t.Errorf("%s as %s: %s: %s (-demo +fake):\n%s", c.persona, c.role, column, got.fault(), diff)
			}
		}
	}
}

// personaOf is a persona's object id.
func personaOf(t *testing.T, d developing, name string) string {
	t.Helper()
	var personas []struct {
		Name     string `json:"name"`
		ObjectID string `json:"object_id"`
	}
	if _, body := get(t, d.entra+"/personas"); json.Unmarshal(body, &personas) != nil {
		t.Fatalf("no personas: %s", body)
	}
	for _, p := range personas {
		if p.Name == name {
			return p.ObjectID
		}
	}
	t.Fatalf("there is no persona %s", name)
	return ""
}

// TestTheFakeHasuraRefuses: in the words of the engine, where it has any.
func TestTheFakeHasuraRefuses(t *testing.T) {
	t.Parallel()
	d := develop(t)
	entra := d.token(t, "editor")
	editor, reader, guest := d.exchange(t, entra).AccessToken, d.exchange(t, d.token(t, "reader")).AccessToken, d.exchange(t, d.token(t, "guest")).AccessToken
	longest := "{ orders { id } }" + strings.Repeat(" ", 64<<10-len(`{"query":"{ orders { id } }"}`))
	for name, c := range map[string]struct{ token, role, query, want string }{
		"no token":             {"", "", "{ orders { id } }", "invalid-headers: Missing 'Authorization' or 'Cookie' header in JWT authentication mode"},
		"the Entra token":      {entra, "", "{ orders { id } }", "invalid-jwt: Could not verify JWT: JWTNotInIssuer"},
		"an altered token":     {editor[:len(editor)-8] + "AAAAAAAA", "", "{ orders { id } }", "invalid-jwt: Could not verify JWT: JWSError JWSInvalidSignature"},
		"a role not held":      {reader, "editor", "{ orders { id } }", "access-denied: Your requested role is not in allowed roles"},
		"a role held":          {editor, "reader", "{ orders { note } }", "validation-failed: field 'note' not found in type: 'orders'"},
		"a role without table": {guest, "", "{ orders { id } }", "validation-failed: field 'orders' not found in type: 'query_root'"},
		"another table":        {editor, "", "{ users { id } }", "validation-failed: field 'users' not found in type: 'query_root'"},
		"the schema":           {editor, "", "{ __schema { queryType { name } } }", "validation-failed: field '__schema' not found in type: 'query_root'"},
		"no columns":           {editor, "", "{ orders }", "validation-failed: missing selection set for 'orders'"},
		"a column with fields": {editor, "", "{ orders { id { id } } }", "validation-failed: field 'id' not found in type: 'orders'"},
		"a mutation":           {editor, "", "mutation { orders { id } }", "validation-failed: this stand-in knows queries only"},
		"a condition":          {editor, "", "{ orders(where: {}) { id } }", "validation-failed: this stand-in knows no argument but order_by: {id: asc}"},
		"a fragment":           {editor, "", "{ ... on query_root { orders { id } } }", "validation-failed: this stand-in knows no fragments and no directives"},
		"a directive":          {editor, "", "{ orders { id @skip(if: true) } }", "validation-failed: this stand-in knows no fragments and no directives"},
		"two operations":       {editor, "", "query A { orders { id } } query B { orders { id } }", "validation-failed: exactly one operation has to be present, or to be named by operationName"},
		"no GraphQL":           {editor, "", "SELECT 1", "validation-failed: not a valid graphql query"},
		"a query":              {editor, "", "query Orders { orders(order_by: {id: asc}) { id region total } }", ""},
		"a long query":         {editor, "", longest, ""},
		"a longer one":         {editor, "", longest + " ", "parse-failed: the body must be JSON with the key 'query', of at most 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) { // not when others are done: the tokens are good for five minutes
			got := d.query(t, c.token, c.role, c.query)
			if got.fault() != c.want || (len(got.Data.Orders) > 0) != (c.want == "") {
				t.Errorf("%q and %d orders, want %q", got.fault(), len(got.Data.Orders), c.want)
			}
		})
	}
}

// TestTheFakeHasuraAnswersWhatIsAskedFor, by the names that it is asked for by, and for nobody to keep.
func TestTheFakeHasuraAnswersWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	d := develop(t)
	const asked = `{"query": "query A { other: orders { id } } query B { __typename mine: orders { number: id kind: __typename } }", "operationName": "B"}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.base+standin.Path, strings.NewReader(asked))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.exchange(t, d.token(t, "editor")).AccessToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	const want = `{"data":{"__typename":"query_root","mine":[{"kind":"orders","number":1},{"kind":"orders","number":2}]}}`
	if err != nil || string(text) != want || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %q, %v; want %s", text, response.Header.Get("Cache-Control"), err, want)
	}
}

// TestTheFakeTenantAnswersToTheNamesOfThisMachine alone: a page whose name was made to lead here would get tokens, an operator's too.
func TestTheFakeTenantAnswersToTheNamesOfThisMachine(t *testing.T) {
	t.Parallel()
	d := develop(t)
	for host, want := range map[string]int{"": http.StatusOK, "localhost:8081": http.StatusOK, "attacker.example:8081": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.entra+"/personas/operator/token", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%q: %s, want %d", host, response.Status, want)
		}
	}
}

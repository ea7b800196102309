package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5"
)

// permission is one of Hasura's permissions on rows and columns.
type permission struct {
	Role       string
	Permission bounds
}

type bounds struct {
	Columns           []string
	Filter            map[string]map[string]string // column, operator, session variable
	Check             map[string]any
	Limit             int
	AllowAggregations bool `yaml:"allow_aggregations"`
}

type trackedTable struct {
	Table struct{ Schema, Name string }
	// What a role may do. That there is no more than this is what the strict reading says.
	SelectPermissions []permission `yaml:"select_permissions"`
	UpdatePermissions []permission `yaml:"update_permissions"`
}

const metadataDir = "../../deploy/hasura/v2/metadata/"

// readTable reads the metadata as the Hasura CLI does, by its includes, down to the one table.
func readTable(t testing.TB) trackedTable {
	t.Helper()
	var sources []struct {
		Name, Kind    string
		Configuration struct {
			ConnectionInfo struct {
				DatabaseURL struct {
					FromEnv string `yaml:"from_env"`
				} `yaml:"database_url"`
				IsolationLevel string         `yaml:"isolation_level"`
				PoolSettings   map[string]int `yaml:"pool_settings"`
			} `yaml:"connection_info"`
		}
		Tables string
	}
	strict(t, "databases/databases.yaml", &sources)
	if len(sources) != 1 || sources[0].Configuration.ConnectionInfo.DatabaseURL.FromEnv != "SHOP_DATABASE_URL" {
		t.Fatalf("%d sources, or one by another variable", len(sources))
	}
	var tables []string
	listed := "databases/" + strings.TrimPrefix(sources[0].Tables, "!include ")
	strict(t, listed, &tables)
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	var table trackedTable
	strict(t, filepath.Join(filepath.Dir(listed), strings.TrimPrefix(tables[0], "!include ")), &table)
	return table
}

// strict reads a file of the metadata; a member that is not expected there fails.
func strict(t testing.TB, name string, into any) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions([]byte(readFile(t, metadataDir+name)), into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// shop is a Hasura of one table: who asks is judged by the engine's model, and what they get is asked for in Postgres, as
// Hasura's own account there, with the filter of their role's permission.
type shop struct {
	engine   http.Handler
	table    trackedTable
	database string
}

var (
	orderQuery = regexp.MustCompile(`^query \w+ \{ orders(?:\(order_by: \{id: asc\}\))? \{ ([a-z ]+) \} \}$`)
	operators  = map[string]string{"_eq": "%s = $1::%s", "_in": "%s = ANY($1::%s[])"}
	types      = map[string]string{"region": "text", "owner": "uuid"}
)

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	judged, asked := httptest.NewRecorder(), r.Clone(r.Context())
	asked.Body = io.NopCloser(bytes.NewReader(body))
	s.engine.ServeHTTP(judged, asked)
	if !strings.Contains(judged.Body.String(), `"data"`) {
		w.WriteHeader(judged.Code)
		_, _ = w.Write(judged.Body.Bytes())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	rows, err := s.rows(r, body)
	if err != nil {
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"message": err.Error(), "extensions": map[string]string{"code": "validation-failed"}}}})
		return
	}
	_, _ = io.WriteString(w, `{"data":{"orders":`+rows+`}}`)
}

// rows is the answer to a query for orders. That the token is good was judged before.
func (s *shop) rows(r *http.Request, body []byte) (string, error) {
	session, err := sessionOf(r)
	if err != nil {
		return "", err
	}
	var request struct{ Query string }
	if err := json.Unmarshal(body, &request); err != nil {
		return "", err
	}
	match := orderQuery.FindStringSubmatch(request.Query)
	at := slices.IndexFunc(s.table.SelectPermissions, func(p permission) bool { return p.Role == session["x-hasura-role"] })
	if match == nil || at < 0 {
		return "", fmt.Errorf("field 'orders' not found in type: 'query_root'")
	}
	allowed := s.table.SelectPermissions[at].Permission
	columns := strings.Fields(match[1])
	for i, column := range columns {
		if !slices.Contains(allowed.Columns, column) {
			return "", fmt.Errorf("field '%s' not found in type: 'orders'", column)
		}
		if column == "total" { // HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES
			columns[i] = "total::text AS total"
		}
	}
	where, argument := condition(allowed, session)
	conn, err := pgx.Connect(r.Context(), s.database)
	if err != nil {
		return "", err
	}
	defer conn.Close(r.Context())
	var rows string
	sql := fmt.Sprintf("SELECT coalesce(json_agg(o), '[]')::text FROM (SELECT %s FROM %s.%s WHERE %s ORDER BY id LIMIT %d) o",
		strings.Join(columns, ", "), s.table.Table.Schema, s.table.Table.Name, where, allowed.Limit)
	err = conn.QueryRow(r.Context(), sql, argument).Scan(&rows)
	return strings.ReplaceAll(rows, ", \n ", ","), err
}

// condition is the SQL of a permission's filter, which is one comparison with a session variable.
func condition(p bounds, session map[string]string) (where, argument string) {
	for column, comparison := range p.Filter {
		for operator, variable := range comparison {
			return fmt.Sprintf(operators[operator], column, types[column]), session[strings.ToLower(variable)]
		}
	}
	return "false", ""
}

// sessionOf reads the session variables of a token whose signature was checked, with the role that is asked in.
func sessionOf(r *http.Request) (map[string]string, error) {
	parts := strings.Split(r.Header.Get("Authorization"), ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("no token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims struct {
		Session map[string]any `json:"https://hasura.io/jwt/claims"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	session := map[string]string{"x-hasura-role": r.Header.Get("X-Hasura-Role")}
	for name, value := range claims.Session {
		if text, ok := value.(string); ok {
			session[name] = text
		}
	}
	if session["x-hasura-role"] == "" {
		session["x-hasura-role"] = session["x-hasura-default-role"]
	}
	return session, nil
}

// TestTheMetadataGivesNoMoreThanTheDemoNeeds holds the permissions to the roles that are granted and to bounds.
func TestTheMetadataGivesNoMoreThanTheDemoNeeds(t *testing.T) {
	t.Parallel()
	table := readTable(t)
	var roles struct{ Grants []map[string]any }
	if err := yaml.Unmarshal([]byte(readFile(t, composeDir+"roles.yaml")), &roles); err != nil {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	for _, grant := range roles.Grants {
		granted[fmt.Sprint(grant["role"])] = true
	}
	var hidden struct {
		Disabled []string `yaml:"disabled_for_roles"`
	}
	strict(t, "graphql_schema_introspection.yaml", &hidden)
	for _, p := range slices.Concat(table.SelectPermissions, table.UpdatePermissions) {
		if !granted[p.Role] || !slices.Contains(hidden.Disabled, p.Role) || len(p.Permission.Filter) != 1 || p.Permission.AllowAggregations {
			t.Errorf("%s: nobody has it, or it sees more than its rows", p.Role)
		}
		for column, comparison := range p.Permission.Filter {
			for operator, variable := range comparison {
				if types[column] == "" || operators[operator] == "" || !strings.HasPrefix(variable, "X-Hasura-") {
					t.Errorf("%s: the test cannot tell what %s %s %s means", p.Role, column, operator, variable)
				}
			}
		}
	}
	for _, p := range table.SelectPermissions {
		if p.Permission.Limit == 0 || p.Permission.Limit > 1000 {
			t.Errorf("%s may ask for %d rows", p.Role, p.Permission.Limit)
		}
	}
	for _, p := range table.UpdatePermissions {
		if !slices.Equal(p.Permission.Columns, []string{"note"}) {
			t.Errorf("%s may change %v", p.Role, p.Permission.Columns)
		}
	}
}

func TestHasurasSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"secret": "a 'quoted' $HOME \"secret\"\n", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct{ variable, file, want string }{
		"a secret":                 {"HASURA_GRAPHQL_ADMIN_SECRET_FILE", "secret", `HASURA_GRAPHQL_ADMIN_SECRET=a 'quoted' $HOME "secret"`},
		"a database":               {"SHOP_DATABASE_URL_FILE", "secret", `SHOP_DATABASE_URL=a 'quoted' $HOME "secret"`},
		"somebody else's variable": {"SSL_CERT_FILE", "secret", "SSL_CERT_FILE="},
		"an empty file":            {"HASURA_GRAPHQL_ADMIN_SECRET_FILE", "empty", ""},
		"no file":                  {"HASURA_GRAPHQL_ADMIN_SECRET_FILE", "none", ""},
	} {
		command := exec.CommandContext(t.Context(), "sh", "../../deploy/hasura/v2/secrets-from-files.sh", "env")
		command.Env = []string{"PATH=" + os.Getenv("PATH"), c.variable + "=" + filepath.Join(dir, c.file)}
		out, err := command.Output()
		if (err == nil) != (c.want != "") || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if c.want != "" && c.variable != "SSL_CERT_FILE" && strings.Contains(string(out), c.variable) {
			t.Errorf("%s: the program still sees the file: %s", name, out)
		}
	}
}

package hasuratest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

const admin = "admin"

// fail is v2's QErr.
type fail struct {
	status        int
	code, message string
	path          string
	internal      any
}

func (e *Engine) routesV2() {
	e.routes.HandleFunc("GET /v1/version", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"server_type": "ce", "version": "v2.48.4"})
	})
	e.routes.HandleFunc("POST /v1/graphql", e.graphqlV2)
	if !e.options.GraphQLOnly {
		e.routes.HandleFunc("POST /v1/metadata", e.metadata)
		e.routes.HandleFunc("POST /v1/query", e.runSQL)
		e.routes.HandleFunc("POST /v2/query", e.runSQL)
		e.routes.HandleFunc("GET /v1alpha1/config", e.adminOnly(map[string]any{"version": "v2.48.4", "is_admin_secret_set": e.options.AdminSecret != ""}))
	}
	e.routes.HandleFunc("POST /v1/graphql/explain", e.adminOnly([]any{}))
	if e.options.Console && !e.options.GraphQLOnly {
		e.routes.HandleFunc("GET /console/", func(w http.ResponseWriter, _ *http.Request) { page(w, "Hasura Console") })
		e.routes.HandleFunc("GET /console", func(w http.ResponseWriter, _ *http.Request) { page(w, "Hasura Console") })
		e.routes.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/console", http.StatusFound) })
	}
	e.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		failed(w, fail{http.StatusNotFound, "not-found", "resource does not exist", "$", nil})
	})
}

// who is the caller's role. v2 looks at an admin secret first, and where none is set everybody is what they say.
func (e *Engine) who(r *http.Request) (string, *fail) {
	o := e.options
	secret := r.Header.Get("X-Hasura-Admin-Secret")
	said := r.Header.Get("X-Hasura-Role")
	if said == "" {
		said = admin
	}
	switch {
	case o.AdminSecret == "" || secret == o.AdminSecret:
		return said, nil
	case secret != "":
		return "", &fail{http.StatusUnauthorized, "access-denied", "invalid x-hasura-admin-secret/x-hasura-access-key", "$", nil}
	case o.AuthHook:
		return "", &fail{http.StatusUnauthorized, "access-denied", "Authentication hook unauthorized this request", "$", nil}
	case o.JWTSecret != "":
		return e.bearer(r)
	case o.UnauthorizedRole != "":
		return o.UnauthorizedRole, nil
	}
	return "", &fail{http.StatusUnauthorized, "access-denied", "x-hasura-admin-secret/x-hasura-access-key required, but not found", "$", nil}
}

// bearer judges the token. Only a caller without any becomes the unauthorized role.
func (e *Engine) bearer(r *http.Request) (string, *fail) {
	verdict := e.v2.Judge(e.held(), r.Header, e.now())
	switch {
	case verdict.Accepted:
		return verdict.Role, nil
	case e.options.UnauthorizedRole != "" && strings.HasPrefix(verdict.Message, "Missing "):
		return e.options.UnauthorizedRole, nil
	}
	return "", &fail{verdict.HTTP, verdict.Code, verdict.Message, "$", nil}
}

// graphqlV2 answers with 200, whatever comes of it.
func (e *Engine) graphqlV2(w http.ResponseWriter, r *http.Request) {
	role, refusal := e.who(r)
	query, ok := e.query(r)
	switch {
	case refusal != nil:
		failedGraphQL(w, http.StatusOK, *refusal)
	case !ok:
		failedGraphQL(w, http.StatusOK, fail{0, "parse-failed", "the key 'query' was not present", "$", nil})
	case e.options.AllowList && role != admin:
		f := fail{0, "validation-failed", "query is not allowed", "$", nil}
		if e.options.DevMode {
			f.internal = map[string]any{"message": "query is not in any of the allowlists"}
		}
		failedGraphQL(w, http.StatusOK, f)
	case strings.Contains(query, "__schema") && slices.Contains(e.options.NoIntrospection, role):
		failedGraphQL(w, http.StatusOK, fail{0, "validation-failed", "field '__schema' not found in type: 'query_root'", "$.selectionSet.__schema", nil})
	default:
		answered(w, query, "query_root")
	}
}

// metadata takes what reads, and tells of what would change the engine.
func (e *Engine) metadata(w http.ResponseWriter, r *http.Request) {
	if kind, _ := e.command(r); kind != "get_inconsistent_metadata" {
		e.fault("/v1/metadata was asked for %q", kind)
	}
	e.adminOnly(map[string]any{"is_consistent": true, "inconsistent_objects": []any{}})(w, r)
}

// runSQL knows no database, and tells of SQL that would find one.
func (e *Engine) runSQL(w http.ResponseWriter, r *http.Request) {
	kind, args := e.command(r)
	source, _ := args["source"].(string)
	if readOnly, _ := args["read_only"].(bool); kind != "run_sql" || !readOnly || source == "" || source == "default" {
		e.fault("%s was asked for %q in %q", r.URL.Path, kind, source)
	}
	role, refusal := e.who(r)
	switch {
	case refusal != nil:
		failed(w, *refusal)
	case role != admin:
		failed(w, fail{http.StatusBadRequest, "access-denied", "restricted access : admin only", "$.args", nil})
	default:
		failed(w, fail{http.StatusBadRequest, "not-exists", "source with name \"" + source + "\" does not exist", "$.args", nil})
	}
}

func (e *Engine) adminOnly(result any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		role, refusal := e.who(r)
		switch {
		case refusal != nil:
			failed(w, *refusal)
		case role != admin:
			failed(w, fail{http.StatusBadRequest, "access-denied", "restricted access : admin only", "$.args", nil})
		default:
			write(w, http.StatusOK, result)
		}
	}
}

// command reads what an API of v2 is asked to do.
func (e *Engine) command(r *http.Request) (kind string, args map[string]any) {
	var command struct {
		Type string         `json:"type"`
		Args map[string]any `json:"args"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &command) != nil {
		e.fault("%s was sent no JSON", r.URL.Path)
	}
	return command.Type, command.Args
}

// query reads a GraphQL request, and tells of anything but a query.
func (e *Engine) query(r *http.Request) (string, bool) {
	var request struct {
		Query string `json:"query"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &request) != nil || request.Query == "" {
		return "", false
	}
	if !strings.HasPrefix(request.Query, "query ") {
		e.fault("%s was sent something else than a query", r.URL.Path)
	}
	return request.Query, true
}

func answered(w http.ResponseWriter, query, root string) {
	data := map[string]any{"__typename": root}
	if strings.Contains(query, "__schema") {
		data = map[string]any{"__schema": map[string]any{"queryType": map[string]any{"name": root}}}
	}
	write(w, http.StatusOK, map[string]any{"data": data})
}

// failed writes an error as v2's own APIs do.
func failed(w http.ResponseWriter, f fail) {
	write(w, f.status, map[string]any{"path": f.path, "error": f.message, "code": f.code})
}

// failedGraphQL writes it as its GraphQL does.
func failedGraphQL(w http.ResponseWriter, status int, f fail) {
	extensions := map[string]any{"path": f.path, "code": f.code}
	if f.internal != nil {
		extensions["internal"] = f.internal
	}
	write(w, status, map[string]any{"errors": []any{map[string]any{"message": f.message, "extensions": extensions}}})
}

func write(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(body) // of maps and strings alone
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func page(w http.ResponseWriter, title string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!doctype html><title>"+title+"</title>")
}

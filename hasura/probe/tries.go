package probe

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// sql is for a database that no engine has.
const sql = `{"type":"run_sql","args":{"source":"issuer_check_does_not_exist","sql":"SELECT 1","read_only":true}}`

// adminRequests do nothing on an engine that is open: they ask for a list, a database that does not exist, an explanation
// of nothing, and settings.
var adminRequests = []struct{ method, path, body string }{
	{http.MethodPost, "/v1/metadata", `{"type":"get_inconsistent_metadata","args":{}}`},
	{http.MethodPost, "/v1/query", sql},
	{http.MethodPost, "/v2/query", sql},
	{http.MethodPost, "/v1/graphql/explain", `{"query":` + nothing + `}`},
	{http.MethodGet, "/v1alpha1/config", ""},
}

// administers lists the paths where whoever bears this is taken for an administrator.
func (v *visit) administers(ctx context.Context, token string) []string {
	open := make([]string, len(adminRequests))
	var running sync.WaitGroup
	for i, r := range adminRequests {
		running.Go(func() {
			if v.do(ctx, r.method, r.path, r.body, bearing(token, nil)).obeyed() {
				open[i] = r.path
			}
		})
	}
	running.Wait()
	return slices.DeleteFunc(open, func(path string) bool { return path == "" })
}

// obeyed reports whether an API of v2 did what it was asked to, or has another reason not to than who asks.
func (a answer) obeyed() bool {
	answered := a.err == nil && !a.html && (a.status == http.StatusOK || a.code != "")
	return answered && a.status != http.StatusNotFound && !a.refused(false)
}

func (v *visit) adminSecret(ctx context.Context) Finding {
	f := Finding{Of: "admin-secret", Status: OK, Detail: "without one nobody administers"}
	if open := v.administers(ctx, ""); len(open) > 0 {
		f.Status, f.Detail, f.Cure = Failed, "whoever comes is an administrator, at "+strings.Join(open, ", "), cureOpen
	}
	return f
}

// adminAPI tries the same with a token whose role is not admin.
func (v *visit) adminAPI(ctx context.Context, tokens *Tokens) Finding {
	f := Finding{Of: "admin-api", Status: OK, Detail: "a role administers nothing"}
	if open := v.administers(ctx, tokens.Good); len(open) > 0 {
		f.Status, f.Detail, f.Cure = Failed, "whoever has a token is an administrator, at "+strings.Join(open, ", "), cureAdminAPI
	}
	return f
}

func (v *visit) console(ctx context.Context) Finding {
	a := v.do(ctx, http.MethodGet, "/console", "", nil)
	if a.err == nil && a.status == http.StatusOK && a.html {
		return Finding{Of: "console", Status: Note, Detail: "it is served", Cure: cureConsole}
	}
	return Finding{Of: "console", Status: OK, Detail: "it is not served"}
}

// publicRole tries to come without a token.
func (v *visit) publicRole(ctx context.Context) Finding {
	a := v.graphql(ctx, "", nil)
	switch {
	case a.admitted(v.v3) && v.v3:
		return Finding{Of: "public-role", Status: Note, Detail: "callers without a token are served", Cure: cureNoAuth}
	case a.admitted(v.v3):
		return Finding{Of: "public-role", Status: Note, Detail: "callers without a token are served, and name their session variables themselves", Cure: curePublicRole}
	case a.refused(v.v3):
		return Finding{Of: "public-role", Status: OK, Detail: "callers without a token are refused"}
	default:
		return a.unclear("public-role")
	}
}

// good tries the token that is to be taken.
func (v *visit) good(ctx context.Context, tokens *Tokens) Finding {
	a := v.graphql(ctx, tokens.Good, nil)
	switch {
	case a.admitted(v.v3):
		return Finding{Of: "token", Status: OK, Detail: "a token of ours is taken, so the engine has the key that signs now"}
	case a.refused(v.v3):
		return v.whyRefused(a)
	default:
		return a.unclear("token")
	}
}

// refuses tries a token that is to be refused.
func (v *visit) refuses(ctx context.Context, of, token string) Finding {
	wrong := wrongs[of]
	a := v.graphql(ctx, token, nil)
	switch {
	case a.refused(v.v3):
		return Finding{Of: of, Status: OK, Detail: "a token " + wrong.token + " is refused"}
	case a.admitted(v.v3):
		return Finding{Of: of, Status: Failed, Detail: "a token " + wrong.token + " is taken", Cure: wrong.cure(v.v3)}
	default:
		return a.unclear(of)
	}
}

// role tries to become what the token does not allow, by every header that engines, gateways and hooks are known to read.
func (v *visit) role(ctx context.Context, tokens *Tokens) Finding {
	wish := func(role string, more ...string) http.Header {
		h := http.Header{"X-Hasura-Role": {role}}
		for _, name := range more {
			h.Set(name, role)
		}
		return h
	}
	for _, try := range []struct {
		what   string
		header http.Header
	}{
		{"X-Hasura-Role with a role that it does not hold", wish(tokens.Role + "_of_nobody")},
		{"X-Hasura-Role: admin", wish("admin")},
		{"X-Hasura-Allowed-Roles: admin", wish("admin", "X-Hasura-Allowed-Roles", "X-Hasura-Default-Role")},
	} {
		switch a := v.graphql(ctx, tokens.Good, try.header); {
		case a.admitted(v.v3):
			return Finding{Of: "role", Status: Failed, Detail: "a token beside " + try.what + " is taken", Cure: cureRole}
		case !a.refused(v.v3):
			return a.unclear("role")
		}
	}
	return Finding{Of: "role", Status: OK, Detail: "a role that is not in the token is refused, whatever headers say"}
}

// introspection asks for the schema. A role that an engine does not know has a schema without anything in it.
func (v *visit) introspection(ctx context.Context, tokens *Tokens) Finding {
	if !v.knowsRole {
		return Finding{Of: "introspection", Status: Off, Detail: "not tried: engines answer a role that they do not know in their own way; name one of yours by --hasura-role"}
	}
	a := v.query(ctx, schema, tokens.Good, nil)
	switch {
	case a.schema && v.v3:
		return Finding{Of: "introspection", Status: Note, Detail: "the role reads the schema", Cure: cureIntrospectionV3}
	case a.schema:
		return Finding{Of: "introspection", Status: Note, Detail: "the role reads the schema", Cure: cureIntrospection}
	case a.admitted(v.v3):
		return Finding{Of: "introspection", Status: OK, Detail: "the role cannot read the schema"}
	default:
		return a.unclear("introspection")
	}
}

// errors tells whether any answer held more than callers should read. One that would is not to be had for certain: most
// come from the database.
func (v *visit) errors() Finding {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.internals {
		return Finding{Of: "errors", Status: Note, Detail: "errors show what went on inside", Cure: cureErrors}
	}
	return Finding{Of: "errors", Status: OK, Detail: "no error that was seen shows what went on inside"}
}

// broken is a token with another signature of the same length: the first octet of it differs.
func broken(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	if at >= len(token) {
		return token
	}
	other := "A"
	if token[at] == 'A' {
		other = "B"
	}
	return token[:at] + other + token[at+1:]
}

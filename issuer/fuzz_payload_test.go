package issuer_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// written is all that a payload is made of. Lists are texts with a line for each item.
type written struct {
	issuer, audience, object, tenant, client, jti string
	roles, names, values                          string
	namespace, path                               string
	stringified, arraysAsJSON                     bool
	expiry                                        int64
}

// FuzzPayload wants what is written by appending to be what a map of the same content says, without a name twice.
func FuzzPayload(f *testing.F) {
	add := func(w written) {
		f.Add(w.issuer, w.audience, w.object, w.tenant, w.client, w.jti, w.roles, w.names, w.values, w.namespace, w.path, w.stringified, w.arraysAsJSON, w.expiry)
	}
	plain := written{
		"https://auth.example.com", "hasura", objectID, tenantID, clientID, "J", "editor\nreader", "org-id\nregions", "4\"2\n\teu\ta\"b\\c",
		"https://hasura.io/jwt/claims", "", false, false, 1795435500,
	}
	add(plain)
	for _, path := range []string{"$", "$.hasura", "$.a['b%'].c", `$["x-hasura-org-id"]`, "$.a.a.a", "$['\u2028']"} {
		w := plain
		w.namespace, w.path, w.arraysAsJSON = "", path, len(path)%2 == 0
		add(w)
		w.stringified = true
		add(w)
	}
	for _, odd := range []string{"", "\x00", "\"", `\`, "\xff", "\xed\xa0\x80", "\u2028<&>", "\U0001F600", "\x7f", "NULL", "{,}", "}\"", "\ufffd"} {
		w := plain
		w.object, w.roles, w.values, w.client = odd, odd+"\n"+odd+"x", odd+"\n\t"+odd+"\t"+odd, odd
		add(w)
		w.namespace, w.stringified = "a"+odd, true
		add(w)
	}
	f.Fuzz(func(t *testing.T, iss, aud, object, tenant, client, jti, roles, names, values, namespace, path string, stringified, arraysAsJSON bool, expiry int64) {
		written{iss, aud, object, tenant, client, jti, roles, names, values, namespace, path, stringified, arraysAsJSON, expiry}.check(t)
	})
}

func (w written) check(t *testing.T) {
	t.Helper()
	segments, err := issuer.NamespaceSegments(w.namespace, w.path)
	if err != nil {
		return // no issuer is made with these
	}
	form := issuer.Form{Issuer: w.issuer, Audience: w.audience, Segments: segments, Stringified: w.stringified, Arrays: issuer.ArrayPostgres}
	if w.arraysAsJSON {
		form.Arrays = issuer.ArrayJSON
	}
	entitlement := issuer.Entitlement{Roles: strings.Split(w.roles, "\n"), Session: w.session(), Expiry: time.Unix(w.expiry, 0)}
	subject := idp.Subject{TenantID: w.tenant, ObjectID: w.object, ClientID: w.client}
	doc, err := form.Payload(subject, entitlement, w.jti, time.Unix(w.expiry, 0).Add(-time.Minute))
	if valid := w.valid(entitlement.Session); (err == nil) != valid {
		t.Fatalf("all texts are UTF-8: %v, and the error is %v", valid, err)
	}
	if err != nil {
		return
	}
	if got, want := readBack(t, doc, segments, w.stringified), w.claims(segments, entitlement); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nhas %v\nwant %v", doc, got, want)
	}
}

// session pairs names and values, as far as there are both. A value that begins with a tab is a list.
func (w written) session() map[string]rolestore.Value {
	session := map[string]rolestore.Value{}
	values := strings.Split(w.values, "\n")
	for i, name := range strings.Split(w.names, "\n") {
		if name = "x-hasura-" + name; i >= len(values) || !issuer.IsVariable(name) {
			continue
		}
		if items, list := strings.CutPrefix(values[i], "\t"); list {
			session[name] = rolestore.List(strings.Split(items, "\t")...)
			if items == "" {
				session[name] = rolestore.List()
			}
			continue
		}
		session[name] = rolestore.Text(values[i])
	}
	return session
}

func (w written) valid(session map[string]rolestore.Value) bool {
	texts := []string{w.issuer, w.audience, w.object, w.tenant, w.client, w.jti, w.roles}
	for _, value := range session {
		texts = append(append(texts, value.Text()), value.List()...)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return false
		}
	}
	return true
}

// claims are what was put in.
func (w written) claims(segments []string, e issuer.Entitlement) map[string]any {
	hasura := map[string]any{"x-hasura-default-role": e.Roles[0], "x-hasura-allowed-roles": asAny(e.Roles)}
	for name, value := range e.Session {
		switch {
		case !value.IsList():
			hasura[name] = value.Text()
		case w.arraysAsJSON:
			hasura[name] = asAny(value.List())
		default:
			hasura[name] = literal(value.List())
		}
	}
	past := w.expiry - 120
	claims := map[string]any{
		"iss": w.issuer, "sub": w.object + "." + w.tenant, "aud": w.audience, "jti": w.jti, "client_id": w.client,
		"iat": whole(past), "nbf": whole(past), "exp": whole(w.expiry),
	}
	for _, segment := range slices.Backward(segments) {
		hasura = map[string]any{segment: hasura}
	}
	maps.Copy(claims, hasura)
	return claims
}

// literal is a list as Postgres reads it, written letter by letter.
func literal(items []string) string {
	text := ""
	for _, item := range items {
		text += `,"`
		for _, r := range item {
			if r == '"' || r == '\\' {
				text += `\`
			}
			text += string(r)
		}
		text += `"`
	}
	return "{" + strings.TrimPrefix(text, ",") + "}"
}

func whole(number int64) json.Number {
	text, err := json.Marshal(number)
	if err != nil {
		panic(err)
	}
	return json.Number(text)
}

func asAny(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

// readBack decodes a payload that must be strict, and what is JSON in a string within it too.
func readBack(t *testing.T, doc []byte, segments []string, stringified bool) map[string]any {
	t.Helper()
	claims := decodeStrictly(t, doc)
	if !stringified || len(segments) == 0 {
		return claims
	}
	within := claims
	last := len(segments) - 1
	for _, segment := range segments[:last] {
		within = within[segment].(map[string]any)
	}
	within[segments[last]] = decodeStrictly(t, []byte(within[segments[last]].(string)))
	return claims
}

// decodeStrictly reads an object by encoding/json, once another reader has found in it no name twice and only UTF-8.
func decodeStrictly(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	if !jsontext.Value(doc).IsValid() || !json.Valid(doc) {
		t.Fatalf("no strict JSON: %s", doc)
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}

package issuer

import (
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// backdate is how far iat and nbf lie back: v2 refuses a token from its future, were it by a second.
const backdate = 60 * time.Second

// ArrayFormat says how a session variable that is a list is written.
type ArrayFormat string

// The formats.
const (
	ArrayPostgres ArrayFormat = "postgres" // a Postgres array literal in a string, which v2 wants
	ArrayJSON     ArrayFormat = "json"     // a JSON array, which v3 wants
)

// form says how claims are written.
type form struct {
	issuer, audience string
	segments         []string // from the root to the namespace
	stringified      bool     // the namespace is JSON text in a string
	arrays           ArrayFormat
}

// payload writes the claims, in the same order every time. sub is oid.tid: object ids are unique in a tenant over users
// and apps alike, so an app's cannot be a user's, and there is no colon in it, which v2 would take for a URI's
// (RFC 7519 §2, StringOrURI). An error means that a value is no valid text.
func (f form) payload(subject idp.Subject, e entitlement, jti string, now time.Time) ([]byte, error) {
	past := now.Add(-backdate).Unix()
	w := newWriter()
	w.open('{')
	w.text("iss", f.issuer)
	w.text("sub", nameOf(subject))
	w.text("aud", f.audience)
	w.number("iat", past)
	w.number("nbf", past)
	w.number("exp", e.Expiry.Unix())
	w.text("jti", jti)
	w.text("client_id", subject.ClientID)
	f.namespace(w, e)
	w.close('}')
	return w.bytes()
}

// namespace writes Hasura's claims where the segments lead.
func (f form) namespace(w *writer, e entitlement) {
	if len(f.segments) == 0 {
		f.members(w, e)
		return
	}
	last := len(f.segments) - 1
	for _, segment := range f.segments[:last] {
		w.name(segment)
		w.open('{')
	}
	w.name(f.segments[last])
	if f.stringified {
		inner := newWriter()
		f.object(inner, e)
		text, err := inner.bytes()
		w.fail(err)
		w.value(string(text))
	} else {
		f.object(w, e)
	}
	for range last {
		w.close('}')
	}
}

func (f form) object(w *writer, e entitlement) {
	w.open('{')
	f.members(w, e)
	w.close('}')
}

// members writes the roles, whose list is a JSON array for both engines, and the session variables by name.
func (f form) members(w *writer, e entitlement) {
	w.text(defaultRole, e.Roles[0])
	w.name(allowedRoles)
	w.list(e.Roles)
	for _, name := range sortedNames(e.Session) {
		w.name(name)
		f.variable(w, e.Session[name])
	}
}

// sortedNames are the names of a map. It takes one allocation, where iterators take several.
func sortedNames[V any](of map[string]V) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f form) variable(w *writer, v rolestore.Value) {
	switch {
	case !v.IsList():
		w.value(v.Text())
	case f.arrays == ArrayJSON:
		w.list(v.List())
	default:
		w.value(arrayLiteral(v.List()))
	}
}

// arrayLiteral writes a one-dimensional array as Postgres reads it (manual §8.15.6). Every item is quoted, so that an
// empty one, NULL, blanks, commas and braces need no thought; inside quotes only " and \ mean something.
func arrayLiteral(items []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + arrayEscape.Replace(item) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// arrayEscape is made once: it builds a table when it is first used.
var arrayEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

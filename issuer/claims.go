package issuer

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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
	w.put(jsontext.BeginObject)
	w.text("iss", f.issuer)
	w.text("sub", nameOf(subject))
	w.text("aud", f.audience)
	w.put(jsontext.String("iat"), jsontext.Int(past))
	w.put(jsontext.String("nbf"), jsontext.Int(past))
	w.put(jsontext.String("exp"), jsontext.Int(e.Expiry.Unix()))
	w.text("jti", jti)
	w.text("client_id", subject.ClientID)
	f.namespace(w, e)
	w.put(jsontext.EndObject)
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
		w.put(jsontext.String(segment), jsontext.BeginObject)
	}
	w.put(jsontext.String(f.segments[last]))
	if f.stringified {
		inner := newWriter()
		f.object(inner, e)
		text, err := inner.bytes()
		w.fail(err)
		w.put(jsontext.String(string(text)))
	} else {
		f.object(w, e)
	}
	for range last {
		w.put(jsontext.EndObject)
	}
}

func (f form) object(w *writer, e entitlement) {
	w.put(jsontext.BeginObject)
	f.members(w, e)
	w.put(jsontext.EndObject)
}

// members writes the roles, whose list is a JSON array for both engines, and the session variables by name.
func (f form) members(w *writer, e entitlement) {
	w.text(defaultRole, e.Roles[0])
	w.put(jsontext.String(allowedRoles))
	w.list(e.Roles)
	for _, name := range slices.Sorted(maps.Keys(e.Session)) {
		w.put(jsontext.String(name))
		f.value(w, e.Session[name])
	}
}

func (f form) value(w *writer, v rolestore.Value) {
	switch {
	case !v.IsList():
		w.put(jsontext.String(v.Text()))
	case f.arrays == ArrayJSON:
		w.list(v.List())
	default:
		w.put(jsontext.String(arrayLiteral(v.List())))
	}
}

// arrayLiteral writes a one-dimensional array as Postgres reads it (manual §8.15.6). Every item is quoted, so that an
// empty one, NULL, blanks, commas and braces need no thought; inside quotes only " and \ mean something.
func arrayLiteral(items []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var b strings.Builder
	b.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + escape.Replace(item) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// writer writes JSON and keeps the first error. The encoder refuses invalid UTF-8 and repeated names.
type writer struct {
	buffer  *bytes.Buffer
	encoder *jsontext.Encoder
	err     error
}

func newWriter() *writer {
	buffer := new(bytes.Buffer)
	return &writer{buffer: buffer, encoder: jsontext.NewEncoder(buffer)}
}

func (w *writer) put(tokens ...jsontext.Token) {
	for _, token := range tokens {
		if w.err != nil {
			return
		}
		w.err = w.encoder.WriteToken(token)
	}
}

func (w *writer) text(name, value string) { w.put(jsontext.String(name), jsontext.String(value)) }

func (w *writer) list(items []string) {
	w.put(jsontext.BeginArray)
	for _, item := range items {
		w.put(jsontext.String(item))
	}
	w.put(jsontext.EndArray)
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// bytes returns what was written, without the line end that the encoder puts behind it.
func (w *writer) bytes() ([]byte, error) {
	return bytes.TrimSuffix(w.buffer.Bytes(), []byte("\n")), w.err
}

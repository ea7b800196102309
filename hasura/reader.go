package hasura

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// parseJSON reads exactly one JSON value, numbers as json.Number. Invalid UTF-8 is refused, as both engines do and
// encoding/json does not. Values are kept as trees, not structs, because encoding/json matches member names in any case.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("invalid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("trailing data")
	}
	return v, nil
}

// reader takes typed members out of a JSON tree and keeps the first fault, at the place it is in. A member that is
// null counts as absent, as it does in both engines.
type reader struct {
	at  string
	err error
}

func (r *reader) fail(name, format string, args ...any) {
	if r.err == nil {
		r.err = say("Error in %s%s: %s", r.at, name, fmt.Sprintf(format, args...))
	}
}

// object wants v to be an object; with names given, it may hold no others.
func (r *reader) object(v any, what string, names ...string) map[string]any {
	o, ok := v.(map[string]any)
	if !ok {
		r.fail("", "%s", expected(what, "Object", v))
	}
	for name := range o {
		if len(names) > 0 && !slices.Contains(names, name) {
			r.fail("", "unknown field `%s`", name)
		}
	}
	return o
}

func (r *reader) text(o map[string]any, name string) string {
	s, ok := o[name].(string)
	if !ok && o[name] != nil {
		r.fail("."+name, "%s", expected("Text", "String", o[name]))
	}
	return s
}

// texts is nil only where the member is absent.
func (r *reader) texts(o map[string]any, name string) []string {
	out, ok := texts(o[name])
	if !ok && o[name] != nil {
		r.fail("."+name, "%s", expected("[]", "Array", o[name]))
	}
	return out
}

// number is nil where the member is absent.
func (r *reader) number(o map[string]any, name string) *float64 {
	if o[name] == nil {
		return nil
	}
	n, ok := o[name].(json.Number)
	f, err := n.Float64()
	if !ok || err != nil {
		r.fail("."+name, "%s", expected("Scientific", "Number", o[name]))
	}
	return &f
}

// has says whether the member is there and not null.
func has(o map[string]any, name string) bool { return o[name] != nil }

// texts returns the strings of an array; false when v is anything else.
func texts(v any) ([]string, bool) {
	items, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return out, true
}

// expected is the sentence of v2's JSON library for a value of the wrong kind.
func expected(what, want string, got any) string {
	kind := "Null"
	switch got.(type) {
	case bool:
		kind = "Boolean"
	case json.Number:
		kind = "Number"
	case string:
		kind = "String"
	case []any:
		kind = "Array"
	case map[string]any:
		kind = "Object"
	}
	return fmt.Sprintf("parsing %s failed, expected %s, but encountered %s", what, want, kind)
}

// base64url reads unpadded base64url. Line breaks, which Go skips, are refused as the engines do.
func base64url(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}

// canonical64 is base64url as v3 reads it: the bits left over at the end are zero.
func canonical64(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}

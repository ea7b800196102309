package rolestore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Value is the value of a session variable: a text or a list of texts. It
// cannot be changed once made; the zero Value is the empty text.
type Value struct {
	text   string
	list   []string
	isList bool
}

// Text makes a value of one text.
func Text(text string) Value { return Value{text: text} }

// List makes a value of any number of texts, also none. It keeps a copy.
func List(items ...string) Value { return Value{list: slices.Clone(items), isList: true} }

// IsList tells whether the value is a list, also one of a single item or none.
func (v Value) IsList() bool { return v.isList }

// Text returns the text, or "" of a list.
func (v Value) Text() string { return v.text }

// List returns a copy of the list's items in order, or nil of a text.
func (v Value) List() []string { return slices.Clone(v.list) }

// Equal tells whether both are texts or both lists, with the same content.
func (v Value) Equal(w Value) bool {
	return v.isList == w.isList && v.text == w.text && slices.Equal(v.list, w.list)
}

// texts returns every text in the value.
func (v Value) texts() []string {
	if v.isList {
		return v.list
	}
	return []string{v.text}
}

// MarshalJSON writes a string or an array of strings. It fails on invalid UTF-8.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.isList {
		return json.Marshal(v.list)
	}
	return json.Marshal(v.text)
}

// errNotText says what a session variable may be.
var errNotText = errors.New("want a string or a list of strings")

// UnmarshalJSON reads a string or an array of strings; anything else, also null
// anywhere, is an error.
func (v *Value) UnmarshalJSON(data []byte) error {
	var raw jsontext.Value
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("read a session variable: %w", err)
	}
	if raw.Kind() == '"' {
		*v = Value{}
		return json.Unmarshal(raw, &v.text)
	}
	var items []jsontext.Value
	if raw.Kind() != '[' {
		return errNotText
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		return fmt.Errorf("read a session variable: %w", err)
	}
	list := make([]string, len(items))
	for i, item := range items {
		if item.Kind() != '"' {
			return errNotText
		}
		if err := json.Unmarshal(item, &list[i]); err != nil {
			return fmt.Errorf("read a session variable: %w", err)
		}
	}
	*v = Value{list: list, isList: true}
	return nil
}

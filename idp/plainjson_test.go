package idp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"unicode/utf8"
)

var errNotStrict = errors.New("no strict JSON object")

// plainObject reads one JSON object that nobody could read otherwise: UTF-8 throughout, no name twice in one object, no
// half of a surrogate pair, nothing behind it, at most 32 levels.
func plainObject(doc []byte) (map[string]any, error) {
	if !utf8.Valid(doc) || !json.Valid(doc) || halfSurrogate(doc) {
		return nil, errNotStrict
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	value, err := plainValue(decoder, 32)
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, errNotStrict
	}
	return object, nil
}

// plainValue reads a value token by token; deep is how many levels it may have.
func plainValue(decoder *json.Decoder, deep int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return token, nil
	}
	if deep == 0 {
		return nil, errNotStrict
	}
	object, list := map[string]any{}, []any{}
	for decoder.More() {
		name := ""
		if open == '{' {
			token, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			name = token.(string)
		}
		value, err := plainValue(decoder, deep-1)
		if _, twice := object[name]; err != nil || (open == '{' && twice) {
			return nil, errNotStrict
		}
		object[name], list = value, append(list, value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if open == '{' {
		return object, nil
	}
	return list, nil
}

var (
	escape = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|[^u])`)
	high   = regexp.MustCompile(`(?i)^\\ud[89ab]`)
	low    = regexp.MustCompile(`(?i)^\\ud[c-f]`)
)

// halfSurrogate finds an escape of UTF-16 that is one half of a character, in a document whose syntax is good.
func halfSurrogate(doc []byte) bool {
	awaited := -1 // where the second half must begin; none: -1
	for _, at := range escape.FindAllIndex(doc, -1) {
		text := doc[at[0]:at[1]]
		if awaited >= 0 {
			if at[0] != awaited || !low.Match(text) {
				return true
			}
			awaited = -1
			continue
		}
		switch {
		case low.Match(text):
			return true
		case high.Match(text):
			awaited = at[1]
		}
	}
	return awaited >= 0
}

// Package strict reads the two encodings a signed token is made of, base64url and JSON, so that one value has one
// spelling and one meaning. Go's own readers are lenient where a verifier must not be: base64 skips line breaks and
// ignores unused bits, encoding/json matches names whatever their case and takes the last of two.
// It knows nothing of tokens and keys.
package strict

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep objects and arrays may be nested, the outermost one included.
const MaxDepth = 32

// maxDigits keeps every integer far below 2^63; seconds since 1970 need ten digits until the year 2286.
const maxDigits = 15

// The errors of this package are constants: what was read is never part of them, since it may be secret.
var (
	ErrBase64 = errors.New("not canonical base64url")
	ErrObject = errors.New("not one JSON object with unique names, in UTF-8")
	ErrDepth  = errors.New("nested too deep")
)

// Base64 decodes base64url as RFC 7515 section 2 has it: no padding, no white space, no line breaks, and the unused
// bits of the last character zero. Anything else is ErrBase64.
func Base64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrBase64
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, ErrBase64
	}
	return decoded, nil
}

// Object reads doc, which must hold one JSON object and nothing after it, and hands each member to visit in the order
// they stand. The value is raw JSON, valid only during the call. Names are unescaped; two equal ones anywhere in doc,
// bad UTF-8 or bad syntax are ErrObject, more than MaxDepth levels ErrDepth. An error of visit ends the reading and is
// returned as it is.
func Object(doc []byte, visit func(name string, value jsontext.Value) error) error {
	if tooDeep(doc) {
		return ErrDepth
	}
	return object(doc, visit)
}

// Envelope is Object for a document whose parts are judged one by one: repeated names and bad UTF-8 are let through
// here, so that they spoil only the part they stand in. Whoever reads a part reads it with Object.
func Envelope(doc []byte, visit func(name string, value jsontext.Value) error) error {
	return object(doc, visit, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func object(doc []byte, visit func(string, jsontext.Value) error, options ...jsontext.Options) error {
	// A decoder over a bytes.Buffer reads in place, so doc is not copied.
	decoder := jsontext.NewDecoder(bytes.NewBuffer(doc), options...)
	if start, err := decoder.ReadToken(); err != nil || start.Kind() != jsontext.KindBeginObject {
		return ErrObject
	}
	for decoder.PeekKind() == jsontext.KindString {
		token, err := decoder.ReadToken()
		if err != nil {
			return ErrObject
		}
		name := token.String()
		value, err := decoder.ReadValue()
		if err != nil {
			return ErrObject
		}
		if err := visit(name, value); err != nil {
			return err
		}
	}
	if end, err := decoder.ReadToken(); err != nil || end.Kind() != jsontext.KindEndObject {
		return ErrObject
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrObject
	}
	return nil
}

// Array hands each element of a JSON array to visit, which may end the reading by returning false. It returns false
// when value is no array or visit said so. Value comes from Object or Envelope, which have checked its syntax.
func Array(value jsontext.Value, visit func(element jsontext.Value) bool) bool {
	if value.Kind() != jsontext.KindBeginArray {
		return false
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := decoder.ReadToken(); err != nil {
		return false
	}
	for decoder.PeekKind() != jsontext.KindEndArray {
		element, err := decoder.ReadValue()
		if err != nil || !visit(element) {
			return false
		}
	}
	return true
}

// Texts returns the strings of an array that holds at most so many, and nothing else; false for any other value. The value
// comes from Object, which has checked its syntax: it is not parsed again. The strings share one copy of it, as long as that.
func Texts(value jsontext.Value, most int) (texts []string, ok bool) {
	if value.Kind() != jsontext.KindBeginArray {
		return nil, false
	}
	whole := string(value)
	texts = make([]string, 0, min(most, strings.Count(whole, ",")+1))
	for at := 1; ; at++ {
		switch whole[at] {
		case ' ', '\t', '\n', '\r', ',':
			continue
		case ']':
			return texts, true
		case '"':
		default:
			return nil, false
		}
		end := endOfString(value, at+1)
		text := whole[at+1 : end]
		if strings.IndexByte(text, '\\') >= 0 {
			text, _ = Text(value[at : end+1])
		}
		if len(texts) == most {
			return nil, false
		}
		texts = append(texts, text)
		at = end
	}
}

// Text returns the string that value is; false when it is anything but a JSON string.
func Text(value jsontext.Value) (string, bool) {
	if value.Kind() != jsontext.KindString {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	unquoted, err := jsontext.AppendUnquote(nil, value)
	return string(unquoted), err == nil
}

// Integer returns the whole number that value is, written in digits alone: no sign, fraction or exponent, at most 15
// digits. False for anything else, strings of digits included.
func Integer(value jsontext.Value) (int64, bool) {
	if len(value) == 0 || len(value) > maxDigits {
		return 0, false
	}
	var number int64
	for _, digit := range value {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		number = number*10 + int64(digit-'0')
	}
	return number, true
}

// tooDeep counts brackets outside strings before anything is parsed, so that a document of nothing but brackets costs
// one look and no recursion. What it makes of a document that is no JSON does not matter: that one is refused anyway.
func tooDeep(doc []byte) bool {
	depth := 0
	for i := 0; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			i = endOfString(doc, i+1)
		case '{', '[':
			depth++
			if depth > MaxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// endOfString returns the place of the quote that closes the string whose text starts at from, or len(doc).
func endOfString(doc []byte, from int) int {
	for {
		offset := bytes.IndexByte(doc[from:], '"')
		if offset < 0 {
			return len(doc)
		}
		end := from + offset
		escapes := 0
		for escapes < end-from && doc[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end
		}
		from = end + 1
	}
}

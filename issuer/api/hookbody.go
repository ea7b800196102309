package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const (
	// maxHookBody leaves room for large mutations: v2 sends the whole query along, unless it is told not to.
	maxHookBody = 8 << 20
	// maxHookHead is how much of that is looked at. Engines write the headers first, and hold no more of them than that; so
	// a request costs no more memory here than at the token endpoint.
	maxHookHead = 64 << 10
)

// clientHeaders are those of an engine's client that are read here, each with all its values.
type clientHeaders struct{ authorization, role []string }

func (h *clientHeaders) add(name, value string) {
	switch { // names are of the same length, so that no letter of another script folds into one of theirs
	case len(name) == len("Authorization") && strings.EqualFold(name, "Authorization"):
		h.authorization = append(h.authorization, value)
	case len(name) == len("X-Hasura-Role") && strings.EqualFold(name, "X-Hasura-Role"):
		h.role = append(h.role, value)
	}
}

// clientHeaders finds the client's headers where the engine has put them.
func (a *API) clientHeaders(w http.ResponseWriter, r *http.Request) (clientHeaders, error) {
	if r.Method == http.MethodGet {
		return clientHeaders{r.Header["Authorization"], r.Header["X-Hasura-Role"]}, nil
	}
	head, whole, err := a.readBody(w, r, maxHookBody, maxHookHead)
	if err != nil {
		return clientHeaders{}, err
	}
	headers, err := headersIn(head, whole)
	if err != nil {
		return clientHeaders{}, &issuer.Error{Reason: issuer.ReasonBodyMalformed, Err: err}
	}
	return headers, nil
}

var (
	errNoHeaders = errors.New("the body is no JSON object with an object of texts as headers, whole in its first 64 KiB")
	errTrailing  = errors.New("something comes after the JSON object")
)

// headersIn reads a body {"headers": {…}, "request": …}, or its beginning. Names that come twice are refused, and so is
// what is no JSON; what an engine may add beside is skipped. Errors say nothing of what stands in it.
func headersIn(head []byte, whole bool) (clientHeaders, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(head))
	var headers *clientHeaders
	err := members(d, func(name string) error {
		if name != "headers" {
			return d.SkipValue()
		}
		found := clientHeaders{}
		err := members(d, func(name string) error {
			value, err := d.ReadToken()
			if err != nil || value.Kind() != '"' {
				return errNoHeaders
			}
			found.add(name, value.String())
			return nil
		})
		if err == nil {
			headers = &found
		}
		return err
	})
	cut := !whole && errors.Is(err, io.ErrUnexpectedEOF) // in what comes behind the headers
	switch {
	case headers == nil, err != nil && !cut:
		return clientHeaders{}, errNoHeaders
	case whole:
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return clientHeaders{}, errTrailing
		}
	}
	return *headers, nil
}

// members reads an object, and calls each with every name in it, which reads the value.
func members(d *jsontext.Decoder, each func(name string) error) error {
	if start, err := d.ReadToken(); err != nil || start.Kind() != '{' {
		return errNoHeaders
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := each(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

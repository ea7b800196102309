package compat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/mux"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

const (
	maxBody  = 1 << 20
	maxItems = 10_000 // of one list
)

// The bodies, which are echoed as they were read.
type (
	roleBody struct {
		Role      *string   `json:"role_id"`
		Component *string   `json:"component_id"`
		Fields    *[]string `json:"graphql_root_field_names"`
	}
	usersBody struct {
		Role  *string   `json:"role_id"`
		Users *[]string `json:"users"`
	}
	groupsBody struct {
		Role   *string   `json:"role_id"`
		Groups *[]string `json:"groups"`
	}
	roleAnswer struct {
		Role      string `json:"role_id"`
		Component string `json:"component_id"`
	}
)

func (a *API) putRole(w http.ResponseWriter, r *http.Request, by rolemap.By) error {
	var body roleBody
	if err := decode(w, r, &body); err != nil {
		return err
	}
	if body.Role == nil || body.Component == nil || body.Fields == nil || len(*body.Fields) > maxItems {
		return refuse(reasonBodyMalformed)
	}
	if len(*body.Fields) == 0 && !a.config.AllowEmpty {
		return refuse(reasonEmptyList)
	}
	if err := a.config.Store.PutRole(r.Context(), by, rolemap.Role{Role: *body.Role, Component: *body.Component}, *body.Fields); err != nil {
		return err
	}
	return answer(w, http.StatusOK, body)
}

func (a *API) putUsers(w http.ResponseWriter, r *http.Request, by rolemap.By) error {
	var body usersBody
	if err := decode(w, r, &body); err != nil {
		return err
	}
	if body.Role == nil || body.Users == nil {
		return refuse(reasonBodyMalformed)
	}
	if err := a.list(r.Context(), by, rolestore.KindUser, *body.Role, *body.Users); err != nil {
		return err
	}
	return answer(w, http.StatusOK, body)
}

func (a *API) putGroups(w http.ResponseWriter, r *http.Request, by rolemap.By) error {
	var body groupsBody
	if err := decode(w, r, &body); err != nil {
		return err
	}
	if body.Role == nil || body.Groups == nil {
		return refuse(reasonBodyMalformed)
	}
	if err := a.list(r.Context(), by, rolestore.KindGroup, *body.Role, *body.Groups); err != nil {
		return err
	}
	return answer(w, http.StatusOK, body)
}

// find answers with the role that a part of the path names.
func find(part string, look func(context.Context, string) (rolemap.Role, error)) handler {
	return func(w http.ResponseWriter, r *http.Request, _ rolemap.By) error {
		key, err := url.PathUnescape(mux.Vars(r)[part])
		if err != nil {
			return refuse(reasonNotFound)
		}
		found, err := look(r.Context(), key)
		if errors.Is(err, rolemap.ErrNoRole) {
			return refuse(reasonNotFound)
		}
		if err != nil {
			return err
		}
		return answer(w, http.StatusOK, roleAnswer{found.Role, found.Component})
	}
}

// decode reads the body: one JSON object in UTF-8, each member once, and no null in it. Members that are not known are left
// alone, as they always were.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || len(r.Header.Values("Content-Type")) > 1 || len(r.Header.Values("Content-Encoding")) > 0 {
		return refuse(reasonContentType)
	}
	if deadline, ok := r.Context().Deadline(); ok { // the context's end does not wake a blocked read
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.Header().Set("Connection", "close")
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return refuse(reasonBodyTooLarge)
		}
		return &refusal{reason: reasonBodyMalformed, err: errors.New("the body did not arrive")}
	}
	if bytes.IndexByte(body, 0) >= 0 || jsontext.NewDecoder(bytes.NewReader(body)).PeekKind() != '{' || json.Unmarshal(body, into) != nil {
		return refuse(reasonBodyMalformed) // the error itself may quote
	}
	return nil
}

package compat

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// reason says in the log why a request was not done.
type reason string

const (
	reasonNotFound         reason = "not_found"
	reasonMethodNotAllowed reason = "method_not_allowed"
	reasonBodyMalformed    reason = "body_malformed"
	reasonBodyTooLarge     reason = "body_too_large"
	reasonContentType      reason = "content_type_unsupported"
	reasonEntryRefused     reason = "entry_refused"
	reasonEmptyList        reason = "empty_list"
	reasonRoleTaken        reason = "role_taken"
	reasonStoreUnavailable reason = "store_unavailable"
)

// Refusals are the reasons that Config.Refused is told.
func Refusals() []string { return []string{string(reasonEmptyList), string(reasonRoleTaken)} }

// problem is how a reason looks on the wire: the seed had 400 and 404 in these forms, and no other. Nothing of a request is
// repeated.
type problem struct {
	status int
	text   string
}

func problems() map[reason]problem {
	return map[reason]problem{
		reasonNotFound:         {http.StatusNotFound, "Role not found"},
		reasonMethodNotAllowed: {http.StatusMethodNotAllowed, "The Allow header names the methods."},
		reasonBodyMalformed:    {http.StatusUnprocessableEntity, "The body is not one JSON object with role_id and the other members of this route (component_id and graphql_root_field_names; users; groups), each once, none null, and at most 10000 items in a list."},
		reasonBodyTooLarge:     {http.StatusRequestEntityTooLarge, "The body is larger than 1 MiB."},
		reasonContentType:      {http.StatusUnsupportedMediaType, "The body must be application/json, uncompressed."},
		reasonEmptyList:        {http.StatusConflict, "An empty list would take everything away: ISSUER_COMPAT_ALLOW_EMPTY=true allows it."},
		reasonRoleTaken:        {http.StatusConflict, rolemap.ErrTaken.Error()},
		reasonStoreUnavailable: {http.StatusServiceUnavailable, "Roles cannot be read or changed at the moment."},
	}
}

// refusal says why a request was not done.
type refusal struct {
	reason reason
	err    error // for the log
}

// Error returns the reason and what was found.
func (e *refusal) Error() string {
	if e.err == nil {
		return string(e.reason)
	}
	return string(e.reason) + ": " + e.err.Error()
}

func (e *refusal) Unwrap() error { return e.err }

func refuse(why reason) error { return &refusal{reason: why} }

// reasonOf returns what an error of this room or of the store means, or "" where somebody else knows.
func reasonOf(err error) reason {
	found, ours := errors.AsType[*refusal](err)
	switch {
	case ours:
		return found.reason
	case errors.Is(err, rolemap.ErrTaken):
		return reasonRoleTaken
	case errors.Is(err, rolestore.ErrRefused):
		return reasonEntryRefused
	case errors.Is(err, rolestore.ErrUnavailable), errors.Is(err, rolestore.ErrChangedMeanwhile):
		return reasonStoreUnavailable
	}
	return ""
}

func (a *API) countRefusal(err error) {
	if why := reasonOf(err); why == reasonEmptyList || why == reasonRoleTaken {
		a.config.Refused(string(why))
	}
}

// retryAfter is how long a database takes to fail over, in seconds.
const retryAfter = "5"

// Refuse is api.Operations'.
func (a *API) Refuse(w http.ResponseWriter, err error) string {
	why := reasonOf(err)
	p := problems()[why]
	switch why { //nolint:exhaustive // everything else looks alike
	case "":
		return adminapi.Refuse(w, err)
	case reasonEntryRefused: // what the seed says of a role that is not there, or another component's
		return said(w, why, http.StatusBadRequest, errorsBody{[]string{err.Error()}})
	case reasonNotFound:
		return said(w, why, p.status, p.text)
	case reasonStoreUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	return said(w, why, p.status, errorsBody{[]string{p.text}})
}

type errorsBody struct {
	Errors []string `json:"errors"`
}

func said(w http.ResponseWriter, why reason, status int, body any) string {
	if err := answer(w, status, body); err != nil {
		panic(err) // texts of ours
	}
	return string(why)
}

// answer writes a value as JSON that nobody may keep.
func answer(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone by now is no error of anyone's
	return nil
}

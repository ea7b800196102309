// Package wire answers: what did an operator's request say, and how is it answered? It reads queries, JSON bodies and conditions
// strictly, and writes JSON and problems. It knows nothing of what is asked about.
package wire

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Reason says why a request was not done. The values are stable: clients and docs/admin-api.md know them.
type Reason string

// The reasons there are.
const (
	ReasonRequestMalformed       Reason = "request_malformed"        // path, query or a condition
	ReasonBodyMalformed          Reason = "body_malformed"           // not the one JSON object that is wanted
	ReasonEntryRefused           Reason = "entry_refused"            // it breaks the rules for grants, blocks or callers
	ReasonCredentialsMissing     Reason = "credentials_missing"      // no Authorization header
	ReasonCredentialsRefused     Reason = "credentials_refused"      // no token that is accepted
	ReasonForbidden              Reason = "forbidden"                // somebody, but no operator
	ReasonNotFound               Reason = "not_found"                // no such route, grant or block
	ReasonMethodNotAllowed       Reason = "method_not_allowed"       // the route has no such method
	ReasonNotHere                Reason = "not_here"                 // kept elsewhere: in a file, in tables of one's own
	ReasonRemovalUnconfirmed     Reason = "removal_unconfirmed"      // a removal that costs more than its entry
	ReasonChangedMeanwhile       Reason = "changed_meanwhile"        // others change the roles, again and again
	ReasonProfileRunning         Reason = "profile_running"          // somebody takes a profile of the CPU already
	ReasonPreconditionFailed     Reason = "precondition_failed"      // If-Match or If-None-Match does not hold
	ReasonBodyTooLarge           Reason = "body_too_large"           // over 64 KiB
	ReasonContentTypeUnsupported Reason = "content_type_unsupported" // not application/json
	ReasonInternal               Reason = "internal"                 // a fault of ours
	ReasonIDPUnavailable         Reason = "idp_unavailable"          // the operator's token could not be judged
	ReasonStoreUnavailable       Reason = "store_unavailable"        // roles, history or keys could not be read or changed
)

// Problem is how a reason looks on the wire, where nothing more is to be said.
type Problem struct {
	Status        int
	Title, Detail string
}

// Problems is the one table from reasons to answers.
func Problems() map[Reason]Problem {
	return map[Reason]Problem{
		ReasonRequestMalformed:       {400, "Malformed request", "The path, the query or a condition is not as the route wants it."},
		ReasonBodyMalformed:          {400, "Malformed body", "The body is not one JSON object with the members that the route wants, each once."},
		ReasonCredentialsMissing:     {401, "Credentials missing", "Send Authorization: Bearer and a token."},
		ReasonCredentialsRefused:     {401, "Credentials refused", "The Authorization header holds no token that is accepted here."},
		ReasonForbidden:              {403, "Not an operator", "The token is good, but its holder is no operator: the app role, the scope or the client app is missing, or it is a guest."},
		ReasonNotFound:               {404, "Not found", "There is nothing at this path."},
		ReasonMethodNotAllowed:       {405, "Method not allowed", "The Allow header names the methods."},
		ReasonNotHere:                {409, "Not kept here", "This is kept elsewhere."},
		ReasonRemovalUnconfirmed:     {409, "Removal not confirmed", "The removal costs more than this entry: send it again with confirm-removal=true."},
		ReasonChangedMeanwhile:       {409, "Changed meanwhile", "The roles have changed while this was decided: try again."},
		ReasonProfileRunning:         {409, "A profile is running", "One profile of the CPU is taken at a time, and one is being taken: try again when it is over."},
		ReasonPreconditionFailed:     {412, "Precondition failed", "The entry is not as If-Match or If-None-Match says: read it again."},
		ReasonBodyTooLarge:           {413, "Body too large", "The body is larger than 64 KiB."},
		ReasonContentTypeUnsupported: {415, "Content type not supported", "The body must be application/json, uncompressed."},
		ReasonEntryRefused:           {422, "Entry refused", "The entry breaks the rules."},
		ReasonInternal:               {500, "Internal error", "The request failed because of a fault in this service."},
		ReasonIDPUnavailable:         {503, "Identity provider not available", "The token cannot be verified at the moment."},
		ReasonStoreUnavailable:       {503, "Store not available", "What is kept cannot be read or changed at the moment."},
	}
}

// Refusal says why a request was not done.
type Refusal struct {
	Reason Reason
	Detail string        // for the operator, instead of the table's; it repeats nothing of a request but names
	Retry  time.Duration // of what is unavailable
	Err    error         // for the log
}

// Error returns the reason and what was found.
func (e *Refusal) Error() string {
	text := string(e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Refusal) Unwrap() error { return e.Err }

// Refuse returns the error for a request that goes no further; without a detail the table's is said.
func Refuse(reason Reason, detail string) error { return &Refusal{Reason: reason, Detail: detail} }

// typeBase is where a problem is explained: RFC 9457 §3.1.1 wants a URI that leads a reader there.
const typeBase = "https://github.com/hasura-issuer/hasura-issuer/blob/main/docs/admin-api.md#"

// WriteProblem writes the one form of error there is here (RFC 9457), and returns its reason. An error that is no Refusal is
// a fault of ours, and says nothing.
func WriteProblem(w http.ResponseWriter, err error) (reason Reason) {
	found, ok := errors.AsType[*Refusal](err)
	p, known := Problem{}, false
	if ok {
		p, known = Problems()[found.Reason]
	}
	if !known {
		found = &Refusal{Reason: ReasonInternal}
		p = Problems()[ReasonInternal]
	}
	if found.Detail != "" {
		p.Detail = found.Detail
	}
	challenge(w, p.Status, found)
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Reason Reason `json:"reason"`
	}{typeBase + string(found.Reason), p.Title, p.Status, p.Detail, found.Reason})
	if err != nil {
		panic(err) // texts of ours
	}
	Write(w, p.Status, "application/problem+json", body)
	return found.Reason
}

// challenge sets what goes with the status: how to come in (RFC 6750 §3), or when to come again.
func challenge(w http.ResponseWriter, status int, found *Refusal) {
	const realm = `Bearer realm="hasura-issuer operators"`
	switch {
	case found.Reason == ReasonCredentialsMissing:
		w.Header().Set("WWW-Authenticate", realm)
	case status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", realm+`, error="invalid_token"`)
	case status == http.StatusForbidden:
		w.Header().Set("WWW-Authenticate", realm+`, error="insufficient_scope"`)
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.FormatInt(max(1, int64((found.Retry+time.Second-1)/time.Second)), 10))
	}
}

// Write writes a complete answer that nobody may keep.
func Write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone by now is no error of anyone's
}

// Answer writes a value as JSON.
func Answer(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return err
	}
	Write(w, status, "application/json", body)
	return nil
}

package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const pathWebhook = "/hasura/webhook"

// webhook answers Hasura, which asks about each request of its clients: v2 and v3, by GET with the client's headers or by
// POST with those in the body. The engine takes the role from the answer, so the client's choice is honoured here. No limit
// by address counts it: the peer is the engine, behind which everybody is.
func (a *API) webhook(w http.ResponseWriter, r *http.Request, e *entry) error {
	e.door = issuer.DoorWebhook
	e.origin = e.origin.direct() // by GET an engine hands on whatever X-Forwarded-For its client wrote
	if err := a.admit(r.Context(), e); err != nil {
		return err
	}
	client, err := a.clientHeaders(w, r)
	if err != nil {
		return err
	}
	token, err := bearer(client.authorization)
	if err != nil {
		return err
	}
	role, err := chosenRole(client.role)
	if err != nil {
		return err
	}
	decision, err := a.exchanger.Decide(r.Context(), issuer.Request{
		SubjectToken: token, Role: role, Reuse: true, Door: e.door, Address: text(e.origin.client), RequestID: e.requestID, TraceID: e.traceID,
	})
	e.decision = decision
	if err != nil {
		return err
	}
	writeSecret(w, http.StatusOK, hookAnswer(decision))
	return nil
}

// chosenRole returns the role that the client wishes to act in, or "" for the default one. An empty wish is none that
// anybody holds: it must not be read as one for the default.
func chosenRole(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", refuse(issuer.ReasonParameterRepeated, "there is more than one X-Hasura-Role header")
	case values[0] == "":
		return "", refuse(issuer.ReasonRoleNotGranted, "X-Hasura-Role is empty")
	}
	return values[0], nil
}

// hookAnswer writes the session: texts only, or v2 refuses the request. A v2 engine closes websockets when the time in
// Cache-Control is over; it wants that name in exactly these letters. The names are those that Hasura's pages use.
func hookAnswer(d issuer.Decision) []byte {
	names := make([]string, 0, len(d.Session))
	for name := range d.Session {
		names = append(names, name)
	}
	slices.Sort(names)
	const usual = 512
	body := appendMember(append(make([]byte, 0, usual), '{'), "X-Hasura-Role", d.Role)
	for _, name := range names {
		body = append(appendCanonical(append(body, ',', '"'), name), '"', ':')
		body = appendText(body, d.Session[name])
	}
	body = appendMember(append(body, ','), "Cache-Control", "max-age="+strconv.FormatInt(int64(d.Lifetime/time.Second), 10))
	return append(body, '}')
}

// appendCanonical writes the name of a variable, small letters, digits and -, as http.CanonicalHeaderKey does.
func appendCanonical(dst []byte, name string) []byte {
	first := true
	for i := range len(name) {
		c := name[i]
		if first && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst, first = append(dst, c), c == '-'
	}
	return dst
}

func appendMember(dst []byte, name, value string) []byte {
	return appendText(append(appendText(dst, name), ':'), value)
}

// hookStatus gives every problem the one status besides 200 that engines understand. A wrong method is none of theirs.
func hookStatus(p rendered) int {
	if p.status == http.StatusMethodNotAllowed {
		return p.status
	}
	return http.StatusUnauthorized
}

package faketenant

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// graphError is a refusal as Microsoft Graph words it.
type graphError struct {
	status        int
	code, message string
}

func (e graphError) Error() string { return e.code + ": " + e.message }

var (
	denied      = graphError{http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."}
	tooMany     = graphError{http.StatusBadRequest, "Directory_ResultSizeLimitExceeded", "The size of the result exceeds the limit."}
	graphBusy   = graphError{http.StatusTooManyRequests, "TooManyRequests", "Too many requests."}
	graphDown   = graphError{http.StatusServiceUnavailable, "serviceUnavailable", "The service is temporarily unavailable."}
	graphBroken = graphError{http.StatusInternalServerError, "InternalServerError", "The server could not complete the request."}
)

func badToken(message string) error {
	return graphError{http.StatusUnauthorized, "InvalidAuthenticationToken", message}
}

// fail answers with err in Graph's shape. Any error that is no graphError is a fault of the fake's.
func (g graph) fail(w http.ResponseWriter, r *http.Request, err error) {
	e, is := errors.AsType[graphError](err)
	if !is {
		e = graphBroken
	}
	request, client := g.setGraphHeaders(w, r)
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="%s"`, g.base(), graphAppID))
	}
	write(w, e.status, "no-cache", map[string]any{"error": map[string]any{
		"code": e.code, "message": e.message,
		"innerError": map[string]string{
			"date": g.now().UTC().Format("2006-01-02T15:04:05"), "request-id": request, "client-request-id": client,
		},
	}})
}

// setGraphHeaders sets the two ids that every answer has: Graph's own, and the caller's where there is one.
func (g graph) setGraphHeaders(w http.ResponseWriter, r *http.Request) (request, client string) {
	request, client = guid(), r.Header.Get("client-request-id")
	if client == "" {
		client = request
	}
	w.Header().Set("Request-Id", request)
	w.Header().Set("Client-Request-Id", client)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.graphLoad >= 0.8 {
		w.Header().Set("X-Ms-Throttle-Limit-Percentage", strconv.FormatFloat(g.graphLoad, 'f', -1, 64))
	}
	return request, client
}

// storm answers with status whatever was asked, as when Graph is busy or down.
func (g graph) storm(w http.ResponseWriter, r *http.Request, status int) {
	switch status {
	case http.StatusTooManyRequests:
		_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		claims, _ := g.verify(raw) // a caller with a bad token is throttled as well
		w.Header().Set("X-Ms-Throttle-Scope", "Tenant_Application/ReadWrite/"+text(claims, "appid")+"/"+text(claims, "tid"))
		w.Header().Set("X-Ms-Throttle-Information", "ResourceUnitLimitExceeded")
		g.fail(w, r, graphBusy)
	case http.StatusServiceUnavailable:
		g.fail(w, r, graphDown)
	default:
		g.fail(w, r, graphError{status, graphBroken.code, graphBroken.message})
	}
}

// SetGraphLoad sets how much of its limit the callers of Graph have used up, where 1 is all of it. From 0.8 on Graph says so
// in x-ms-throttle-limit-percentage.
func (t *Tenant) SetGraphLoad(fraction float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.graphLoad = fraction
}

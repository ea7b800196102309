package hasura

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// HookRequest is how an engine asks its auth hook about a client.
type HookRequest struct {
	Method string
	Header http.Header
	Body   []byte
}

// notForwarded are the client's headers that a hook asked by GET never sees.
var notForwarded = []string{
	"Content-Length", "Content-Md5", "User-Agent", "Host", "Origin", "Referer", "Accept", "Accept-Encoding", "Accept-Language",
	"Accept-Datetime", "Cache-Control", "Connection", "Dnt", "Content-Type",
}

func forwarded(client http.Header) http.Header {
	header := http.Header{}
	for name, values := range client {
		if !slices.Contains(notForwarded, http.CanonicalHeaderKey(name)) {
			header[name] = slices.Clone(values)
		}
	}
	return header
}

// lastValues gives each header one value, as an engine's map of them does: the last.
func lastValues(client http.Header, name func(string) string) map[string]string {
	texts := map[string]string{}
	for key, values := range client {
		texts[name(key)] = values[len(values)-1]
	}
	return texts
}

// V2HookRequest is what a v2 engine sends for a client's headers, by GET or POST. graphql is the client's body, which goes
// along by POST: one that is no JSON as null. nil leaves it out, as with HASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY=false.
func V2HookRequest(method string, client http.Header, graphql []byte) HookRequest {
	if method == http.MethodGet {
		return HookRequest{Method: method, Header: forwarded(client)}
	}
	body := map[string]any{"headers": lastValues(client, func(name string) string { return name })}
	if graphql != nil {
		request, err := parseJSON(graphql)
		if err != nil {
			request = nil
		}
		body["request"] = request
	}
	return jsonRequest(body)
}

// V3HookRequest is what a v3 engine sends for a client's headers, by GET or POST, but for its own headers for tracing.
func V3HookRequest(method string, client http.Header) HookRequest {
	if method != http.MethodGet {
		return jsonRequest(map[string]any{"headers": lastValues(client, strings.ToLower)})
	}
	header := http.Header{}
	for name, value := range lastValues(forwarded(client), strings.ToLower) {
		header[name] = []string{value}
	}
	return HookRequest{Method: method, Header: header}
}

// jsonRequest posts a tree of JSON, which can be encoded whatever is in it. Names come out sorted: headers, then request.
func jsonRequest(body map[string]any) HookRequest {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return HookRequest{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: text}
}

// HookAnswer is what an auth hook answered. Status 0 means that it could not be reached.
type HookAnswer struct {
	Status int
	Header http.Header
	Body   []byte
}

// HookVerdict is what an engine makes of that.
type HookVerdict struct {
	Verdict
	// Expires says that v2 closes a websocket MaxAge after its start. v3 never does.
	Expires bool
	MaxAge  time.Duration
	// SetCookie is what the client gets of the hook's own headers.
	SetCookie []string
}

// V2Hook is what a v2 engine makes of a hook's answer. The client's X-Hasura-Role means nothing to it.
func V2Hook(answer HookAnswer) HookVerdict {
	session, err := v2HookSession(answer)
	if err != nil {
		return HookVerdict{Verdict: verdict("", nil, err)}
	}
	v := HookVerdict{SetCookie: answer.Header.Values("Set-Cookie")}
	variables := map[string]any{}
	for name, value := range session {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-hasura-") {
			variables[lower] = value
		}
	}
	role, _ := variables["x-hasura-role"].(string)
	if role == "" {
		err = refuse(http.StatusBadRequest, "invalid-params", "x-hasura-role not found in session variables")
		return HookVerdict{Verdict: verdict("", nil, err)}
	}
	delete(variables, "x-hasura-role")
	v.Verdict = verdict(role, variables, nil)
	if age, found, ok := parseCacheControl(session["Cache-Control"]).maxAge(); found && ok {
		v.Expires, v.MaxAge = true, age
	}
	return v
}

// v2HookSession reads an answer, in which nothing may be but texts.
func v2HookSession(answer HookAnswer) (map[string]string, error) {
	switch answer.Status {
	case http.StatusOK:
	case 0:
		return nil, say("webhook authentication request failed")
	case http.StatusUnauthorized:
		return nil, refuse(http.StatusUnauthorized, "access-denied", "Authentication hook unauthorized this request")
	default:
		return nil, say("Invalid response from authorization hook")
	}
	tree, err := parseJSON(answer.Body)
	object, isObject := tree.(map[string]any)
	if err != nil || !isObject {
		return nil, say("Invalid response from authorization hook: no JSON object")
	}
	session := map[string]string{}
	for name, value := range object {
		text, ok := value.(string)
		if !ok {
			return nil, say("Invalid response from authorization hook: %s", expected("Text", "String", value))
		}
		session[name] = text
	}
	return session, nil
}

// V3Hook is what a v3 engine makes of a hook's answer to a client that asked for a role, or for none ("").
func V3Hook(answer HookAnswer, asked string) HookVerdict {
	switch answer.Status {
	case http.StatusOK:
	case 0:
		return HookVerdict{Verdict: verdict("", nil, internalError("Error while making the authentication HTTP request to the webhook"))}
	case http.StatusUnauthorized:
		return HookVerdict{Verdict: verdict("", nil, refuse(http.StatusForbidden, "", "The Authentication hook has denied to execute the request."))}
	default:
		return HookVerdict{Verdict: verdict("", nil, internalError(
			"The authentication hook has returned the status %d. Only 200 and 401 response status are recognized.", answer.Status))}
	}
	tree, err := parseJSON(answer.Body)
	object, isObject := tree.(map[string]any)
	if err != nil || !isObject {
		return HookVerdict{Verdict: verdict("", nil, internalError("Reqwest error: error decoding response body"))}
	}
	variables := map[string]any{}
	for name, value := range object {
		variables[strings.ToLower(strings.TrimSpace(name))] = value
	}
	role, ok := variables["x-hasura-role"].(string)
	switch {
	case !ok:
		return HookVerdict{Verdict: verdict("", nil, internalError("'x-hasura-role' session variable not found in the webhook response."))}
	case asked != "" && asked != role:
		return HookVerdict{Verdict: verdict("", nil, refuse(http.StatusUnauthorized, "", "cannot be authorized as role: %s", asked))}
	}
	delete(variables, "x-hasura-role")
	return HookVerdict{Verdict: verdict(role, variables, nil)}
}

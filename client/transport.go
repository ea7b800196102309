package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Transport puts a Hasura token on the requests to one engine and on no others, wherever redirects lead: on none that another host has
// led there, nor on one over http that came of one over https. Where the engine does not take the token, it gets a new one and asks once
// more. It is safe for concurrent use.
type Transport struct {
	Source *Source
	Host   string            // the engine's, as its URLs have it: graphql.example.com, or hasura:8080
	Base   http.RoundTripper // makes the requests; nil: http.DefaultTransport
}

// RoundTrip is [http.RoundTripper]'s. Its errors are the base's, and those of [Source.TokenContext].
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.Source == nil || t.Host == "" || strings.ContainsAny(t.Host, "/@?# ") {
		closeBody(request)
		return nil, errors.New("client: a Transport wants a Source, and the Host that may get its tokens as URLs have it: graphql.example.com, or hasura:8080")
	}
	if !strings.EqualFold(request.URL.Host, t.Host) || led(request) {
		return t.base().RoundTrip(request)
	}
	token, err := t.Source.TokenContext(request.Context())
	if err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := t.base().RoundTrip(bearing(request, token.AccessToken))
	if err != nil || !notTaken(response) {
		return response, err
	}
	t.Source.Refused(token.AccessToken)
	return t.again(request, response, token.AccessToken)
}

// again asks once more with a new token, where the request can be made again. Where it cannot, or there is no new token, the
// engine's answer stands.
func (t *Transport) again(request *http.Request, refusal *http.Response, refused string) (*http.Response, error) {
	second := request.Clone(request.Context())
	if request.Body != nil && request.Body != http.NoBody {
		if request.GetBody == nil {
			return refusal, nil
		}
		body, err := request.GetBody()
		if err != nil {
			return refusal, nil //nolint:nilerr // the refusal says more
		}
		second.Body = body
	}
	token, err := t.Source.TokenContext(request.Context())
	if err != nil || token.AccessToken == refused {
		closeBody(second)
		return refusal, nil //nolint:nilerr // as above
	}
	_ = refusal.Body.Close()
	return t.base().RoundTrip(bearing(second, token.AccessToken))
}

// led tells whether somebody else chose where a request goes: another host, or who sent one over https on to plain http, which proxies
// that end TLS do by mistake.
func led(request *http.Request) bool {
	for by := request.Response; by != nil && by.Request != nil; by = by.Request.Response {
		from, to := by.Request.URL, request.URL
		if !strings.EqualFold(from.Host, to.Host) || from.Scheme == "https" && to.Scheme != "https" {
			return true
		}
	}
	return false
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// bearing returns a copy of a request with the token (RFC 6750 §2.1).
func bearing(request *http.Request, token string) *http.Request {
	with := request.Clone(request.Context())
	with.Header.Set("Authorization", "Bearer "+token)
	return with
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		_ = request.Body.Close()
	}
}

// mostRefusal is how long an engine's refusal of a token may be. They have some 200 bytes.
const mostRefusal = 8 << 10

// notTaken tells whether an engine refused the token, and leaves the answer to be read as it came. Hasura v2 says so with status
// 200 or 400 and the code invalid-jwt, v3 with 400 and a message.
func notTaken(response *http.Response) bool {
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusBadRequest {
		return false
	}
	if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); media != "application/json" {
		return false
	}
	ahead := bufio.NewReaderSize(response.Body, mostRefusal)
	response.Body = struct {
		io.Reader
		io.Closer
	}{ahead, response.Body}
	if !beginsAsRefusal(ahead) {
		return false
	}
	body, err := ahead.Peek(mostRefusal)
	return errors.Is(err, io.EOF) && refusesToken(body)
}

// beginsAsRefusal looks at as little of an answer as tells most of them from a refusal, so that a long one is not waited for.
func beginsAsRefusal(ahead *bufio.Reader) bool {
	const shortest = len(`{"data":null,"errors"`)
	head, _ := ahead.Peek(shortest)
	for _, beginning := range []string{`{"errors"`, `{"path"`, `{"code"`, `{"error"`, `{"data":null,"errors"`} {
		if bytes.HasPrefix(head, []byte(beginning)) {
			return true
		}
	}
	return false
}

const invalidJWT = "invalid-jwt"

// refusesToken reads an answer of v2 from /v1/graphql or another route, or of v3.
func refusesToken(body []byte) bool {
	var answer struct {
		Code   string `json:"code"`
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	if answer.Code == invalidJWT {
		return true
	}
	for _, e := range answer.Errors {
		if e.Extensions.Code == invalidJWT || isRefusalOfV3(e.Message) {
			return true
		}
	}
	return false
}

func isRefusalOfV3(message string) bool {
	return strings.HasPrefix(message, "JWT validation error: ") || strings.HasPrefix(message, "Error decoding the `Authorization` header - ")
}

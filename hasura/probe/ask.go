package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

// maxAnswer is more than any answer that matters.
const maxAnswer = 1 << 20

const (
	nothing = `{"query":"query IssuerCheck { __typename }"}`
	schema  = `{"query":"query IssuerCheck { __schema { queryType { name } } }"}`
)

// answer is what an engine said, read as either engine writes.
type answer struct {
	status    int
	html      bool
	isGraphQL bool   // it has data or errors
	data      bool   // … and there is some
	schema    bool   // … about the schema
	version   string // of /v1/version
	code      string // v2's for an error, where it is one
	message   string // the engine's; never shown
	err       error  // there is no answer
}

// reply are the members that any answer of an engine has.
type reply struct {
	Version string `json:"version"`
	Data    *struct {
		Schema json.RawMessage `json:"__schema"`
	} `json:"data"`
	Errors []struct {
		Message    string `json:"message"`
		Extensions struct {
			Code     string          `json:"code"`
			Internal json.RawMessage `json:"internal"`
		} `json:"extensions"`
	} `json:"errors"`
	Error    string          `json:"error"` // these three are v2's, outside GraphQL
	Code     string          `json:"code"`
	Internal json.RawMessage `json:"internal"`
}

// word is the form of v2's codes and versions. Nothing else of an engine's is shown.
var word = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._+-]{1,40}$`) })

// graphql asks with a token, or none where it is empty.
func (v *visit) graphql(ctx context.Context, token string, header http.Header) answer {
	return v.query(ctx, nothing, token, header)
}

func (v *visit) query(ctx context.Context, body, token string, header http.Header) answer {
	path := "/v1/graphql"
	if v.v3 {
		path = "/graphql"
	}
	return v.do(ctx, http.MethodPost, path, body, bearing(token, header))
}

// bearing is header with the token in it.
func bearing(token string, header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return header
}

func (v *visit) do(ctx context.Context, method, path, body string, header http.Header) answer {
	request, err := http.NewRequestWithContext(ctx, method, v.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return answer{err: err}
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("User-Agent", "hasura-issuer check")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := v.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{err: err}
	}
	a := answer{status: response.StatusCode}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	a.html = kind == "text/html"
	v.read(&a, text)
	return a
}

// read fills in what the body says, where it is JSON.
func (v *visit) read(a *answer, text []byte) {
	var r reply
	if json.Unmarshal(text, &r) != nil {
		return
	}
	a.isGraphQL = r.Data != nil || len(r.Errors) > 0
	a.data = r.Data != nil
	a.schema = r.Data != nil && told(r.Data.Schema)
	a.message = r.Error
	internals := told(r.Internal)
	for _, e := range r.Errors {
		r.Code, a.message = e.Extensions.Code, e.Message
		internals = internals || told(e.Extensions.Internal)
	}
	if word().MatchString(r.Code) {
		a.code = r.Code
	}
	if word().MatchString(r.Version) {
		a.version = r.Version
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.internals = v.internals || internals
}

func told(member json.RawMessage) bool { return len(member) > 0 && string(member) != "null" }

// unreachable is all there is to say of an engine that does not answer.
func unreachable(err error) Finding {
	f := Finding{Of: "engine", Status: Failed, Detail: "it does not answer", Cure: "is it up, and is it reached from here under that URL?"}
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	_, isOther := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isTLS:
		f.Detail, f.Cure = "its certificate is not trusted here", "give it one that its callers trust, or the machine of this check the authority behind it (SSL_CERT_FILE)"
	case isDNS:
		f.Detail += ": nobody knows its host name"
	case isDial && dial.Op == "dial":
		f.Detail += ": " + dial.Err.Error()
	case isNet && timeout.Timeout():
		f.Detail += " in time"
	case errors.Is(err, http.ErrSchemeMismatch):
		f.Detail, f.Cure = "what answers there speaks no TLS", "write http://, or name the port that speaks TLS"
	case isOther, errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), strings.Contains(err.Error(), "malformed HTTP"):
		f.Detail, f.Cure = "what answers there is no HTTP", "name the host and the port at which the engine serves HTTP, which is 8080 unless it is set otherwise"
	}
	return f
}

// authCodes are v2's for callers whom it does not let in.
var authCodes = map[string]bool{
	"invalid-jwt": true, "invalid-headers": true, "access-denied": true, "jwt-invalid-claims": true,
	"jwt-missing-role-claims": true, "jwt-invalid-key": true,
}

// refused reports whether the engine does not let the caller in. v2 says so in a body that comes with 200, or with the
// status where a proxy or a newer release sets one; v3 says it by its status, which is 500 for a key it does not find.
func (a answer) refused(v3 bool) bool {
	switch {
	case a.err != nil:
		return false
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return true
	case v3:
		return a.status != http.StatusOK && a.isGraphQL
	default:
		return authCodes[a.code]
	}
}

// admitted reports whether the engine let the caller in, were it only to say that the query is none it likes.
func (a answer) admitted(v3 bool) bool {
	return a.err == nil && a.status == http.StatusOK && a.isGraphQL && !a.refused(v3)
}

// unclear is a finding of an answer that is neither.
func (a answer) unclear(of string) Finding {
	f := Finding{Of: of, Status: Failed, Cure: "something in front of the engine answers in its place: let /v1/graphql through as it is"}
	switch {
	case a.err != nil:
		f.Detail, f.Cure = "no answer", "is the engine restarting? Try again"
	default:
		f.Detail = fmt.Sprintf("it answered %d, and not as an engine does", a.status)
	}
	return f
}

package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const (
	maxBody   = 64 << 10
	maxFields = 64
	maxQuery  = 4 << 10 // nothing in it is ever used
)

// fields are a form's parameters by name. One that is absent and one that is empty are the same (RFC 6749 §3.2).
type fields map[string]string

// readForm reads a form body once. net/http's own reader merges the query in, takes multipart, and hides what it cannot
// parse; here there is one way to say a thing, so no proxy in front can have read something else.
func (a *API) readForm(w http.ResponseWriter, r *http.Request) (fields, error) {
	if !isForm(r.Header["Content-Type"]) {
		return nil, refuse(issuer.ReasonContentTypeUnsupported, "the content type is not one form")
	}
	if len(r.URL.RawQuery) > maxQuery {
		return nil, refuse(issuer.ReasonBodyMalformed, "the query is too long")
	}
	if namesOAuthField(r.URL.RawQuery) {
		return nil, refuse(issuer.ReasonBodyMalformed, "an OAuth parameter stands in the query, where logs and histories keep it")
	}
	body, _, err := a.readBody(w, r, maxBody, maxBody)
	if err != nil {
		return nil, err
	}
	return parseForm(string(body))
}

// isForm takes exactly one header, with no parameter but charset=utf-8.
func isForm(headers []string) bool {
	if len(headers) != 1 {
		return false
	}
	media, parameters, err := mime.ParseMediaType(headers[0])
	if err != nil || media != "application/x-www-form-urlencoded" {
		return false
	}
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// readBody reads a body of at most so many bytes within the request's time, and returns as many from its beginning as are to
// be kept, and whether that is all. A connection whose body was not read to its end is closed.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, most, keep int64) (head []byte, whole bool, err error) {
	body, err := a.openBody(w, r, most)
	if err != nil {
		return nil, false, err
	}
	head, err = readAtMost(body, keep, r.ContentLength)
	var rest int64
	if err == nil {
		rest, err = io.Copy(io.Discard, body)
	}
	if err == nil {
		return head, rest == 0, nil
	}
	return nil, false, notRead(w, err)
}

// usualBody is as much as is set aside for a body on the word of who announces it.
const usualBody = 16 << 10

// readAtMost reads as many bytes as are to be kept, or all. announced is how many there will be; negative: nobody knows.
func readAtMost(body io.Reader, keep, announced int64) ([]byte, error) {
	if announced < 0 || announced > min(keep, usualBody) {
		return io.ReadAll(io.LimitReader(body, keep))
	}
	head := make([]byte, announced)
	n, err := io.ReadFull(body, head)
	if errors.Is(err, io.EOF) { // there is nothing
		err = nil
	}
	return head[:n], err
}

// openBody returns a body that ends with an error after so many bytes, or when the request's time is over. It takes none
// that is encoded: a few bytes of one may stand for very many.
func (a *API) openBody(w http.ResponseWriter, r *http.Request, most int64) (io.Reader, error) {
	if len(r.Header["Content-Encoding"]) > 0 {
		return nil, refuse(issuer.ReasonBodyMalformed, "the body has a content encoding")
	}
	// The context's end does not wake a blocked read; the deadline does. It is the same, for some of the time may have gone by in
	// the queue of the gate. A writer without a connection has none.
	if deadline, ok := r.Context().Deadline(); ok {
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
	}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close")
		return nil, refuse(issuer.ReasonBodyTooLarge, "the body is announced as too large")
	}
	return http.MaxBytesReader(w, r.Body, most), nil
}

// notRead says what an error of such a body means, and has the connection closed.
func notRead(w http.ResponseWriter, err error) error {
	w.Header().Set("Connection", "close")
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return refuse(issuer.ReasonBodyTooLarge, "the body is too large")
	}
	return &issuer.Error{Reason: issuer.ReasonBodyMalformed, Err: errors.Join(errors.New("the body did not arrive"), err)}
}

// parseForm reads the fields of a body: each name once, in text without control characters.
func parseForm(body string) (fields, error) {
	if strings.Contains(body, ";") {
		return nil, refuse(issuer.ReasonBodyMalformed, "a semicolon separates fields for some readers and not for others")
	}
	form := fields{}
	for part := range strings.SplitSeq(body, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, nameOK := unescape(rawName)
		value, valueOK := unescape(rawValue)
		if !valueOK && name == "subject_token" && isWrapped(rawValue) {
			return nil, refuse(issuer.ReasonTokenMalformed, "a line end or a tab stands before or behind the subject token")
		}
		if !nameOK || !valueOK {
			return nil, refuse(issuer.ReasonBodyMalformed, "a field is not percent-encoded UTF-8 without control characters")
		}
		if _, repeated := form[name]; repeated {
			return nil, refuse(issuer.ReasonParameterRepeated, "a name came twice")
		}
		form[name] = value
		if len(form) > maxFields {
			return nil, refuse(issuer.ReasonBodyMalformed, "there are too many fields")
		}
	}
	return form, nil
}

func unescape(raw string) (string, bool) {
	if isPlain(raw) {
		return raw, true
	}
	text, err := url.QueryUnescape(raw)
	return text, err == nil && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// isWrapped tells whether a value would be one without what stands around it, as a line of a file has its end.
func isWrapped(raw string) bool {
	text, err := url.QueryUnescape(raw)
	inner := strings.TrimSpace(text)
	return err == nil && inner != text && isPlain(inner)
}

// isPlain tells whether a text stands for itself, as a token does.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || c == '%' || c == '+' {
			return false
		}
	}
	return true
}

// namesOAuthField reports whether a query names a parameter of OAuth, in whatever case and however separated: a token
// there would be written to every log on the way. Other parameters are ignored.
func namesOAuthField(query string) bool {
	separators := func(c rune) bool { return c == '&' || c == ';' }
	return slices.ContainsFunc(strings.FieldsFunc(query, separators), func(part string) bool {
		raw, _, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(raw)
		return err == nil && oauthFields[strings.ToLower(name)]
	})
}

// oauthFields are the parameters of token requests: RFC 6749 §4, RFC 7521 §4, RFC 7636 §4.5 and RFC 8693 §2.1.
var oauthFields = map[string]bool{
	"grant_type": true, "subject_token": true, "subject_token_type": true, "requested_token_type": true, "actor_token": true,
	"actor_token_type": true, "scope": true, "audience": true, "resource": true, "client_id": true, "client_secret": true,
	"client_assertion": true, "client_assertion_type": true, "assertion": true, "access_token": true, "refresh_token": true,
	"id_token": true, "code": true, "code_verifier": true, "redirect_uri": true, "username": true, "password": true,
}

package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxBody  = 64 << 10
	maxQuery = 4 << 10
)

// Decode reads the body into a struct: one JSON object in UTF-8, each member once, by its exact name and known, and no
// null, which would say the same as leaving it out.
func Decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return Refuse(ReasonBodyMalformed, whatIsWrong(err))
	}
	if decoder := jsontext.NewDecoder(bytes.NewReader(body)); decoder.PeekKind() != '{' || hasNull(decoder) {
		return Refuse(ReasonBodyMalformed, "the body is no object, or holds null: leave out what has no value")
	}
	return nil
}

var memberName = regexp.MustCompile(`^/([a-z_]{1,20})(?:/|$)`)

// whatIsWrong names the member in which an error was found. The error itself may quote the body, which may hold a token.
func whatIsWrong(err error) string {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		if member := memberName.FindStringSubmatch(string(semantic.JSONPointer)); member != nil {
			return "the member " + member[1] + " is not known here, or has another form than it wants"
		}
	}
	return "the body is not one JSON object in UTF-8, with each member once"
}

// hasNull looks through JSON that was read already.
func hasNull(decoder *jsontext.Decoder) bool {
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return false
		}
		if token.Kind() == 'n' {
			return true
		}
	}
}

// readBody reads the body within the request's time and size. A connection whose body was not read to its end is closed.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if !isJSON(r.Header.Values("Content-Type")) || len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, Refuse(ReasonContentTypeUnsupported, "")
	}
	if deadline, ok := r.Context().Deadline(); ok { // the context's end does not wake a blocked read
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		return body, nil
	}
	w.Header().Set("Connection", "close")
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, Refuse(ReasonBodyTooLarge, "")
	}
	return nil, &Refusal{Reason: ReasonBodyMalformed, Err: errors.New("the body did not arrive")}
}

// isJSON takes exactly one header, with no parameter but charset=utf-8.
func isJSON(headers []string) bool {
	if len(headers) != 1 {
		return false
	}
	media, parameters, err := mime.ParseMediaType(headers[0])
	if err != nil || media != "application/json" {
		return false
	}
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// Parameters are the query of a request: known names, each once.
type Parameters map[string]string

// ParametersOf reads the query of a request that may hold these.
func ParametersOf(r *http.Request, known ...string) (Parameters, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, Refuse(ReasonRequestMalformed, "the query is longer than 4 KiB")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Refuse(ReasonRequestMalformed, "the query is not percent-encoded parameters with & between them")
	}
	found := Parameters{}
	for name, all := range values {
		if !slices.Contains(known, name) {
			return nil, Refuse(ReasonRequestMalformed, "the query holds an unknown parameter; here are known: "+strings.Join(known, ", "))
		}
		if len(all) != 1 {
			return nil, Refuse(ReasonRequestMalformed, "the parameter "+name+" is there twice")
		}
		found[name] = all[0]
	}
	return found, nil
}

// Flag reads a parameter that is true or not there.
func (p Parameters) Flag(name string) (bool, error) {
	value, given := p[name]
	if given && value != "true" {
		return false, Refuse(ReasonRequestMalformed, name+" wants to be true, or left out")
	}
	return given, nil
}

// Number reads a whole number from least to most.
func (p Parameters) Number(name string, usual, least, most int64) (int64, error) {
	text, given := p[name]
	if !given {
		return usual, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most || strconv.FormatInt(n, 10) != text {
		return 0, Refuse(ReasonRequestMalformed, fmt.Sprintf("%s wants a number from %d to %d", name, least, most))
	}
	return n, nil
}

// NextPage is the address of the next page: the same question with another parameter.
func NextPage(r *http.Request, name, value string) string {
	query := r.URL.Query()
	query.Set(name, value)
	return r.URL.Path + "?" + query.Encode()
}

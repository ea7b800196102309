package adminapi_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func encoded(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// contract is the document, as a library that is not ours reads it.
var contract = sync.OnceValues(func() (routers.Router, error) {
	openapi3.DefineStringFormatValidator("date-time", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringDateTime))
	doc, err := openapi3.NewLoader().LoadFromData(adminapi.Document)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// holdAgainstDocument fails the test where an answer is not as the document says, or where a request was done that is not.
func (s *stand) holdAgainstDocument(r *http.Request, body string, got answer) {
	s.t.Helper()
	router, err := contract()
	must(s.t, err)
	route, params, err := router.FindRoute(r)
	if err != nil { // no route, or no such method: nothing of it can have been done
		if got.StatusCode < 400 && r.Method != http.MethodHead {
			s.t.Errorf("%s %s is answered %s and not documented", r.Method, r.URL.Path, got.Status)
		}
		return
	}
	r.Body = io.NopCloser(strings.NewReader(body))
	request := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true},
	}
	if err := openapi3filter.ValidateRequest(s.t.Context(), request); err != nil && got.StatusCode < 400 {
		s.t.Errorf("%s %s was done and is not as the document says: %v", r.Method, r.URL, err)
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: got.StatusCode, Header: got.Header, Options: request.Options,
		Body: io.NopCloser(bytes.NewReader([]byte(got.body))),
	}
	if err := openapi3filter.ValidateResponse(s.t.Context(), response); err != nil {
		s.t.Errorf("%s %s: the answer is not as the document says: %v\n%s", r.Method, r.URL, err, got.body)
	}
}

func TestTheDocumentIsSoundAndNamesEveryRoute(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(adminapi.Document)
	must(t, err)
	must(t, doc.Validate(t.Context()))
	if !doc.IsOpenAPI31OrLater() {
		t.Errorf("it is of version %s", doc.OpenAPI)
	}
	documented, served := map[string][]string{}, adminapi.New(adminapi.Config{Roles: &rolestore.File{}}).Routes()
	for path, item := range doc.Paths.Map() {
		documented[path] = slices.Sorted(maps.Keys(item.Operations()))
	}
	for path := range served {
		slices.Sort(served[path])
	}
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("routes (-served +documented):\n%s", diff)
	}
	reasons := map[string]bool{}
	for _, reason := range doc.Components.Schemas["Problem"].Value.Properties["reason"].Value.Enum {
		reasons[reason.(string)] = true
	}
	for reason := range adminapi.Statuses() {
		if !reasons[reason] {
			t.Errorf("the document lacks the reason %s", reason)
		}
		delete(reasons, reason)
	}
	if len(reasons) > 0 {
		t.Errorf("the document has reasons that there are not: %v", reasons)
	}
}

// TestThePageListsEveryReasonAsItIsAnswered: the type of a problem leads there.
func TestThePageListsEveryReasonAsItIsAnswered(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/admin-api.md")
	must(t, err)
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| ([0-9]{3}) \\| <a id=\"([a-z_]+)\"></a>`([a-z_]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(string(page), -1) {
		if row[2] != row[3] {
			t.Errorf("the anchor of %s is %s", row[3], row[2])
		}
		documented[row[3]] = row[1]
	}
	answered := map[string]string{}
	for reason, status := range adminapi.Statuses() {
		answered[reason] = fmt.Sprint(status)
	}
	if diff := cmp.Diff(answered, documented); diff != "" {
		t.Errorf("reasons (-answered +documented):\n%s", diff)
	}
}

func TestTheDocumentIsServed(t *testing.T) {
	t.Parallel()
	s := start(t)
	if got := s.want(200, "", http.MethodGet, "/admin/v1/openapi.json", ""); got.body != string(adminapi.Document) {
		t.Error("it is another one")
	}
	if got := s.send(http.MethodGet, "/admin/v1/openapi.json", ""); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without credentials: %s", got.Status)
	}
}

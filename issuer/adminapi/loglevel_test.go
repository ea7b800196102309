package adminapi_test

import (
	"net/http"
	"testing"
)

func TestTheLogLevelIsReadAndSet(t *testing.T) {
	t.Parallel()
	s := start(t)
	const path = "/admin/v1/log-level"
	if got := s.want(200, "", http.MethodGet, path, ""); got.body != `{"configured":"info","level":"info"}` {
		t.Error(got.body)
	}
	if got := s.want(200, "", http.MethodPut, path, `{"level":"debug"}`); got.body != `{"configured":"info","level":"debug"}` {
		t.Error(got.body)
	}
	if want := (verbosity{"debug", "admin:" + boss + "@127.0.0.1"}); s.verbosity != want {
		t.Errorf("set to %+v, want %+v", s.verbosity, want)
	}
	for body, refused := range map[string]struct {
		status int
		reason string
	}{
		`{"level":"trace"}`: {400, "body_malformed"}, `{"level":"Debug"}`: {400, "body_malformed"}, `{"level":""}`: {400, "body_malformed"}, `{}`: {400, "body_malformed"},
		`{"level":null}`: {400, "body_malformed"}, `{"level":0}`: {400, "body_malformed"}, `{"level":"info","level":"warn"}`: {400, "body_malformed"},
		`{"Level":"info"}`: {400, "body_malformed"}, `{"level":"info","for":"1h"}`: {400, "body_malformed"}, ``: {415, "content_type_unsupported"},
	} {
		s.want(refused.status, refused.reason, http.MethodPut, path, body)
	}
	s.want(400, "request_malformed", http.MethodPut, path+"?level=info", `{"level":"info"}`)
	s.want(400, "request_malformed", http.MethodGet, path+"?level=info", "")
	if s.verbosity.level != "debug" {
		t.Errorf("a refused request set it to %s", s.verbosity.level)
	}
}

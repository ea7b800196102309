package main

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

// receiver takes spans as a collector does, by OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []span
	raw   strings.Builder // all that was received
}

// span is one of them, with the service that sent it.
type span struct {
	*traces.Span
	service string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		if err := r.take(request); err != nil {
			t.Errorf("%s %s: %v", request.Method, request.URL, err)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// take keeps what a request brings.
func (r *receiver) take(request *http.Request) error {
	if request.URL.Path != "/v1/traces" || request.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("it is no export of traces")
	}
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var export collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(content, &export); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw.Write(content)
	for _, resource := range export.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, one := range scope.GetSpans() {
				r.spans = append(r.spans, span{one, service})
			}
		}
	}
	return nil
}

// received returns the spans so far.
func (r *receiver) received() []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// one returns the only span of that name.
func (r *receiver) one(t *testing.T, name string) span {
	t.Helper()
	var found []span
	for _, s := range r.received() {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans are called %q, of %q", len(found), name, r.names())
	}
	return found[0]
}

func (r *receiver) names() []string {
	var names []string
	for _, s := range r.received() {
		names = append(names, s.GetName())
	}
	slices.Sort(names)
	return names
}

// path returns the names of a span and those around it, the outermost first.
func (r *receiver) path(s span) string {
	for _, other := range r.received() {
		if string(other.GetSpanId()) == string(s.GetParentSpanId()) && string(other.GetTraceId()) == string(s.GetTraceId()) {
			return r.path(other) + " > " + s.GetName()
		}
	}
	if len(s.GetParentSpanId()) > 0 {
		return "(elsewhere) > " + s.GetName()
	}
	return s.GetName()
}

func (s span) attribute(name string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == name {
			if a.GetValue().GetStringValue() == "" {
				return fmt.Sprint(a.GetValue().GetIntValue())
			}
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

func (s span) trace() string { return hex.EncodeToString(s.GetTraceId()) }

// headersSeen keeps the headers of requests by what they ask.
type headersSeen struct {
	mu   sync.Mutex
	seen map[string][]http.Header
}

func (h *headersSeen) note(what string, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		h.seen = map[string][]http.Header{}
	}
	h.seen[what] = append(h.seen[what], r.Header.Clone())
}

func (h *headersSeen) of(what string) []http.Header {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen[what]
}

const (
	callersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersParent = "00f067aa0ba902b7"
)

// traced exchanges a token as a caller does who says that the request belongs to a trace.
func (s served) traced(t *testing.T, token, flags string) {
	t.Helper()
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {token}}
	header := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Traceparent": {"00-" + callersTrace + "-" + callersParent + "-" + flags},
		"Tracestate": {"vendor=somebodys-secret"}, "Baggage": {"user=alice"}, "User-Agent": {"alice@example.com"},
	}
	if got := s.send(t, http.MethodPost, "/oauth2/token", header, []byte(form.Encode())); got.status != http.StatusOK {
		t.Fatalf("%d %q", got.status, got.reason)
	}
}

// watched is a service with all that it can depend on, whose every request to others is seen.
type watched struct {
	served
	fleet    *fleet
	headers  *headersSeen
	receiver *receiver
	postgres *pgtest.Server
}

func watch(t *testing.T, more ...string) *watched {
	t.Helper()
	w := &watched{fleet: newFleet(t), headers: &headersSeen{}, receiver: newReceiver(t), postgres: pgtest.Start(t)}
	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", "package issuer\n\ndecision := true\n")
	behind := policytest.Serve(t, dir)
	asked := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.headers.note("policy", r)
		behind.ServeHTTP(rw, r)
	}))
	t.Cleanup(asked.Close)
	w.fleet.tenant.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		what := "entra"
		if strings.HasPrefix(r.URL.Path, "/graph/") {
			what = "graph"
		}
		w.headers.note(what, r)
		return false
	})
	database := environ(w.fleet.server.URL, "ISSUER_DATABASE_URL="+w.postgres.URL(), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	for _, args := range [][]string{{"migrate"}, {"roles", "apply", "--yes", "-f", rolesFile(t)}} {
		if code, _, stderr := execute(t, database, args...); code != exitDone {
			t.Fatalf("issuer %v: %s", args, stderr)
		}
	}
	settings := append(database, append([]string{
		"ISSUER_ENTRA_CLIENT_ID=" + faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET=" + w.fleet.tenant.ClientSecret(faketenant.APIClientID),
		"ISSUER_GRAPH_URL=" + w.fleet.server.URL + "/graph", "ISSUER_REDIS_URL=" + w.fleet.redis.URL(),
		"ISSUER_POLICY_URL=" + asked.URL + "/v1/data/issuer/decision", "ISSUER_POLICY_TIMEOUT=5s", "ISSUER_RELYING_PARTIES=v2",
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + w.receiver.URL,
	}, more...)...)
	w.served = listening(t, startProgram(t, program{environ: settings, azure: w.fleet.tenant.Client()}, "serve"))
	w.awaitReady(t)
	return w
}

// TestARequestIsOneTraceThroughTheWholeProgram, and no trace begins with anything else.
func TestARequestIsOneTraceThroughTheWholeProgram(t *testing.T) {
	t.Parallel()
	w := watch(t)
	token := personaToken(t, w.fleet.tenant, "crowded")
	w.traced(t, token, "01")
	log := w.stderr.await(t, `"message":"exchange"`, w.ended)
	if code := w.end(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}

	server := w.receiver.one(t, "POST /oauth2/token")
	if server.GetKind() != traces.Span_SPAN_KIND_SERVER || len(server.GetParentSpanId()) > 0 || server.service != "hasura-issuer" {
		t.Errorf("kind %s, parent %x, service %q", server.GetKind(), server.GetParentSpanId(), server.service)
	}
	for name, want := range map[string]string{
		"http.request.method": "POST", "http.route": "/oauth2/token", "http.response.status_code": "200",
		"issuer.door": "token", "issuer.outcome": "granted", "issuer.reason": "none",
	} {
		if got := server.attribute(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(log, `"trace_id":"`+server.trace()+`"`) {
		t.Errorf("the log does not name the trace %s:\n%s", server.trace(), log)
	}
	w.wantOneTrace(t, server)
	w.wantLinked(t, server)
	w.wantContextSent(t, server)
	w.wantNobodyNamed(t, token)
}

// wantOneTrace wants the stages below the request's span, and what each asked of others below the stage.
func (w *watched) wantOneTrace(t *testing.T, server span) {
	t.Helper()
	paths := map[string]bool{}
	for _, s := range w.receiver.received() {
		if s.trace() != server.trace() {
			t.Errorf("another trace was begun: %s", w.receiver.path(s))
		}
		paths[w.receiver.path(s)] = true
		if s.GetStatus().GetCode() == traces.Status_STATUS_CODE_ERROR && s.GetName() != "evalsha" { // a script that Redis has yet to learn
			t.Errorf("%s failed", w.receiver.path(s))
		}
	}
	for _, want := range []string{
		"verify", "groups", "groups > POST graph", "groups > getrange", "evalsha", "roles", "roles > WITH", "policy", "policy > POST policy", "sign",
	} {
		if !paths["POST /oauth2/token > "+want] {
			t.Errorf("there is no span %s, but %v", want, w.receiver.names())
		}
	}
	for path := range paths {
		if strings.Contains(path, "elsewhere") {
			t.Errorf("the parent of %s was not sent", path)
		}
	}
}

// wantLinked wants a stranger's trace to be no more than linked to.
func (w *watched) wantLinked(t *testing.T, server span) {
	t.Helper()
	links := server.GetLinks()
	if server.trace() == callersTrace || len(links) != 1 || hex.EncodeToString(links[0].GetTraceId()) != callersTrace || links[0].GetTraceState() != "" {
		t.Errorf("trace %s, links %v", server.trace(), links)
	}
}

// wantContextSent wants Graph and the policy to hear of the trace, and nobody else, and of nothing that the caller said.
func (w *watched) wantContextSent(t *testing.T, server span) {
	t.Helper()
	for _, peer := range []string{"graph", "policy"} {
		told := 0
		for _, header := range w.headers.of(peer) {
			if parent := header.Get("Traceparent"); strings.HasPrefix(parent, "00-"+server.trace()+"-") && strings.HasSuffix(parent, "-01") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%s was told of the trace %d times", peer, told)
		}
	}
	if len(w.headers.of("entra")) == 0 {
		t.Error("Entra was asked for nothing")
	}
	for _, peer := range []string{"graph", "policy", "entra"} {
		for _, header := range w.headers.of(peer) {
			if header.Get("Tracestate") != "" || header.Get("Baggage") != "" || peer == "entra" && header.Get("Traceparent") != "" {
				t.Errorf("%s was told %v", peer, header)
			}
		}
	}
}

// wantNobodyNamed wants nothing about the caller in all that was sent.
func (w *watched) wantNobodyNamed(t *testing.T, token string) {
	t.Helper()
	taboos := []string{
		token, "eyJ", "alice", "example.com", "somebodys-secret", faketenant.GroupOne, "issuer:groups", "rate:issuer", "editor", goodKEK,
		"postgres://", "redis://", w.postgres.URL(),
	}
	for _, claim := range []string{"oid", "tid", "sub", "name", "preferred_username", "uti", "azp"} {
		value := fmt.Sprint(w.fleet.tenant.Claims("crowded")[claim])
		if len(value) < 8 {
			t.Errorf("the persona has no %s worth looking for", claim)
		}
		taboos = append(taboos, value)
	}
	w.receiver.mu.Lock()
	defer w.receiver.mu.Unlock()
	for _, taboo := range taboos {
		if strings.Contains(w.receiver.raw.String(), taboo) {
			t.Errorf("%q was sent", taboo)
		}
	}
}

// TestATrustedPeerContinuesItsOwnTrace, kept or not as it decides.
func TestATrustedPeerContinuesItsOwnTrace(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	r := newReceiver(t)
	s := serve(t, onFiles(t, server.URL, trustLoopback, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+r.URL+"/v1/traces", "OTEL_SERVICE_NAME=tokens"))
	s.traced(t, personaToken(t, tenant, "editor"), "01")
	s.traced(t, personaToken(t, tenant, "reader"), "00")
	s.end()
	got := r.one(t, "POST /oauth2/token") // the one that is to be kept
	if got.trace() != callersTrace || hex.EncodeToString(got.GetParentSpanId()) != callersParent || len(got.GetLinks()) > 0 || got.service != "tokens" {
		t.Errorf("trace %s, parent %x, links %v, service %q", got.trace(), got.GetParentSpanId(), got.GetLinks(), got.service)
	}
	if log := s.stderr.String(); strings.Count(log, `"trace_id":"`+callersTrace+`"`) != 2 {
		t.Errorf("the log does not name the trace twice:\n%s", log)
	}
}

// TestSpansOfAllDoorsSayHowTheyEnded, without the paths that were asked for.
func TestSpansOfAllDoorsSayHowTheyEnded(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	r := newReceiver(t)
	s := serve(t, onFiles(t, server.URL, "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL+"/"))
	token := personaToken(t, tenant, "editor")
	s.forwardAuth(t, token)
	s.webhook(t, token[:len(token)-8]+"AAAAAAAA")
	s.get(t, "/"+token)
	s.get(t, "/livez")
	s.get(t, "/.well-known/jwks.json?rp="+token)
	s.send(t, "FROB"+token[:9], "/forward-auth", bearer(token), nil)
	get(t, s.admin+"/metrics")
	get(t, s.admin+"/admin/v1/grants/"+faketenant.TenantID+"/x/y")
	s.end()
	want := []string{
		"GET", "GET /.well-known/jwks.json", "GET /admin/v1/", "GET /forward-auth", "GET /hasura/webhook", "HTTP /forward-auth",
		"roles", "roles", "sign", "verify", "verify", "verify",
	}
	if got := r.names(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if refused := r.one(t, "GET /hasura/webhook"); refused.attribute("issuer.reason") != "signature_invalid" || refused.attribute("issuer.outcome") != "refused" ||
		refused.attribute("http.response.status_code") != "401" || refused.GetStatus().GetCode() == traces.Status_STATUS_CODE_ERROR {
		t.Errorf("a refusal: %v", refused)
	}
	if strings.Contains(r.raw.String(), token[:9]) || strings.Contains(r.raw.String(), faketenant.TenantID) {
		t.Error("what was asked for stands in a span")
	}
}

// TestWhatFailedIsAFailedSpan, and says nothing more than that.
func TestWhatFailedIsAFailedSpan(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	r := newReceiver(t)
	s := serveCold(t, onFiles(t, server.URL, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL, "ISSUER_POLICY_URL="+gone.URL+"/v1/data/issuer/decision"))
	s.awaitStatus(t, "/readyz", http.StatusOK)
	if got := s.exchange(t, personaToken(t, tenant, "editor")); got.Reason != "policy_unavailable" {
		t.Fatalf("%d %q", got.Status, got.Reason)
	}
	s.end()
	for _, name := range []string{"POST /oauth2/token", "policy", "POST policy"} {
		if status := r.one(t, name).GetStatus(); status.GetCode() != traces.Status_STATUS_CODE_ERROR || status.GetMessage() != "" {
			t.Errorf("%s: %v", name, status)
		}
	}
	if status := r.one(t, "verify").GetStatus(); status.GetCode() == traces.Status_STATUS_CODE_ERROR {
		t.Errorf("verify: %v", status)
	}
	if strings.Contains(r.raw.String(), "refused\x12") || strings.Contains(r.raw.String(), "connect:") {
		t.Error("the text of an error was sent")
	}
}

// TestTracesAreOffUnlessTheVariablesSaySo: nothing is sent, no header is read and no id is logged.
func TestTracesAreOffUnlessTheVariablesSaySo(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	for name, more := range map[string][]string{
		"disabled":         {"OTEL_SDK_DISABLED=true"},
		"no exporter":      {"OTEL_TRACES_EXPORTER=none"},
		"another protocol": {"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			s := serve(t, onFiles(t, server.URL, append(more, trustLoopback, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL)...))
			s.traced(t, personaToken(t, tenant, "editor"), "01")
			s.end()
			if got := r.names(); len(got) > 0 {
				t.Errorf("received %q", got)
			}
			if log := s.stderr.String(); strings.Contains(log, "trace_id") || strings.Contains(log, "http/protobuf") != (name == "another protocol") {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

// TestAReceiverThatIsGoneIsReportedWithoutItsURL, which may hold a key.
func TestAReceiverThatIsGoneIsReportedWithoutItsURL(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(gone.Close)
	s := serve(t, onFiles(t, server.URL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+gone.URL+"/ingest/key-12345"))
	s.exchange(t, personaToken(t, tenant, "editor"))
	if code := s.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if log := s.stderr.String(); strings.Count(log, "traces need attention") != 1 || strings.Contains(log, "key-12345") {
		t.Errorf("the log:\n%s", log)
	}
}

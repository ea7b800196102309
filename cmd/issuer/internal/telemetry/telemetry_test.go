package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func TestTheVariablesSayWhereSpansGo(t *testing.T) {
	t.Parallel()
	const base, traces = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for name, c := range map[string]struct {
		environ  map[string]string
		endpoint string
		warnings int
	}{
		"nothing is set":          {nil, "", 0},
		"an endpoint":             {map[string]string{base: "http://collector:4318"}, "http://collector:4318/v1/traces", 0},
		"with a path":             {map[string]string{base: "https://collector/otlp/"}, "https://collector/otlp/v1/traces", 0},
		"for traces alone":        {map[string]string{base: "http://one:1", traces: "https://two/ingest"}, "https://two/ingest", 0},
		"the exporter alone":      {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces", 0},
		"no exporter":             {map[string]string{base: "http://c:1", "OTEL_TRACES_EXPORTER": "none"}, "", 0},
		"another exporter":        {map[string]string{base: "http://c:1", "OTEL_TRACES_EXPORTER": "zipkin"}, "", 1},
		"disabled":                {map[string]string{base: "http://c:1", "OTEL_SDK_DISABLED": "true"}, "", 0},
		"disabled by another way": {map[string]string{base: "http://c:1", "OTEL_SDK_DISABLED": "no"}, "http://c:1/v1/traces", 0},
		"another protocol":        {map[string]string{base: "http://c:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "", 1},
		"this protocol for traces": {map[string]string{
			base: "http://c:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
		}, "http://c:1/v1/traces", 0},
		"no URL":           {map[string]string{base: "collector:4318"}, "", 1},
		"another scheme":   {map[string]string{traces: "grpc://user:password@collector"}, "", 1},
		"other languages":  {map[string]string{base: "http://c:1", "OTEL_PROPAGATORS": "b3,tracecontext"}, "http://c:1/v1/traces", 1},
		"only the service": {map[string]string{"OTEL_SERVICE_NAME": "x"}, "", 0},
	} {
		got := Read(c.environ)
		if got.Endpoint != c.endpoint || len(got.Warnings) != c.warnings || got.On() != (c.endpoint != "") {
			t.Errorf("%s: %q, warnings %q", name, got.Endpoint, got.Warnings)
		}
		if all := fmt.Sprintf("%v %+v %#v %q", got, got, got, got.Warnings); strings.Contains(all, "password") || strings.Contains(all, "collector") {
			t.Errorf("%s: in print it is %s", name, all)
		}
	}
}

func TestOnlyTheW3CFormIsSpoken(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{
		"": true, "tracecontext": true, "tracecontext,baggage": true, "baggage , tracecontext": true, "none": false, "baggage": false, "b3": false,
	} {
		if got := Read(map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_PROPAGATORS": list}); got.Propagate != want {
			t.Errorf("%q: %v", list, got.Propagate)
		}
	}
}

// memory is an exporter that keeps spans.
type memory struct {
	mu    sync.Mutex
	spans tracetest.SpanStubs
	fail  error
}

func (m *memory) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spans = append(m.spans, tracetest.SpanStubsFromReadOnlySpans(spans)...)
	return m.fail
}

func (m *memory) Shutdown(context.Context) error { return nil }

// tracing sends spans to the memory that is returned with it, once it is closed.
func tracing(t *testing.T, c Config) (*Tracing, *memory) {
	t.Helper()
	m := &memory{}
	traced, err := open(t.Context(), c, Identity{}, &scrubber{to: m, report: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return traced, m
}

const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"

func request(traceparents ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", http.NoBody)
	r.Header["Traceparent"] = traceparents
	return r
}

// The environment belongs to the process, so these do not run beside others.

// TestAStrangerHasNoSayInWhatIsKept: with a sampler that keeps nothing of its own accord, only who is trusted can have a trace kept.
func TestAStrangerHasNoSayInWhatIsKept(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
	traced, m := tracing(t, Config{Propagate: true})
	for _, id := range []string{theirs, "00000000000000000000000000000001"} { // the second is one that every ratio but 0 would keep
		for _, trusted := range []bool{true, false} {
			ctx, _ := traced.Begin(t.Context(), request("00-"+id+"-00f067aa0ba902b7-01"), "/oauth2/token", trusted)
			traced.End(ctx, http.MethodPost, api.Answered{})
			if kept := traced.SampledID(ctx) != ""; kept != trusted {
				t.Errorf("trusted %v: kept %v", trusted, kept)
			}
		}
	}
	traced.Close()
	if len(m.spans) != 2 {
		t.Errorf("%d spans were sent", len(m.spans))
	}
}

// TestAStrangerCannotHide: a trace that is not to be kept by its word is kept all the same.
func TestAStrangerCannotHide(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_on")
	traced, m := tracing(t, Config{Propagate: true})
	for _, traceparents := range [][]string{
		nil,
		{"00-" + theirs + "-00f067aa0ba902b7-00"},
		{"nonsense"},
		{""},
		{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-00"},
		{"00-" + theirs + "-00f067aa0ba902b7-01", "00-" + theirs + "-00f067aa0ba902b8-01"},
	} {
		ctx, id := traced.Begin(t.Context(), request(traceparents...), "/oauth2/token", false)
		traced.End(ctx, http.MethodPost, api.Answered{})
		if len(id) != 32 || id == theirs {
			t.Errorf("%q: trace %s", traceparents, id)
		}
	}
	traced.Close()
	if len(m.spans) != 6 {
		t.Errorf("%d spans were sent", len(m.spans))
	}
}

// TestTwoHeadersAreNone: who passes the client's on beside its own vouches for neither.
func TestTwoHeadersAreNone(t *testing.T) {
	t.Parallel()
	traced, m := tracing(t, Config{Propagate: true})
	ctx, id := traced.Begin(t.Context(), request("00-"+theirs+"-00f067aa0ba902b7-01", "00-"+theirs+"-00f067aa0ba902b8-01"), "/oauth2/token", true)
	traced.End(ctx, http.MethodPost, api.Answered{})
	traced.Close()
	if id == theirs || len(m.spans) != 1 || len(m.spans[0].Links) > 0 {
		t.Errorf("trace %s, %d spans", id, len(m.spans))
	}
}

// TestWithoutPropagationNobodyIsBelievedOrTold, trusted or not.
func TestWithoutPropagationNobodyIsBelievedOrTold(t *testing.T) {
	t.Parallel()
	traced, m := tracing(t, Config{})
	ctx, id := traced.Begin(t.Context(), request("00-"+theirs+"-00f067aa0ba902b7-01"), "/oauth2/token", true)
	var told string
	around := traced.Around("graph")(roundTrip(func(r *http.Request) (*http.Response, error) {
		told = r.Header.Get("Traceparent")
		return nil, io.EOF
	}))
	if _, err := around.RoundTrip(httptest.NewRequest(http.MethodGet, "https://graph.example/", http.NoBody).WithContext(ctx)); !errors.Is(err, io.EOF) {
		t.Errorf("error %v", err)
	}
	traced.End(ctx, http.MethodPost, api.Answered{})
	traced.Close()
	if id == theirs || told != "" || len(m.spans) != 2 || len(m.spans[0].Links)+len(m.spans[1].Links) != 0 {
		t.Errorf("trace %s, told %q, spans %v", id, told, m.spans)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWhatTheProgramAsksByItselfIsNotTraced, nor told of.
func TestWhatTheProgramAsksByItselfIsNotTraced(t *testing.T) {
	t.Parallel()
	traced, m := tracing(t, Config{Propagate: true})
	var told http.Header
	around := traced.Around("policy")(roundTrip(func(r *http.Request) (*http.Response, error) {
		told = r.Header
		return nil, io.EOF
	}))
	_, _ = around.RoundTrip(httptest.NewRequest(http.MethodGet, "https://policy.example/", http.NoBody))
	_, span := within{provider: traced.provider}.Tracer("").Start(t.Context(), "ping")
	span.End()
	_, stage := traced.Stage(t.Context(), "verify")
	stage.End(true)
	traced.Close()
	if len(told) > 0 || len(m.spans) > 0 {
		t.Errorf("told %v, spans %v", told, m.spans)
	}
}

// TestOnlyWhatIsListedLeaves: not what libraries add, nor what errors say.
func TestOnlyWhatIsListedLeaves(t *testing.T) {
	t.Parallel()
	traced, m := tracing(t, Config{})
	_, span := traced.tracer.Start(t.Context(), "a span")
	span.SetAttributes(attribute.String("url.full", "https://graph/users/alice"), attribute.String("db.query.text", "SELECT $1"), attribute.String("enduser.id", "alice"))
	span.RecordError(errors.New("no such user: alice"))
	span.SetStatus(failedStatus, "no such user: alice")
	span.End()
	traced.Close()
	got := m.spans[0]
	if len(got.Events) > 0 || got.Status != (sdk.Status{Code: failedStatus}) || len(got.Attributes) != 1 || got.Attributes[0].Key != "db.query.text" {
		t.Errorf("%+v", got)
	}
}

func TestTroubleIsReportedWhenItBeginsAndWhenItIsOver(t *testing.T) {
	t.Parallel()
	var said []string
	m := &memory{}
	s := &scrubber{to: m, report: func(err error) { said = append(said, fmt.Sprint(err)) }}
	for _, err := range []error{
		nil, &url.Error{Op: "Post", URL: "https://user:password@collector/key", Err: io.EOF}, io.EOF, nil, nil,
		errors.New("failed to send to https://collector/key: 429 Too Many Requests (body: alice)"), nil,
		errors.New("https://collector/key"), nil, context.DeadlineExceeded,
	} {
		m.fail = err
		if err := s.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("error %v", err)
		}
	}
	want := []string{
		"the receiver of traces cannot be reached: EOF", "<nil>", "the receiver of traces answers with status 429", "<nil>",
		"the receiver of traces does not take them", "<nil>", "the receiver of traces takes too long",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// stuck is an exporter whose receiver does not answer before it is closed.
type stuck chan struct{}

func (s stuck) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	<-s
	return nil
}

func (stuck) Shutdown(context.Context) error { return nil }

// TestTheEndWaitsForNobodyForLong: those above show that it waits for a receiver that answers.
func TestTheEndWaitsForNobodyForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		receiver := make(stuck)
		defer close(receiver)
		traced, err := open(t.Context(), Config{}, Identity{}, receiver)
		if err != nil {
			t.Fatal(err)
		}
		_, span := traced.tracer.Start(t.Context(), "a span")
		span.End()
		ended := make(chan struct{})
		go func() {
			traced.Close()
			close(ended)
		}()
		bound, cancel := context.WithTimeout(t.Context(), flushTime+1) // of the bubble's time
		defer cancel()
		select {
		case <-ended:
		case <-bound.Done():
			t.Error("the end still waits")
		}
	})
}

// TestOffIsOff: no goroutine, nothing to call, and no global of the library touched.
func TestOffIsOff(t *testing.T) {
	provider := otel.GetTracerProvider()
	off, err := Open(t.Context(), Read(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}), Identity{}, nil)
	if off != nil || err != nil {
		t.Fatalf("%v, %v", off, err)
	}
	if running() {
		t.Error("something runs")
	}
	if off.Postgres() != nil || off.Redis(nil) != nil || off.Around("graph") != nil || off.SampledID(t.Context()) != "" {
		t.Error("something would be followed")
	}
	off.Close()

	on, err := Open(t.Context(), Config{Endpoint: "http://127.0.0.1:1/v1/traces"}, Identity{}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	patience, cancel := context.WithTimeout(t.Context(), time.Minute) // for the goroutine's first turn
	defer cancel()
	for !running() {
		if patience.Err() != nil {
			t.Fatal("nothing runs where it is on, so the test above sees nothing")
		}
		runtime.Gosched()
	}
	on.Close()
	if running() {
		t.Error("something runs on after the end")
	}
	if otel.GetTracerProvider() != provider {
		t.Error("the process has another tracer provider now")
	}
}

// running tells whether the library runs anything in the background.
func running() bool {
	stacks := make([]byte, 1<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "batchSpanProcessor")
}

func TestOffCostsNoAllocation(t *testing.T) {
	var off *Tracing
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		_, span := off.Stage(ctx, "verify")
		span.End(false)
		_ = off.SampledID(ctx)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

package telemetry

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Around returns what goes around a transport whose requests are to be followed to peer, a constant such as "graph". It
// returns nil where nothing is traced.
func (t *Tracing) Around(peer string) func(http.RoundTripper) http.RoundTripper {
	if t == nil {
		return nil
	}
	return func(next http.RoundTripper) http.RoundTripper {
		if next == nil {
			next = http.DefaultTransport
		}
		return follower{t, peer, next}
	}
}

// follower makes a span of each request that is made for one of ours, and tells the peer of it by traceparent alone.
type follower struct {
	tracing *Tracing
	peer    string
	next    http.RoundTripper
}

// RoundTrip is http.RoundTripper's.
func (f follower) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return f.next.RoundTrip(r)
	}
	ctx, span := f.tracing.tracer.Start(ctx, methodName(r.Method)+" "+f.peer, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", methodName(r.Method)), attribute.String("server.address", r.URL.Hostname())))
	defer span.End()
	r = r.Clone(ctx)
	if f.tracing.propagate {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	}
	response, err := f.next.RoundTrip(r)
	if err != nil {
		span.SetStatus(failedStatus, "")
		return response, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
	if response.StatusCode >= http.StatusBadRequest {
		span.SetStatus(failedStatus, "")
	}
	return response, nil
}

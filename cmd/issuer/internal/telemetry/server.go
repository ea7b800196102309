package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const failedStatus = codes.Error

const traceparent = "traceparent"

// Begin is api.Tracer's. A peer that is trusted continues its own trace, with its own decision whether that is kept. Anybody
// else's request begins a trace of ours, which our sampler decides on and which links to theirs: strangers can neither
// have as many of their requests kept as they like, nor hide one, nor add to the trace of somebody else.
func (t *Tracing) Begin(ctx context.Context, r *http.Request, route string, trusted bool) (inner context.Context, traceID string) {
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", methodName(r.Method))),
	}
	remote := t.remote(r.Header)
	switch {
	case !remote.IsValid():
	case trusted:
		ctx = trace.ContextWithRemoteSpanContext(ctx, remote)
	default:
		options = append(options, trace.WithLinks(trace.Link{SpanContext: remote}))
	}
	ctx, span := t.tracer.Start(ctx, spanName(r.Method, route), options...)
	return ctx, span.SpanContext().TraceID().String()
}

// End is api.Tracer's.
func (t *Tracing) End(ctx context.Context, method string, a api.Answered) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		span.End()
		return
	}
	span.SetName(spanName(method, a.Route))
	span.SetAttributes(attribute.Int("http.response.status_code", a.Status))
	if a.Route != "" {
		span.SetAttributes(attribute.String("http.route", a.Route))
	}
	if o := a.Outcome; o.Door != "" {
		span.SetAttributes(attribute.String("issuer.door", o.Door), attribute.String("issuer.outcome", o.Result), attribute.String("issuer.reason", o.Reason))
	}
	if a.Failed {
		span.SetStatus(failedStatus, "")
	}
	span.End()
}

// remote returns the span that a request says it belongs to. Only traceparent is looked at, which has a fixed form:
// tracestate and baggage are texts of others.
func (t *Tracing) remote(header http.Header) trace.SpanContext {
	values := header.Values(traceparent)
	if !t.propagate || len(values) != 1 {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceparent: values[0]})
	return trace.SpanContextFromContext(ctx)
}

// spanName is what a span of a request is called: few names, whatever callers send.
func spanName(method, route string) string {
	name := methodName(method)
	if name == otherMethod {
		name = "HTTP"
	}
	if route == "" {
		return name
	}
	return name + " " + route
}

const otherMethod = "_OTHER" // as OpenTelemetry calls those that are not listed

func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodConnect,
		http.MethodOptions, http.MethodTrace:
		return method
	}
	return otherMethod
}

// Package telemetry answers: where did a request spend its time, as OpenTelemetry's traces tell it? It alone knows
// OpenTelemetry. A trace begins with a request: what the program does by itself is not traced. What leaves the process
// are names, times and a few attributes that are listed here (see kept); whatever else a library would add, such as the texts of errors,
// stays behind.
package telemetry

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushTime bounds how long a program that ends waits for its last spans to be taken.
const flushTime = 3 * time.Second

// Tracing follows requests. A nil one follows nothing, at the cost of a comparison. All methods may be called concurrently.
type Tracing struct {
	provider  *sdk.TracerProvider
	tracer    trace.Tracer
	propagate bool
}

// Identity says who sends the spans.
type Identity struct{ Version, Instance string }

// Open returns a Tracing for a configuration, nil where that is not on: then nothing is started. It connects to nothing yet.
// report is told when spans cannot be sent, and nil when they can be again. Nothing that the library itself would
// write to standard error appears there: it would repeat the headers of the settings, which are secrets.
//
// The caller has to Close it.
func Open(ctx context.Context, c Config, who Identity, report func(error)) (*Tracing, error) {
	if !c.On() {
		return nil, nil
	}
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(report))
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("open the exporter of traces: %w", plain(err))
	}
	t, err := open(ctx, c, who, &scrubber{to: exporter, report: report})
	if err != nil {
		return nil, fmt.Errorf("describe the service to the receiver of traces: %w", err)
	}
	return t, nil
}

// open is Open with an exporter.
func open(ctx context.Context, c Config, who Identity, exporter sdk.SpanExporter) (*Tracing, error) {
	options := []resource.Option{
		resource.WithAttributes(
			attribute.String("service.name", serviceName), attribute.String("service.version", who.Version),
			attribute.String("service.instance.id", who.Instance),
		),
		resource.WithTelemetrySDK(), resource.WithFromEnv(), // the last one wins
	}
	if c.Service != "" {
		options = append(options, resource.WithAttributes(attribute.String("service.name", c.Service)))
	}
	described, err := resource.New(ctx, options...)
	if described == nil {
		return nil, err
	}
	if err != nil { // an attribute that cannot be read is left out
		otel.Handle(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))
	return &Tracing{provider: provider, tracer: provider.Tracer("github.com/hasura-issuer/hasura-issuer"), propagate: c.Propagate}, nil
}

// Close sends what is left and ends all that runs in the background. It returns after three seconds at most, whatever
// the receiver does; the spans that it has not taken by then are lost.
func (t *Tracing) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what it could not send was reported
}

// Stage begins a span for a part of a request. A request that is not followed has none. The caller ends it.
func (t *Tracing) Stage(ctx context.Context, name string) (context.Context, Span) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, Span{span}
}

// Span is a part of a request that is being followed, or is none.
type Span struct{ span trace.Span }

// End ends it. failed says that the part did not do what it is there for, which a refusal is not.
func (s Span) End(failed bool) {
	if s.span == nil {
		return
	}
	if failed {
		s.span.SetStatus(failedStatus, "")
	}
	s.span.End()
}

// SampledID returns the id of the trace that ctx is in, if spans of it are sent; else it is empty.
func (t *Tracing) SampledID(ctx context.Context) string {
	if t == nil {
		return ""
	}
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		return span.TraceID().String()
	}
	return ""
}

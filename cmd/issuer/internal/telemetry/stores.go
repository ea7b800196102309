package telemetry

import (
	"context"
	"fmt"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// Postgres returns what follows queries that are made for requests, with their statements and without the arguments; nil
// where nothing is traced.
func (t *Tracing) Postgres() pgx.QueryTracer {
	if t == nil {
		return nil
	}
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(within{provider: t.provider}), otelpgx.WithDisableConnectionDetailsInAttributes())
}

// Redis has commands followed that are made for requests, by their names alone: keys and values are somebody's.
func (t *Tracing) Redis(client redis.UniversalClient) error {
	if t == nil {
		return nil
	}
	err := redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(within{provider: t.provider}),
		redisotel.WithDBStatement(false), redisotel.WithCallerEnabled(false), redisotel.WithDialFilter(true))
	if err != nil {
		return fmt.Errorf("trace Redis: %w", err)
	}
	return nil
}

// within makes spans within others only. A library that asks by itself whether its server is there begins no trace.
type within struct {
	embedded.TracerProvider
	provider trace.TracerProvider
}

// Tracer is trace.TracerProvider's.
func (w within) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return withinTracer{tracer: w.provider.Tracer(name, options...)}
}

type withinTracer struct {
	embedded.Tracer
	tracer trace.Tracer
}

// Start is trace.Tracer's.
func (w withinTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, noop.Span{}
	}
	return w.tracer.Start(ctx, name, options...)
}

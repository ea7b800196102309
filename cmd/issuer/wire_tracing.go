package main

import (
	"context"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/telemetry"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// openTracing names this process and has requests followed, where the variables of OpenTelemetry say so.
func (svc *service) openTracing(ctx context.Context) error {
	svc.replica = replicaName()
	config := svc.settings.Tracing
	for _, warning := range config.Warnings {
		svc.log.Warn().Str("part", "tracing").Msg(warning)
	}
	who := telemetry.Identity{Version: thisBuild().Version, Instance: svc.replica}
	tracing, err := telemetry.Open(ctx, config, who, func(err error) {
		svc.report(loop{name: "tracing", trouble: "traces need attention"}, err)
	})
	if err != nil {
		return usageError{err}
	}
	if tracing == nil {
		return nil
	}
	svc.tracing, svc.metrics.traceOf = tracing, tracing.SampledID
	svc.onClose(tracing.Close)
	return nil
}

// tracer is who follows requests; nil for nobody.
func (svc *service) tracer() api.Tracer {
	if svc.tracing == nil { // else the interface would hold one that follows nothing
		return nil
	}
	return svc.tracing
}

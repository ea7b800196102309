package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// The values of ISSUER_AUDIT.
const (
	auditBestEffort = "best_effort"
	auditRequired   = "required"
	auditOff        = "off"
)

// openAudit makes the journal of decisions, where there is a database for it, and opens the file for their log lines, if
// there is to be one.
func (svc *service) openAudit(ctx context.Context, pool *pgxpool.Pool) error {
	if err := svc.openAuditFile(); err != nil {
		return err
	}
	if pool == nil || svc.settings.Audit == auditOff {
		return nil
	}
	required := svc.settings.Audit == auditRequired
	if required {
		if _, _, err := audit.Months(ctx, pool, svc.settings.AuditMonths); errors.Is(err, audit.ErrNoAudit) {
			return usageError{fmt.Errorf("ISSUER_AUDIT is \"required\": %w", err)}
		}
	}
	svc.journal = audit.New(pool, audit.Config{Required: required, Room: svc.records, Replica: svc.replica, Observer: svc.metrics.audit()})
	svc.metrics.watchAudit(svc.journal)
	svc.loops = append(svc.loops,
		loop{"audit", "audit records could not be kept", svc.journal.Run},
		loop{"audit", "the audit's tables need attention", func(ctx context.Context, report func(error)) {
			svc.recordSettings(ctx, pool, report)
			audit.KeepMonths(ctx, pool, svc.settings.AuditMonths, report, svc.monthsChanged)
		}})
	return nil
}

// openAuditFile has the lines of decisions written to a file of their own. It is only ever added to.
func (svc *service) openAuditFile() error {
	if svc.settings.AuditFile == "" {
		return nil
	}
	file, err := os.OpenFile(svc.settings.AuditFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return usageError{fmt.Errorf("ISSUER_AUDIT_FILE: lines cannot be added to %s: %w", shown(svc.settings.AuditFile), pathless(err))}
	}
	svc.onClose(func() { _ = file.Close() })
	own := zerolog.New(svc.gathered(file)).With().Timestamp().Logger()
	svc.exchanges = &own
	return nil
}

// recordSettings leaves a record where this replica runs on other settings than the last one that was started.
func (svc *service) recordSettings(ctx context.Context, pool *pgxpool.Pool, report func(error)) {
	changed, err := audit.RecordSettings(ctx, pool, svc.actor(), svc.settings.recorded)
	switch {
	case err != nil && ctx.Err() == nil:
		report(err)
	case len(changed) > 0:
		svc.log.Info().Strs("changed", changed).Msg("settings differ from those recorded last")
	}
}

func (svc *service) monthsChanged(made, dropped []string) {
	svc.log.Info().Strs("made", made).Strs("dropped", dropped).Msg("months of the audit")
}

// auditMetrics count what becomes of records.
type auditMetrics struct{ records *prometheus.CounterVec }

func (m *metrics) audit() auditMetrics {
	records := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_audit_records_total", Help: "Records of decisions, by what became of them.",
	}, []string{"outcome"})
	m.registry.MustRegister(records)
	for _, outcome := range []string{auditKept, auditLost} {
		records.WithLabelValues(outcome) // shown from the start, so that a rate can be 0
	}
	return auditMetrics{records}
}

const (
	auditKept = "kept"
	auditLost = "lost"
)

// Kept is audit.Observer's.
func (m auditMetrics) Kept(n int) { m.records.WithLabelValues(auditKept).Add(float64(n)) }

// Lost is audit.Observer's.
func (m auditMetrics) Lost(n int) { m.records.WithLabelValues(auditLost).Add(float64(n)) }

func (m *metrics) watchAudit(journal *audit.Journal) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "issuer_audit_waiting", Help: "Records of decisions that are not in the database yet.",
	}, func() float64 { return float64(journal.Waiting()) }))
}

package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/telemetry"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// The stages of an exchange, by their names in metrics and traces.
const (
	stageVerify = "verify" // who is calling
	stageGroups = "groups" // in which groups, where the token leaves that out
	stageRoles  = "roles"  // what may they be
	stagePolicy = "policy" // does the policy agree
	stageSign   = "sign"   // put it in writing
	stageAudit  = "audit"  // keep account, which takes time where a record is required
)

// stage is a part of an exchange whose time is taken, and which is a span where the request is followed.
type stage struct {
	name    string
	seconds prometheus.Observer
	tracing *telemetry.Tracing
}

// stage returns the part of that name, which is shown from now on.
func (svc *service) stage(name string) stage {
	return stage{name, svc.metrics.stages.WithLabelValues(name), svc.tracing}
}

// staged does a part of an exchange. It costs two looks at the clock; didFail says of its error whether the part failed.
func staged[T any](ctx context.Context, s stage, run func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	ctx, span := s.tracing.Stage(ctx, s.name)
	result, err := run(ctx)
	observe(s.seconds, time.Since(began), s.tracing.SampledID(ctx))
	span.End(didFail(err))
	return result, err
}

// didFail tells whether a stage could not do what it is there for. To refuse a token is what it is there for.
func didFail(err error) bool {
	_, refused := errors.AsType[*idp.TokenError](err)
	return err != nil && !refused
}

// observe adds to a histogram, with the trace that shows where the time went, if there is one.
func observe(histogram prometheus.Observer, took time.Duration, traceID string) {
	if with, ok := histogram.(prometheus.ExemplarObserver); ok && traceID != "" {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": traceID})
		return
	}
	histogram.Observe(took.Seconds())
}

// stagedVerifier is issuer.Verifier as a stage.
type stagedVerifier struct {
	issuer.Verifier
	stage stage
}

// Verify is issuer.Verifier's.
func (s stagedVerifier) Verify(ctx context.Context, raw string) (idp.Subject, error) {
	return staged(ctx, s.stage, func(ctx context.Context) (idp.Subject, error) { return s.Verifier.Verify(ctx, raw) })
}

// stagedGroups is issuer.Groups as a stage.
type stagedGroups struct {
	asked issuer.Groups
	stage stage
}

// Groups is issuer.Groups's.
func (s stagedGroups) Groups(ctx context.Context, caller idp.Subject, among []string) ([]string, error) {
	return staged(ctx, s.stage, func(ctx context.Context) ([]string, error) { return s.asked.Groups(ctx, caller, among) })
}

// stagedRoles is issuer.Roles with the question for grants as a stage. Which groups grants name is known to the process.
type stagedRoles struct {
	issuer.Roles
	stage stage
}

// Grants is issuer.Roles's.
func (s stagedRoles) Grants(ctx context.Context, query rolestore.Query) (rolestore.Answer, error) {
	return staged(ctx, s.stage, func(ctx context.Context) (rolestore.Answer, error) { return s.Roles.Grants(ctx, query) })
}

// stagedPolicy is issuer.Policy as a stage.
type stagedPolicy struct {
	issuer.Policy
	stage stage
}

// Decide is issuer.Policy's.
func (s stagedPolicy) Decide(ctx context.Context, in policy.Input) (policy.Verdict, error) {
	return staged(ctx, s.stage, func(ctx context.Context) (policy.Verdict, error) { return s.Policy.Decide(ctx, in) })
}

// stagedSigner is issuer.Signer with the signature as a stage.
type stagedSigner struct {
	issuer.Signer
	stage stage
}

// Sign is issuer.Signer's.
func (s stagedSigner) Sign(ctx context.Context, payload []byte) (jws, kid string, err error) {
	jws, err = staged(ctx, s.stage, func(ctx context.Context) (token string, err error) {
		token, kid, err = s.Signer.Sign(ctx, payload)
		return token, err
	})
	return jws, kid, err
}

// stagedJournal is issuer.Journal with the keeping of a record as a stage.
type stagedJournal struct {
	issuer.Journal
	stage stage
}

// Keep is issuer.Journal's.
func (s stagedJournal) Keep(ctx context.Context, r audit.Record) (audit.Ref, error) {
	return staged(ctx, s.stage, func(ctx context.Context) (audit.Ref, error) { return s.Journal.Keep(ctx, r) })
}

// newExchange makes the pipeline of the parts, with each of them as a stage.
func (svc *service) newExchange(config issuer.Config, verifier issuer.Verifier, signer issuer.Signer) (*issuer.Issuer, error) {
	groups := svc.groups
	if groups != nil {
		groups = stagedGroups{groups, svc.stage(stageGroups)}
	}
	if config.Policy != nil {
		config.Policy = stagedPolicy{config.Policy, svc.stage(stagePolicy)}
	}
	if svc.journal != nil {
		config.Journal = stagedJournal{svc.journal, svc.stage(stageAudit)}
	}
	return issuer.New(config, stagedVerifier{verifier, svc.stage(stageVerify)}, groups,
		stagedRoles{svc.roles, svc.stage(stageRoles)}, stagedSigner{signer, svc.stage(stageSign)})
}

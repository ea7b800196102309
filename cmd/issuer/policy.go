package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/policy/bundle"
)

// policyPart is what the service needs of either kind of policy.
type policyPart interface {
	issuer.Policy
	Health() error
}

// newPolicy returns the policy that the settings name, nil for none. A server is asked nothing yet; around goes around the way
// to it, if it is not nil.
func (s *settings) newPolicy(ctx context.Context, around func(http.RoundTripper) http.RoundTripper) (policyPart, error) {
	switch {
	case s.PolicyDir != "":
		b, err := bundle.Open(ctx, s.PolicyDir, s.PolicyTimeout)
		if err != nil {
			return nil, usageError{fmt.Errorf("ISSUER_POLICY_DIR: %w", err)}
		}
		return b, nil
	case s.PolicyURL != "":
		return policy.NewRemote(policy.RemoteConfig{URL: s.PolicyURL, Token: s.PolicyToken.reveal(), Timeout: s.PolicyTimeout, Around: around}), nil
	}
	return nil, nil
}

func (s *settings) hasPolicy() bool { return s.PolicyDir != "" || s.PolicyURL != "" }

// openPolicy opens the policy that the settings name, if any, and has it watched.
func (svc *service) openPolicy(ctx context.Context) (err error) {
	if svc.policy, err = svc.settings.newPolicy(ctx, svc.tracing.Around("policy")); err != nil {
		return err
	}
	var watch func(context.Context, func(error))
	switch p := svc.policy.(type) {
	case *bundle.Bundle:
		watch = func(ctx context.Context, report func(error)) { p.Run(ctx, report, svc.policyRead) }
	case *policy.Remote:
		watch = p.Run
	default:
		return nil
	}
	svc.loops = append(svc.loops, loop{"policy", "the policy needs attention", watch})
	return nil
}

// policyRead says that another version of the policy is in force.
func (svc *service) policyRead(v bundle.Version) {
	message := "policy read"
	if v.Mended {
		message = "policy read, it works again"
	}
	svc.log.Info().Int("files", v.Files).Str("policy_decision", v.ID).Msg(message)
}

func checkPolicyDir(s settings) error {
	if s.PolicyDir == "" {
		return nil
	}
	_, err := s.newPolicy(context.Background(), nil)
	return err
}

// policy counts how the policy is asked.
func (m *metrics) policy() *prometheus.CounterVec {
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_policy_decisions_total", Help: "Questions to the policy, by how they ended.",
	}, []string{"outcome"})
	m.registry.MustRegister(decisions)
	for _, outcome := range []string{policyAllowed, policyDenied, policyUnavailable} {
		decisions.WithLabelValues(outcome) // shown from the start, so that a rate can be 0
	}
	return decisions
}

const (
	policyAllowed     = "allowed" // perhaps less than was asked for
	policyDenied      = "denied"
	policyUnavailable = "unavailable"
)

// countedPolicy counts what a policy decides.
type countedPolicy struct {
	asked     issuer.Policy
	decisions *prometheus.CounterVec
}

// Decide is issuer.Policy's. A caller who went away first is not counted.
func (c countedPolicy) Decide(ctx context.Context, in policy.Input) (policy.Verdict, error) {
	v, err := c.asked.Decide(ctx, in)
	outcome := policyAllowed
	switch {
	case err != nil && ctx.Err() != nil:
		return v, err
	case err != nil:
		outcome = policyUnavailable
	case !v.Allow:
		outcome = policyDenied
	}
	c.decisions.WithLabelValues(outcome).Inc()
	return v, err
}

package main

import (
	"context"
	"fmt"

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

// openPolicy opens the policy that the settings name, and returns who is asked: nil for nobody. Nothing is asked yet.
func (svc *service) openPolicy() (issuer.Policy, error) {
	const trouble = "the policy needs attention"
	switch s := svc.settings; {
	case s.PolicyDir != "":
		b, err := s.policyBundle()
		if err != nil {
			return nil, usageError{err}
		}
		svc.policy = b
		svc.loops = append(svc.loops, loop{"policy", trouble, func(ctx context.Context, report func(error)) { b.Run(ctx, report, svc.policyRead) }})
	case s.PolicyURL != "":
		remote := s.policyServer()
		svc.policy = remote
		svc.loops = append(svc.loops, loop{"policy", trouble, remote.Run})
	default:
		return nil, nil
	}
	return countedPolicy{svc.policy, svc.metrics.policy()}, nil
}

// policyRead says that another version of the policy is in force.
func (svc *service) policyRead(v bundle.Version) {
	message := "policy read"
	if v.Mended {
		message = "policy read, it works again"
	}
	svc.log.Info().Int("files", v.Files).Str("policy_decision", v.ID).Msg(message)
}

func (s *settings) policyServer() *policy.Remote {
	return policy.NewRemote(policy.RemoteConfig{URL: s.PolicyURL, Token: s.PolicyToken.reveal(), Timeout: s.PolicyTimeout})
}

// policyBundle reads and compiles the policy of the settings.
func (s *settings) policyBundle() (*bundle.Bundle, error) {
	b, err := bundle.Open(s.PolicyDir, s.PolicyTimeout)
	if err != nil {
		return nil, fmt.Errorf("ISSUER_POLICY_DIR: %w", err)
	}
	return b, nil
}

func checkPolicyDir(s settings) error {
	if s.PolicyDir == "" {
		return nil
	}
	_, err := s.policyBundle()
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

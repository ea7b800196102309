package bundle_test

import (
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/policy/bundle"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

func open(t *testing.T, dir string, timeout time.Duration) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(t.Context(), dir, timeout)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPolicyInAFolderDecides(t *testing.T) {
	t.Parallel()
	policytest.Test(t, func(t *testing.T, dir string, timeout time.Duration) policytest.Decider {
		t.Helper()
		return open(t, dir, timeout)
	})
}

// BenchmarkDecide evaluates the largest of the examples.
func BenchmarkDecide(b *testing.B) {
	p, err := bundle.Open(b.Context(), "../../deploy/policy/office-hours", time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Decide(b.Context(), policytest.Input("token")); err != nil {
			b.Fatal(err)
		}
	}
}

package bundle_test

import (
	"os"
	"regexp"
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

// TestTheServerOfTheTestsIsOfTheSameVersion as the engine here: one suite holds both.
func TestTheServerOfTheTestsIsOfTheSameVersion(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`github.com/open-policy-agent/opa (v\S+)`)
	var found []string
	for _, path := range []string{"../../go.mod", "../../deploy/tools/opa/go.mod"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, version.FindStringSubmatch(string(text))[1])
	}
	if found[0] != found[1] {
		t.Errorf("the engine is %s, the server %s", found[0], found[1])
	}
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

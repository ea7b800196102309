package policy_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

const path = "/v1/data/issuer/decision"

// TestAnOPAServerIsAskedOverTLS: OPA's own server, behind TLS as a sidecar would put it.
func TestAnOPAServerIsAskedOverTLS(t *testing.T) {
	t.Parallel()
	servers := map[string]*httptest.Server{} // by the policy
	policytest.Test(t, func(t *testing.T, dir string, timeout time.Duration) policytest.Decider {
		t.Helper()
		if servers[dir] == nil {
			servers[dir] = httptest.NewTLSServer(policytest.Serve(t, dir))
			t.Cleanup(servers[dir].Close)
		}
		return policy.NewRemote(policy.RemoteConfig{
			URL: servers[dir].URL + path, Timeout: timeout, Transport: servers[dir].Client().Transport,
		})
	})
}

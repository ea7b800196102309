package rolecache_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// fiveRoles is a store that gives everybody five roles, with session variables.
type fiveRoles struct{ saying }

func (s fiveRoles) Look(_ context.Context, q rolestore.Query) (rolestore.Answer, rolestore.Revision, error) {
	var a rolestore.Answer
	for n := range 5 {
		a.Grants = append(a.Grants, rolestore.Grant{
			Tenant: q.TenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: q.ObjectID}, Role: fmt.Sprint("role_", n),
			Session: map[string]rolestore.Value{"x-hasura-org-id": rolestore.Text("42"), "x-hasura-regions": rolestore.List("eu", "us")}, Reason: "INC-4711",
		})
	}
	return a, rolestore.Revision{}, nil
}

// BenchmarkMemory tells what a hundred thousand callers take who are remembered, with five roles each, and what one who
// is remembered costs.
func BenchmarkMemory(b *testing.B) {
	const callers = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	c := rolecache.New(rolecache.Config{Store: fiveRoles{}, TTL: ttl, Stale: stale, Callers: callers})
	for n := range callers {
		if _, err := c.Grants(b.Context(), caller(n)); err != nil {
			b.Fatal(err)
		}
	}
	held := heap() - before
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := c.Grants(b.Context(), caller(n%callers)); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(held)/(1<<20), "MiB")
	runtime.KeepAlive(c)
}

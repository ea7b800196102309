package rolestore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// benchTenant is the one tenant of benchmarks. Its grants name a thousand groups, those with the ids 0 to 999.
const benchTenant, namedInBench = "7f2d6c1e-0000-4000-8000-000000000001", 1000

// seed fills a database with this many grants, one to each group and three to each user. No history is kept of them.
func seed(b *testing.B, pool *pgxpool.Pool, grants int) {
	b.Helper()
	exec := func(sql string, args ...any) {
		if _, err := pool.Exec(b.Context(), sql, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec(`ALTER TABLE issuer.grants DISABLE TRIGGER USER`)
	const chunk = 500_000
	for from := 0; from < grants; from += chunk {
		exec(`INSERT INTO issuer.grants (tenant, principal_kind, principal, role, created_by)
			SELECT $3::uuid, CASE WHEN n < $4 THEN 'group' ELSE 'user' END, '00000000-0000-4000-8000-' || lpad(to_hex(CASE WHEN n < $4 THEN n ELSE n / 3 END), 12, '0'),
				'role_' || n % 3, 'a benchmark' FROM generate_series($1::int, $2::int) AS n`, from, min(grants, from+chunk)-1, benchTenant, min(namedInBench, grants/10))
	}
	exec(`VACUUM ANALYZE issuer.grants`)
}

func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

// asker returns a random caller of a table with this many grants, in some groups, five of which grants name.
func asker(grants, groups int) rolestore.Query {
	q := rolestore.Query{TenantID: benchTenant, ObjectID: id(rand.IntN(grants / 3))}
	for n := range groups {
		if n < 5 {
			q.Groups = append(q.Groups, id(rand.IntN(min(namedInBench, grants/10))))
		} else {
			q.Groups = append(q.Groups, id(rand.IntN(1<<40)+namedInBench))
		}
	}
	return q
}

// BenchmarkLookup is what a caller costs who is not remembered: by the size of the table, and by the number of groups
// that the question names. p99 is that of one caller after the other.
//
//	go test ./rolestore -run '^$' -bench Lookup -benchtime 5000x
func BenchmarkLookup(b *testing.B) {
	for _, grants := range []int{1_000, 100_000, 10_000_000} {
		b.Run(fmt.Sprintf("grants=%d", grants), func(b *testing.B) {
			if grants > 1_000_000 && testing.Short() {
				b.Skip("ten million rows take a minute to write")
			}
			pool, err := database.Open(b.Context(), pgtest.New(b))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(pool.Close)
			seed(b, pool, grants)
			store := rolestore.NewPostgres(pool, rolestore.Rules{})
			cache := rolecache.New(rolecache.Config{Store: store, TTL: time.Minute, Stale: time.Minute}) // remembers which groups matter, and no caller
			ctx, cancel := context.WithCancel(b.Context())
			b.Cleanup(cancel)
			go cache.Run(ctx, func(err error) { b.Error(err) })
			for _, groups := range []int{5, 200} {
				b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) { look(b, cache.Grants, grants, groups) })
			}
			b.Run("groups=200,all-asked-about", func(b *testing.B) { look(b, store.Grants, grants, 200) })
		})
	}
}

func look(b *testing.B, ask func(context.Context, rolestore.Query) (rolestore.Answer, error), grants, groups int) {
	b.Helper()
	took := make([]time.Duration, 0, b.N)
	for range 200 { // so that what all callers need is in memory
		_, _ = ask(b.Context(), asker(grants, groups))
	}
	b.ResetTimer()
	for range b.N {
		q := asker(grants, groups)
		began := time.Now()
		if _, err := ask(b.Context(), q); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
}

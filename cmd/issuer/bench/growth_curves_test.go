package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const (
	fewRemembered = "100" // tokens, so that
	shown         = 300   // of these in turn each is new when it comes again
	usualGroups   = 8
	groupsAtMost  = 200  // that Entra puts in a token
	tenantsAtMost = 1000 // that may call
)

// curve is about one thing that grows.
type curve struct {
	name   string
	points func(*testing.B) []*point
}

func curves() []curve {
	return []curve{
		{"tenants", tenants},
		{"tenants-granted", tenantsGranted},
		{"principals", principals},
		{"roles", roles},
		{"groups", groups},
		{"keys", keys},
		{"gomaxprocs", processors},
	}
}

func newGrowing(b *testing.B, directories ...string) *world {
	b.Helper()
	w := newWorld(b, directories...)
	w.settings = append(w.settings, "ISSUER_ENTRA_TOKEN_CACHE="+fewRemembered, "ISSUER_TOKEN_CACHE="+fewRemembered)
	return w
}

// exchanging is the program under exchanges of these tokens.
func (w *world) exchanging(p *proctest.Program, path string, tokens []string) *target {
	w.Helper()
	t := &target{pid: p.Cmd.Process.Pid, address: strings.TrimPrefix(p.Base, "http://")}
	for _, token := range tokens {
		t.requests = append(t.requests, w.exchangeOf(path, token))
	}
	return t
}

const tokenPath = "/oauth2/token"

// directory is the id of the nth one of Entra's. The first is where the personas live.
func directory(n int) string {
	if n == 0 {
		return faketenant.TenantID
	}
	return fmt.Sprintf("22222222-0000-4000-8000-%012x", n)
}

// tenants lets callers of that many tenants in, each of which asks.
func tenants(b *testing.B) []*point {
	b.Helper()
	directories := make([]string, tenantsAtMost)
	for n := range directories {
		directories[n] = directory(n)
	}
	w := newGrowing(b, directories...)
	w.exec(w.database, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) SELECT id::uuid, 'user', $2, 'editor' FROM unnest($1::text[]) AS id`,
		directories[1:], person(0))
	var points []*point
	for _, n := range counts(tenantsAtMost, 1, 10, 100) {
		tokens := make([]string, max(n, shown))
		for i := range tokens {
			tokens[i] = w.token(directories[i%n], person(0), i, usualGroups)
		}
		p := w.serve("ISSUER_ENTRA_TENANTS="+strings.Join(directories[:n], ","), "ISSUER_ADMIN_TENANTS="+faketenant.TenantID)
		t := w.exchanging(p, tokenPath, tokens)
		t.awaitAll(b)
		points = append(points, &point{line: "callers of all of them", n: n, target: t})
	}
	return points
}

// awaitAll returns once every request was answered well: a program is ready before it has the keys of very many tenants.
func (t *target) awaitAll(b *testing.B) {
	b.Helper()
	answered := 0
	proctest.Await(b, "callers of all tenants are let in", func() bool {
		client := dial(b, t.address)
		defer client.conn.Close()
		for answered < len(t.requests) && client.ask(t.requests[answered]) == nil {
			answered++
		}
		return answered == len(t.requests)
	})
}

// tenantsGranted has grants in that many tenants, of which one may call. Postgres is asked each time.
func tenantsGranted(b *testing.B) []*point {
	b.Helper()
	var points []*point
	for _, n := range counts(10_000, 1, 100) {
		w := newGrowing(b)
		w.exec(w.database, `ALTER TABLE issuer.grants DISABLE TRIGGER USER`)
		w.exec(w.database, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, created_by)
			SELECT ('22222222-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, kind, $2, 'reader', 'a benchmark'
			FROM generate_series(1, $1::int - 1) AS n, unnest(ARRAY['user', 'group']) AS kind`, n, person(0))
		w.exec(w.database, `VACUUM ANALYZE issuer.grants`)
		p := w.serve("ISSUER_ROLES_CACHE=0")
		points = append(points, &point{line: "asked each time", n: n, target: w.exchanging(p, tokenPath, w.tokens(shown, usualGroups)), database: w.database})
	}
	return points
}

// principals has grants of that many users of one tenant, and callers from all over them.
func principals(b *testing.B) []*point {
	b.Helper()
	var points []*point
	for _, n := range counts(1_000_000, 1, 1000, 100_000) {
		w := newGrowing(b)
		w.exec(w.database, `ALTER TABLE issuer.grants DISABLE TRIGGER USER`)
		w.exec(w.database, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, created_by)
			SELECT $1::uuid, 'user', '33333333-0000-4000-8000-' || lpad(to_hex(n), 12, '0'), 'editor', 'a benchmark' FROM generate_series(0, $2::int - 1) AS n`,
			faketenant.TenantID, n)
		w.exec(w.database, `VACUUM ANALYZE issuer.grants`)
		tokens := make([]string, shown)
		for i := range tokens {
			who := fmt.Sprintf("33333333-0000-4000-8000-%012x", i*n/shown)
			tokens[i] = w.token(faketenant.TenantID, who, i, usualGroups)
		}
		points = append(points,
			&point{line: "remembered", n: n, target: w.exchanging(w.serve(), tokenPath, tokens)},
			&point{line: "asked each time", n: n, target: w.exchanging(w.serve("ISSUER_ROLES_CACHE=0"), tokenPath, tokens), database: w.database})
	}
	return points
}

// groups puts that many groups into each token, beside what the least costs that reads such a token.
func groups(b *testing.B) []*point {
	b.Helper()
	w := newGrowing(b)
	ours := w.serve()
	floor := w.reference(nil)
	var points []*point
	for _, n := range counts(groupsAtMost, 0, 8, 50, 100) {
		tokens := w.tokens(shown, n)
		points = append(points,
			&point{line: "the issuer", n: n, target: w.exchanging(ours, tokenPath, tokens)},
			&point{line: "the floor", n: n, target: w.exchanging(floor, "/exchange", tokens)})
	}
	return points
}

// keys has that many in Entra's key set: a program keeps those that it found when it began.
func keys(b *testing.B) []*point {
	b.Helper()
	w := newGrowing(b)
	tokens := w.tokens(shown, usualGroups) // by the key that is published from the first to the last
	for _, other := range []faketenant.Key{faketenant.KeySecond, faketenant.KeyConsumer, faketenant.KeyOtherCloud} {
		w.tenant.Withdraw(other)
	}
	published := 1
	var points []*point
	for _, n := range counts(64, 1, 4, 16) {
		for ; published < n; published++ {
			w.tenant.Rotate()
		}
		points = append(points, &point{line: "in Entra's set", n: n, target: w.exchanging(w.serve(), tokenPath, tokens)})
	}
	return points
}

// processors are those that the program may use at a time.
func processors(b *testing.B) []*point {
	b.Helper()
	w := newGrowing(b)
	tokens := w.tokens(shown, usualGroups)
	var points []*point
	for _, n := range []int{1, 2} {
		points = append(points, &point{line: "GOMAXPROCS", n: n, target: w.exchanging(w.serve(fmt.Sprintf("GOMAXPROCS=%d", n)), tokenPath, tokens)})
	}
	return points
}

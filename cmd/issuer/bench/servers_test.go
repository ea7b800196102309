package bench

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestMain(m *testing.M) {
	m.Run()
	if err := proctest.Clean(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// path is one kind of request: to the program, and to the server of the floor that it is held against.
type path struct {
	name    string
	ours    *target
	against *target
	most    float64 // times the processor time of against, as performance goals have it; 0: there is none
	steady  bool    // also at a steady rate
	proof   proof
}

// BenchmarkServers measures each path in turn with its floor, round by round, and prints the medians of what came of it.
func BenchmarkServers(b *testing.B) {
	o := optionsFrom(b)
	w := newWorld(b)
	paths := slices.DeleteFunc(w.paths(), func(p path) bool { return !strings.Contains(p.name, o.only) })
	warmUp(b, paths)
	for _, p := range paths {
		p.prove(b)
	}
	var results results
	for round := range o.rounds {
		for _, p := range paths {
			for _, connections := range []int{1, busy} {
				first, second := p.ours, p.against
				if round%2 == 1 { // whoever comes first may find the machine cooler
					first, second = second, first
				}
				one, other := first.closed(b, connections, o.span), second.closed(b, connections, o.span)
				if first != p.ours {
					one, other = other, one
				}
				results.add(p, connections, one, other)
			}
		}
	}
	for _, p := range paths {
		if p.steady {
			results.addSteady(p, p.ours.open(b, 2*busy, steadyShare*results.capacity(p), time.Duration(o.rounds)*o.span))
		}
	}
	results.print(b, o.out)
}

const (
	busy        = 32  // connections that keep a server busy
	steadyShare = 0.7 // of what a server can do, at which users should not have to wait
)

// options are what the environment may say of a run.
type options struct {
	rounds int
	span   time.Duration // of one measurement
	out    string        // the file to end in; empty: none
	only   string        // measure the paths with this in their names; empty: all
}

func optionsFrom(b *testing.B) options {
	b.Helper()
	span, err := time.ParseDuration(cmp.Or(os.Getenv("BENCH_SPAN"), "1s"))
	if err != nil || span < 100*time.Millisecond {
		b.Fatalf("BENCH_SPAN is %q; it wants a duration of 100ms or more, such as 1s", os.Getenv("BENCH_SPAN"))
	}
	rounds := 7
	if text := os.Getenv("BENCH_ROUNDS"); text != "" {
		if _, err := fmt.Sscanf(text, "%d", &rounds); err != nil || rounds < 1 {
			b.Fatalf("BENCH_ROUNDS is %q; it wants a number of 1 or more", text)
		}
	}
	return options{rounds, span, os.Getenv("BENCH_OUT"), os.Getenv("BENCH_ONLY")}
}

// warmUp asks everything once, so that nobody pays for connections, prepared statements and callers seen for the first time.
func warmUp(b *testing.B, paths []path) {
	b.Helper()
	for _, p := range paths {
		for _, t := range []*target{p.ours, p.against} {
			t.closed(b, busy, 300*time.Millisecond)
		}
	}
}

// paths starts the servers.
func (w *world) paths() []path {
	ours, asking := w.serve(), w.serve("ISSUER_ROLES_CACHE=0")
	floor := w.reference(w.fetch(ours.Base + "/.well-known/jwks.json"))
	at := func(p *proctest.Program, requests ...[]byte) *target {
		return &target{pid: p.Cmd.Process.Pid, address: strings.TrimPrefix(p.Base, "http://"), admin: p.Admin, requests: requests}
	}
	exchanges := func(path string, tokens []string) (requests [][]byte) {
		for _, token := range tokens {
			requests = append(requests, w.exchangeOf(path, token))
		}
		return requests
	}
	asks := func(path string, tokens []string) (requests [][]byte) {
		for _, token := range tokens {
			requests = append(requests, raw(w.B, http.MethodGet, path, http.Header{"Authorization": {"Bearer " + token}}, ""))
		}
		return requests
	}
	small, large := w.tokens(firstSight, 8), w.tokens(firstSight, 200)
	known := small[:64]
	const exchange, token = "/exchange", "/oauth2/token"
	get := func(path string) []byte { return raw(w.B, http.MethodGet, path, http.Header{}, "") }
	byQuery := raw(w.B, http.MethodGet, "/query", http.Header{"X-Tenant": {faketenant.TenantID}, "X-Object": {person(1)}}, "")
	unseen, seen := proof{minted, minted, "verified_tokens", false}, proof{minted, minted, "verified_tokens", true}
	asked := proof{minted, acting, "verified_tokens", false}
	decided := proof{acting, acting, "decisions", true}
	handedOut := proof{"authorization: bearer ey", acting, "decisions", true}
	return []path{
		{"exchange/first-sight", at(ours, exchanges(token, small)...), at(floor, exchanges(exchange, small)...), 1.15, true, unseen},
		{"exchange/200-groups", at(ours, exchanges(token, large)...), at(floor, exchanges(exchange, large)...), 1.15, false, unseen},
		{"exchange/roles-from-postgres", at(asking, exchanges(token, small)...), at(floor, byQuery), 0, false, asked},
		{"exchange/seen-before", at(ours, exchanges(token, known)...), at(floor, exchanges(exchange, known)...), 0.60, false, seen},
		{"webhook/known", at(ours, asks("/hasura/webhook", known)...), at(floor, asks("/json", known)...), 1.5, false, decided},
		{"forward-auth/known", at(ours, asks("/forward-auth", known)...), at(floor, asks("/json", known)...), 1.5, false, handedOut},
		{"jwks", at(ours, get("/.well-known/jwks.json")), at(floor, get("/bytes")), 1.10, false, proof{says: `"keys":[{`, againstSays: `"keys":[{`}},
	}
}

func (w *world) fetch(url string) []byte {
	w.Helper()
	r, err := http.Get(url)
	if err != nil {
		w.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		w.Fatalf("%s: %d %v", url, r.StatusCode, err)
	}
	return body
}

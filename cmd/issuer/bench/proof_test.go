package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"
)

// proof is what shows that a path is what its name says.
type proof struct {
	says, againstSays string // what the answers of both sides hold, header or body, in small letters
	cache             string // the memory of the program that is asked for each request; empty: none
	knows             bool   // and it knows the answer; else it never does
}

// The answers to an exchange and to a webhook.
const minted, acting = `"access_token":"ey`, `x-hasura-role`

// prove fails the benchmark if an answer is not of the path's kind, or the program remembers what should be new to it.
func (p path) prove(b *testing.B) {
	b.Helper()
	p.ours.wantAnswer(b, p.proof.says)
	p.against.wantAnswer(b, p.proof.againstSays)
	if p.proof.cache == "" {
		return
	}
	if p.proof.knows { // each was asked since others pushed it out
		for range p.ours.requests {
			p.ours.wantAnswer(b, p.proof.says)
		}
	}
	hits, misses := p.ours.counted(b, p.proof.cache, "hit"), p.ours.counted(b, p.proof.cache, "miss")
	asked := p.ours.closed(b, busy, 100*time.Millisecond).requests
	hits, misses = p.ours.counted(b, p.proof.cache, "hit")-hits, p.ours.counted(b, p.proof.cache, "miss")-misses
	if hits+misses != asked || p.proof.knows && misses > 0 || !p.proof.knows && hits > 0 {
		b.Fatalf("%s: %d requests were %d hits and %d misses of %s", p.name, asked, hits, misses, p.proof.cache)
	}
}

// wantAnswer sends the next request and wants 200 and that in the answer.
func (t *target) wantAnswer(b *testing.B, says string) {
	b.Helper()
	c := dial(b, t.address)
	defer c.conn.Close()
	if _, err := c.conn.Write(t.request()); err != nil {
		b.Fatal(err)
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := httputil.DumpResponse(response, true)
	if err != nil || response.StatusCode != http.StatusOK || !bytes.Contains(bytes.ToLower(answer), []byte(says)) {
		b.Fatalf("%s: status %d without %q: %v", t.address, response.StatusCode, says, err)
	}
}

// counted is how often a memory of the program knew something, or did not, as its metrics say.
func (t *target) counted(b *testing.B, cache, result string) int {
	b.Helper()
	response, err := http.Get(t.admin + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	series := fmt.Sprintf("\nissuer_cache_requests_total{cache=%q,result=%q} ", cache, result)
	var count float64
	if _, after, found := strings.Cut(string(metrics), series); !found {
		b.Fatalf("the metrics have no %s", series)
	} else if _, err := fmt.Sscan(after, &count); err != nil {
		b.Fatal(err)
	}
	return int(count)
}

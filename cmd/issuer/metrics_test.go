package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// families are the metrics of ours that a page shows, with their labels.
func families(page string) map[string][]string {
	found := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (issuer_[a-z_]+) ([a-z]+)$`).FindAllStringSubmatch(page, -1) {
		suffix := map[string]string{"histogram": "_count"}[m[2]]
		found[m[1]+" "+m[2]] = []string{}
		for _, series := range regexp.MustCompile(`(?m)^`+m[1]+suffix+`\{([^}]*)\} `).FindAllStringSubmatch(page, -1) {
			for _, label := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(series[1], -1) {
				if !slices.Contains(found[m[1]+" "+m[2]], label[1]) {
					found[m[1]+" "+m[2]] = append(found[m[1]+" "+m[2]], label[1])
				}
			}
		}
		slices.Sort(found[m[1]+" "+m[2]])
	}
	return found
}

// TestTheDocumentListsEveryMetric keeps the table and what a service shows that uses everything in step: names, kinds and labels.
func TestTheDocumentListsEveryMetric(t *testing.T) {
	t.Parallel()
	w := watch(t, "ISSUER_INSECURE_COMPAT=true")
	w.exchange(t, personaToken(t, w.fleet.tenant, "crowded"))
	_, page := get(t, w.admin+"/metrics")
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(issuer_[a-z_]+)(?:\\{([a-z_,]+)\\})?` \\| (counter|gauge|histogram) \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		labels := strings.FieldsFunc(row[2], func(r rune) bool { return r == ',' })
		slices.Sort(labels)
		documented[row[1]+" "+row[3]] = labels
	}
	if diff := cmp.Diff(families(string(page)), documented); diff != "" {
		t.Errorf("metrics (-shown +documented):\n%s", diff)
	}
	if len(documented) < 30 {
		t.Errorf("only %d rows were found", len(documented))
	}
}

// series are the names and labels of all that a page shows of ours.
func series(page string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "issuer_") {
			found[line[:strings.LastIndexByte(line, ' ')]] = true
		}
	}
	return found
}

// hostile are values that somebody may send anywhere: other ones for each n.
func hostile(n int) []string {
	return []string{
		fmt.Sprintf("value-%d", n), fmt.Sprintf("7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f%03d", n), fmt.Sprintf("%d\"} 1", n), fmt.Sprintf("tokén-%d", n),
		strings.Repeat("x", 200+n),
	}
}

// storm sends hostile values through every door, at every place that a caller fills in.
func (w *watched) storm(t *testing.T, n int) {
	t.Helper()
	good := personaToken(t, w.fleet.tenant, "editor")
	do := func(method, url string, header http.Header, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	for i, value := range hostile(n) {
		escaped := url.QueryEscape(value)
		header := func(token string) http.Header {
			return http.Header{
				"Authorization": {"Bearer " + token}, "X-Hasura-Role": {value}, "X-Request-Id": {value}, "User-Agent": {value},
				"Traceparent": {"00-" + callersTrace + "-" + callersParent + "-01", value}, "X-Forwarded-For": {value}, "Content-Type": {"application/json"},
			}
		}
		for _, token := range []string{good, value, good[:len(good)-6] + fmt.Sprintf("%06d", n*10+i)} {
			do(http.MethodGet, w.base+"/forward-auth?x="+escaped, header(token), "")
			do(fmt.Sprintf("M%d", n*10+i), w.base+"/forward-auth", header(token), "")
			do(http.MethodGet, w.base+"/hasura/webhook", header(token), "")
			do(http.MethodPost, w.base+"/hasura/webhook", header(""), fmt.Sprintf(`{"headers":{"Authorization":%q,"X-Hasura-Role":%q}}`, "Bearer "+token, value))
			do(http.MethodPost, w.base+"/v1/authenticate", header(""), fmt.Sprintf(`{"headers":{"Authorization":%q},"request":{"query":%q}}`, "Bearer "+token, value))
			for _, name := range []string{"scope", "audience", "grant_type", "subject_token_type", "requested_token_type", "field-" + escaped} {
				w.exchange(t, token, name, value)
			}
		}
		do(http.MethodGet, w.base+"/.well-known/jwks.json?rp="+escaped, header(""), "")
		do(http.MethodGet, w.base+"/"+escaped, header(""), "")
		do(http.MethodPut, w.admin+"/v1/roles", header(""), fmt.Sprintf(`{"id":%q}`, value))
		do(http.MethodGet, w.admin+"/admin/v1/grants/"+escaped, header(value), "")
		do(http.MethodGet, w.admin+"/metrics?name="+escaped, header(value), "")
	}
}

// TestNoCallerMakesASeries: once every kind of fault was seen, others of the kind add nothing.
func TestNoCallerMakesASeries(t *testing.T) {
	t.Parallel()
	w := watch(t, "ISSUER_INSECURE_COMPAT=true", "ISSUER_RATE_LIMIT_IP=0", "ISSUER_RATE_LIMIT_FAILURES=0", "ISSUER_RATE_LIMIT_SUBJECT=0")
	w.storm(t, 1)
	_, first := get(t, w.admin+"/metrics")
	w.storm(t, 2)
	w.storm(t, 3)
	_, last := get(t, w.admin+"/metrics")
	before, after := series(string(first)), series(string(last))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))); diff != "" {
		t.Errorf("series were added:\n%s", diff)
	}
	if len(before) < 100 || len(before) > 1000 {
		t.Errorf("%d series", len(before))
	}
	for name := range after {
		for _, value := range append(hostile(3), "2a64c0b8f", "M3") {
			if strings.Contains(name, value) {
				t.Errorf("%s holds %q", name, value)
			}
		}
	}
	for _, door := range []string{"token", "webhook", "forward_auth", "authenticate"} {
		if !strings.Contains(string(last), `issuer_exchange_duration_seconds_count{door="`+door+`",outcome="refused"}`) {
			t.Errorf("nothing was refused by the door %s", door)
		}
	}
}

// TestWhatIsDependedOnIsUpOrNot, each by itself.
func TestWhatIsDependedOnIsUpOrNot(t *testing.T) {
	t.Parallel()
	w := watch(t)
	if got := w.exchange(t, personaToken(t, w.fleet.tenant, "crowded")); got.Status != http.StatusOK {
		t.Fatalf("%d %q", got.Status, got.Reason)
	}
	up := func(down ...string) {
		t.Helper()
		for _, name := range []string{"entra", "graph", "policy", "postgres", "redis"} {
			want := "1"
			if slices.Contains(down, name) {
				want = "0"
			}
			w.awaitMetric(t, `issuer_dependency_up{dependency="`+name+`"} `+want)
		}
	}
	up()
	w.fleet.redis.Stop()
	up("redis")
	w.postgres.Stop()
	up("redis", "postgres")
	w.postgres.Restart()
	w.fleet.redis.Restart()
	up()
}

// awaitMetric scrapes until a line is there.
func (s served) awaitMetric(t *testing.T, line string) {
	t.Helper()
	(&served{base: s.admin}).await(t, "/metrics", func(_ int, page string) bool { return strings.Contains(page, "\n"+line+"\n") })
}

// TestPostgresIsUpWhenItSaysNo: only one that does not answer is down.
func TestPostgresIsUpWhenItSaysNo(t *testing.T) {
	t.Parallel()
	for want, errs := range map[bool][]error{
		true: {
			&net.OpError{Op: "dial", Err: os.ErrNotExist}, context.DeadlineExceeded, io.ErrUnexpectedEOF, &pgconn.PgError{Code: "57P01"},
			&pgconn.PgError{Code: "53300"}, &pgconn.ConnectError{},
		},
		false: {nil, &pgconn.PgError{Code: "42P01"}, &pgconn.PgError{}, fmt.Errorf("no next key is published")},
	} {
		for _, err := range errs {
			if err != nil {
				err = fmt.Errorf("look up roles: %w", err)
			}
			if got := unanswered(err); got != want {
				t.Errorf("%v: %v", err, got)
			}
		}
	}
}

// TestEachCacheTellsOfItsUse, by a caller who comes twice.
func TestEachCacheTellsOfItsUse(t *testing.T) {
	t.Parallel()
	w := watch(t)
	token := personaToken(t, w.fleet.tenant, "crowded")
	for range 2 {
		if got := w.forwardAuth(t, token); got.status != http.StatusOK {
			t.Fatalf("%d %q", got.status, got.reason)
		}
	}
	for _, cache := range []string{"verified_tokens", "decisions", "roles", "groups"} {
		for _, line := range []string{
			`issuer_cache_requests_total{cache="` + cache + `",result="hit"} 1`, `issuer_cache_requests_total{cache="` + cache + `",result="miss"} 1`,
			`issuer_cache_entries{cache="` + cache + `"} 1`,
		} {
			wantMetric(t, w.served, line)
		}
	}
}

// TestEveryStageIsTimed, once for each exchange that comes to it.
func TestEveryStageIsTimed(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.exchange(t, personaToken(t, w.fleet.tenant, "crowded"))
	w.exchange(t, personaToken(t, w.fleet.tenant, "editor"))
	w.exchange(t, "no token")
	for stage, times := range map[string]int{stageVerify: 3, stageGroups: 1, stageRoles: 2, stagePolicy: 2, stageSign: 2} {
		wantMetric(t, w.served, fmt.Sprintf(`issuer_exchange_stage_duration_seconds_count{stage=%q} %d`, stage, times))
	}
	wantMetric(t, w.served, `issuer_exchange_duration_seconds_count{door="token",outcome="granted"} 2`)
	wantMetric(t, w.served, `issuer_exchange_duration_seconds_count{door="token",outcome="refused"} 1`)
	b := thisBuild()
	wantMetric(t, w.served, fmt.Sprintf(`issuer_build_info{commit=%q,go_version=%q,version=%q} 1`, b.Commit, b.Go, b.Version))
	w.wantExemplars(t)
}

// wantExemplars wants traces in the histograms, for who asks for OpenMetrics.
func (w *watched) wantExemplars(t *testing.T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.admin+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	w.end()
	for histogram, name := range map[string]string{
		`issuer_exchange_stage_duration_seconds_bucket\{stage="groups",`: "groups", `issuer_exchange_duration_seconds_bucket\{door="token",outcome="granted",`: "POST /oauth2/token",
	} {
		m := regexp.MustCompile(`(?m)^` + histogram + `le="[^"]+"\} [0-9]+ # \{trace_id="([0-9a-f]{32})"\}`).FindStringSubmatch(string(page))
		if m == nil || !slices.ContainsFunc(w.receiver.received(), func(s span) bool { return s.trace() == m[1] && s.GetName() == name }) {
			t.Errorf("%s names no trace that was sent: %q", histogram, m)
		}
	}
}

// TestARefusedTokenIsNoFailureOfItsStage, but one that could not be judged is.
func TestARefusedTokenIsNoFailureOfItsStage(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		nil: false, &idp.TokenError{Reason: idp.ReasonTokenExpired, Err: io.EOF}: false, idp.ErrUnavailable: true, context.Canceled: true,
	} {
		if got := didFail(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

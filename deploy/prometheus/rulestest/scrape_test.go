package rulestest

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
)

// program is the one that TEST_BINARY names, or else built into dir. The flags are those of `make build`, whose objects are then at hand.
func program(t *testing.T, dir string) string {
	t.Helper()
	if given := os.Getenv("TEST_BINARY"); given != "" {
		return given
	}
	path := filepath.Join(dir, "issuer")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/issuer")
	build.Dir, build.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return path
}

// runIssuer runs the program with nothing around it. It returns the address for operators, and what ends it.
func runIssuer(t *testing.T) (address string, stop func()) {
	t.Helper()
	dir := t.TempDir()
	roles := filepath.Join(dir, "roles.yaml")
	if err := os.WriteFile(roles, []byte("grants: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), program(t, dir), "serve")
	run.Env = []string{
		"ISSUER_URL=https://issuer.example", "ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ADMIN_LISTEN=127.0.0.1:0", "ISSUER_DRAIN_DELAY=0s",
		"ISSUER_ENTRA_AUTHORITY=http://127.0.0.1:1", "ISSUER_ENTRA_TENANTS=7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901", "ISSUER_ENTRA_AUDIENCES=api://issuer",
		"ISSUER_ROLES_FILE=" + roles, "ISSUER_KEYS_FILE=" + filepath.Join(dir, "keys.json"),
	}
	log, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = run.Process.Kill()
			_ = run.Wait()
		}
	}
	t.Cleanup(stop)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var line struct {
			Address string `json:"admin_address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Address != "" {
			return line.Address, stop
		}
		t.Log(lines.Text())
	}
	t.Fatal("it never listened")
	return "", nil
}

// scraped starts Prometheus' scraping of a target into a database of its own.
func scraped(t *testing.T, address string) *tsdb.DB {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	settings, err := config.Load("scrape_configs: [{job_name: hasura-issuer, scrape_interval: 50ms, scrape_timeout: 50ms}]", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	manager, err := scrape.NewManager(&scrape.Options{DiscoveryReloadInterval: model.Duration(10 * time.Millisecond)}, slog.New(slog.DiscardHandler), nil, nil, db, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.ApplyConfig(settings); err != nil {
		t.Fatal(err)
	}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- map[string][]*targetgroup.Group{"hasura-issuer": {{Source: "test", Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(address)}}}}}
	go func() { _ = manager.Run(targets) }()
	t.Cleanup(manager.Stop)
	return db
}

// TestAReplicaThatIsGoneIsSeenByPrometheusItself: the metric of these alerts is Prometheus' own, of the program that runs and then does not.
func TestAReplicaThatIsGoneIsSeenByPrometheusItself(t *testing.T) {
	t.Parallel()
	address, stop := runIssuer(t)
	db, prom := scraped(t, address), engine.NewEngine(engine.EngineOpts{MaxSamples: 100_000, Timeout: time.Minute, Parser: promql})
	count := func(expr string) int {
		t.Helper()
		query, err := prom.NewInstantQuery(t.Context(), db, nil, expr, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer query.Close()
		vector, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatal(err)
		}
		return len(vector)
	}
	await := func(expr string) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for count(expr) == 0 {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("%s never held", expr)
			}
		}
	}
	const runs = `up{job="hasura-issuer"} == 1 and on (instance) issuer_build_info{job="hasura-issuer"}`
	await(runs)
	both := []string{"IssuerAbsent", "IssuerDown"}
	all := alerts(t)
	for _, name := range both {
		if count(all[name].Expr) != 0 {
			t.Errorf("%s fires while the program runs", name)
		}
	}
	stop()
	for _, name := range both {
		await(all[name].Expr)
	}
}

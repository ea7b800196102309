package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// awaitReason exchanges a token until it ends with a reason, "" for success.
func (s served) awaitReason(t *testing.T, token, reason string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := s.exchange(t, token)
		if got.Reason == reason {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%d %q, want %q", got.Status, got.Reason, reason)
		}
	}
}

func TestABlockReachesEveryReplicaThatKnowsTheCaller(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_REDIS_URL="+redistest.Start(t).URL(),
		"ISSUER_ROLES_TTL=5m", "ISSUER_ROLES_STALE=5m") // so that only a notification ends what is in memory
	replicas := []served{serve(t, settings), serve(t, settings)}
	token := personaToken(t, tenant, "editor")
	for _, s := range replicas {
		for range 2 {
			if got := s.exchange(t, token); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Reason)
			}
		}
		wantMetric(t, s, `issuer_role_answers_total{source="hit"} 1`)
	}
	editor := personaObject(t, tenant, "editor")
	for _, step := range []struct {
		args   []string
		reason string
	}{
		{[]string{"roles", "block", "--user", editor, "--reason", "left"}, "blocked"},
		{[]string{"roles", "unblock", "--user", editor, "--yes"}, ""},
	} {
		if code, _, stderr := execute(t, settings, step.args...); code != exitDone {
			t.Fatalf("%v: exit code %d: %s", step.args, code, stderr)
		}
		for _, s := range replicas {
			s.awaitReason(t, token, step.reason)
		}
	}
}

// A replica that is not woken hears of changes up to five seconds later, and no test would notice.
func TestTheDatabaseWakesWhoHoldsWhatIsInIt(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	for name, c := range map[string]struct {
		more []string
		want []string
	}{
		"both":            {nil, []string{keystore.Channel, rolemap.Channel, rolestore.Channel}},
		"keys in a file":  {[]string{"ISSUER_KEYS_FILE=" + filepath.Join(files, "keys.json")}, []string{rolemap.Channel, rolestore.Channel}},
		"roles in a file": {[]string{"ISSUER_ROLES_FILE=" + rolesFile(t)}, []string{keystore.Channel}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := loadService(append(environ("http://127.0.0.1:1", "ISSUER_DATABASE_URL="+pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK), c.more...))
			if err != nil {
				t.Fatal(err)
			}
			svc := &service{settings: s, log: zerolog.Nop(), metrics: newMetrics(nil)}
			defer svc.close()
			if err := svc.build(t.Context()); err != nil {
				t.Fatal(err)
			}
			pool, err := svc.openDatabase(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(svc.listeners(pool))); !slices.Equal(got, c.want) {
				t.Errorf("listens to %q, want %q", got, c.want)
			}
		})
	}
}

// What one replica was told must not be believed by one with other settings.
func TestEverythingThatAnswersDependOnIsTheirScope(t *testing.T) {
	t.Parallel()
	pool := func(url string) *pgxpool.Pool {
		pool, err := database.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	one := pool("postgres://u:p@127.0.0.1:1/one")
	var s settings
	scopes := []string{
		rolesScope(s, one, ""), rolesScope(s, one, "SELECT 1"), rolesScope(s, one, "SELECT 2"),
		rolesScope(s, pool("postgres://u:p@127.0.0.1:1/other"), ""), rolesScope(s, pool("postgres://u:p@127.0.0.1:2/one"), ""),
		rolesScope(settings{AllowAdminRole: true}, one, ""),
		rolesScope(settings{SessionClaims: sessionClaims{list: []issuer.SessionClaim{{Variable: "x-hasura-a", Claim: "oid"}}}}, one, ""),
	}
	slices.Sort(scopes)
	if len(slices.Compact(slices.Clone(scopes))) != len(scopes) {
		t.Errorf("two are the same: %q", scopes)
	}
	if again := rolesScope(s, pool("postgres://u:p@127.0.0.1:1/one"), ""); !slices.Contains(scopes, again) {
		t.Errorf("another replica has %q", again)
	}
}

func TestRolesFromTablesOfOnesOwn(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	query := filepath.Join(t.TempDir(), "roles.sql")
	write := func(text string) {
		if err := os.WriteFile(query, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`SELECT 'owner' AS role WHERE @subject::text = '` + personaObject(t, tenant, "editor") + `'`)
	settings = append(settings, "ISSUER_ROLES_QUERY_FILE="+query)
	s := serve(t, settings)
	if got := s.exchange(t, personaToken(t, tenant, "editor")); got.Status != http.StatusOK || got.Scope != "owner" {
		t.Errorf("%d %q %q", got.Status, got.Reason, got.Scope)
	}
	if got := s.exchange(t, personaToken(t, tenant, "reader")); got.Reason != "no_roles" {
		t.Errorf("%d %q", got.Status, got.Reason)
	}
	for text, want := range map[string]string{
		`SELECT role FROM nowhere`:               `ISSUER_ROLES_QUERY_FILE: line 1 of the query: ERROR: relation "nowhere" does not exist`,
		`SELECT 'a' AS role WHERE @user IS NULL`: "ISSUER_ROLES_QUERY_FILE: the query names @user",
		``:                                       "ISSUER_ROLES_QUERY_FILE: the query is empty",
	} {
		write(text)
		if code, _, stderr := execute(t, settings, "serve"); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, stderr:\n%s", text, code, stderr)
		}
	}
}

// personaObject is the object id of a persona.
func personaObject(t *testing.T, tenant *faketenant.Tenant, persona string) string {
	t.Helper()
	id, _ := tenant.Claims(persona)["oid"].(string)
	if id == "" {
		t.Fatalf("there is no persona %s", persona)
	}
	return id
}

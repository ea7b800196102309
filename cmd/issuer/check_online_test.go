package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// cloud is a fake tenant behind real TLS, and the settings of a service on it that has an app of its own and stores in
// files. Where its key set would be, nobody answers.
type cloud struct {
	*faketenant.Tenant
	url      string
	settings []string
}

func newCloud(t testing.TB) cloud {
	t.Helper()
	tenant, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(tenant)
	server.TLS = tenant.TLS()
	server.StartTLS()
	t.Cleanup(server.Close)
	tenant.SetAuthority(server.URL)
	return cloud{tenant, server.URL, environ(server.URL,
		"ISSUER_URL=http://127.0.0.1:1",
		"ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"), "ISSUER_GRAPH_URL="+server.URL+"/graph",
		"ISSUER_ENTRA_CLIENT_ID="+faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET="+tenant.ClientSecret(faketenant.APIClientID))}
}

// check runs `issuer check --online` with more settings and flags, and sees to it that nothing secret is shown.
func (c cloud) check(t testing.TB, token string, more []string, flags ...string) (code int, found report) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := program{environ: slices.Concat(c.settings, more), stdin: strings.NewReader(token), stdout: &stdout, stderr: &stderr, azure: c.Client(), redis: redisconn.OpenPatiently}
	code = p.run(t.Context(), append([]string{"check", "--online", "--json"}, flags...))
	if err := json.Unmarshal(stdout.Bytes(), &found); err != nil {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
	works := !slices.ContainsFunc(found.Checks, func(f finding) bool { return f.Status == failed })
	if found.OK != works || (code == exitDone) != works || (code == exitFailed) == works || (stderr.Len() == 0) != works {
		t.Errorf("exit code %d, ok is %v, stderr %q", code, found.OK, &stderr)
	}
	for _, taboo := range []string{c.ClientSecret(faketenant.APIClientID), "eyJ", "@", "Example", "contoso", "hunter2"} {
		if strings.Contains(stdout.String()+stderr.String(), taboo) {
			t.Errorf("%q is shown:\n%s%s", taboo, &stdout, &stderr)
		}
	}
	return code, found
}

// want wants a finding by this name and status, with these words in what a person reads of it.
func (r report) want(t testing.TB, name string, s status, words ...string) {
	t.Helper()
	var lines []string
	for _, f := range r.Checks {
		lines = append(lines, string(f.Status)+" "+f.Name+" "+f.Of+": "+f.line())
		missing := func(word string) bool { return !strings.Contains(f.Of+" "+f.line(), word) }
		if f.Name == name && f.Status == s && !slices.ContainsFunc(words, missing) {
			return
		}
	}
	t.Errorf("no %s that is %s, with %q, in:\n%s", name, s, words, strings.Join(lines, "\n"))
}

// ahead is a proxy whose URL is known before that of what it leads to.
func ahead(t testing.TB) (base string, to func(base string)) {
	t.Helper()
	var behind atomic.Pointer[url.URL]
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind.Load()) }})
	t.Cleanup(proxy.Close)
	return proxy.URL, func(base string) {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		behind.Store(u)
	}
}

// TestTheOnlineCheckOfASoundDeploymentIsGreen runs the service beside it, and another part of its settings in Postgres.
func TestTheOnlineCheckOfASoundDeploymentIsGreen(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	proxy, to := ahead(t)
	c.settings = append(c.settings, "ISSUER_URL="+proxy, "ISSUER_KEYS_FILE=", "ISSUER_DATABASE_URL="+pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	s := listening(t, startProgram(t, program{environ: c.settings, azure: c.Client()}, "serve"))
	s.awaitReady(t)
	to(s.base)

	code, found := c.check(t, personaToken(t, c.Tenant, "crowded"), nil, "--token", "-")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	found.want(t, "settings", ok)
	found.want(t, "entra", ok, faketenant.TenantID, "v2.0", c.url+"/"+faketenant.TenantID+"/v2.0")
	found.want(t, "entra", ok, faketenant.TenantID, "v1.0", "https://sts.windows.net/")
	found.want(t, "clock", ok)
	found.want(t, "graph", ok, faketenant.TenantID)
	found.want(t, "database", ok, "schema will do")
	found.want(t, "database", ok, "schema", "version")
	found.want(t, "roles", ok, "5 grants")
	found.want(t, "keys", ok, "3 keys")
	found.want(t, "jwks", ok, "both engines read it, 3 keys")
	found.want(t, "token", ok, "sha256:", "v2.0", "22e4f6a8-3b5d-47f9-81c3-e5a7b9d1f202", faketenant.SPAClientID, "of a user")
	found.want(t, "groups", ok, "Microsoft Graph knows of 250")
}

// TestTheOnlineCheckTellsTheCureForWhatNewcomersGetWrong breaks one thing at a time in the portal, in the settings or on
// the network.
func TestTheOnlineCheckTellsTheCureForWhatNewcomersGetWrong(t *testing.T) {
	t.Parallel()
	const stranger = "c41b9a70-58de-4f0b-8a37-61d2e9f3b802"
	for name, test := range map[string]struct {
		change   func(c cloud) (more []string)
		name     string
		status   status
		wantText []string
	}{
		"the client secret has expired": {
			func(c cloud) []string {
				return []string{"ISSUER_ENTRA_CLIENT_SECRET=" + c.AddSecret(faketenant.APIClientID, -time.Hour)}
			}, "graph", failed,
			[]string{"AADSTS7000222", "make a new one", "trace"},
		},
		"the client secret is not the app's": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_CLIENT_SECRET=x" + uuid.NewString()} }, "graph", failed,
			[]string{"AADSTS7000215", "not its id"},
		},
		"our app is unknown": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_CLIENT_ID=" + uuid.NewString()} }, "graph", failed,
			[]string{"AADSTS700016", "check the client id"},
		},
		"nobody consented": {
			func(c cloud) []string { c.GrantGraph(faketenant.APIClientID); return nil }, "graph", failed,
			[]string{"Authorization_RequestDenied", "GroupMember.Read.All", "administrator's consent"},
		},
		"one permission is missing": {
			func(c cloud) []string { c.GrantGraph(faketenant.APIClientID, "User.ReadBasic.All"); return nil }, "graph", failed,
			[]string{"Authorization_RequestDenied", "GroupMember.Read.All"},
		},
		"the tenant is unknown to Entra": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_TENANTS=" + stranger} }, "entra", failed,
			[]string{stranger, "AADSTS90002", "check the tenant's id and the authority"},
		},
		"the tenant is unknown to the sign-in": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_TENANTS=" + stranger} }, "graph", failed, []string{stranger, "AADSTS90002"},
		},
		"Graph's URL is no resource": {
			func(c cloud) []string { return []string{"ISSUER_GRAPH_URL=" + c.url + "/other"} }, "graph", failed, []string{"AADSTS500011", "same cloud"},
		},
		"there is no app to ask Graph as": {
			func(cloud) []string {
				return []string{"ISSUER_ENTRA_CLIENT_ID=", "ISSUER_ENTRA_CLIENT_SECRET="}
			}, "graph", off, []string{"ISSUER_ENTRA_CLIENT_ID"},
		},
		"Entra cannot be reached": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_AUTHORITY=https://127.0.0.1:1"} }, "entra", failed,
			[]string{"connection refused", "check ISSUER_ENTRA_AUTHORITY"},
		},
		"an issuer of customers cannot be reached": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_ISSUERS=" + stranger + "=https://127.0.0.1:1/x"} }, "entra", failed,
			[]string{"issuer https://127.0.0.1:1/x", "connection refused", "check its item of ISSUER_ENTRA_ISSUERS"},
		},
		"an issuer of customers is spelt otherwise": {
			func(c cloud) []string {
				c.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/customers/elsewhere" {
						fmt.Fprintf(w, `{"issuer":"%s/other/\u0007","jwks_uri":"%s/keys"}`, c.url, c.url)
					}
					return r.URL.Path == "/customers/elsewhere"
				})
				return []string{"ISSUER_ENTRA_ISSUERS=" + stranger + "=" + c.url + "/customers/v2.0 " + c.url + "/customers/elsewhere"}
			}, "entra", failed,
			[]string{`/other/\a", than the one configured, "`, "/customers/v2.0", "ISSUER_ENTRA_ISSUERS"},
		},
		"the issuer of v2.0 tokens is another": {
			func(cloud) []string {
				return []string{"ISSUER_ENTRA_ISSUER_V2=https://sts.example.com/{tenantid}/v2.0"}
			}, "entra", failed,
			[]string{"names another issuer", "check ISSUER_ENTRA_AUTHORITY and ISSUER_ENTRA_ISSUER_V2"},
		},
		"nobody knows Entra's time": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_AUTHORITY=https://127.0.0.1:1"} }, "clock", off, nil,
		},
		"our clock is ahead": {
			func(c cloud) []string { c.SetDateOffset(-10 * time.Minute); return nil }, "clock", failed, []string{"ahead of Entra's", "time service"},
		},
		"our clock is behind": {
			func(c cloud) []string { c.SetDateOffset(10 * time.Minute); return nil }, "clock", failed, []string{"behind Entra's"},
		},
		"audiences hold only the client id": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID} }, "audience", note,
			[]string{"requestedAccessTokenVersion", "list api://" + faketenant.APIClientID},
		},
		"audiences hold only the Application ID URI": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_AUDIENCES=api://" + faketenant.APIClientID} }, "audience", note,
			[]string{"requestedAccessTokenVersion", "list " + faketenant.APIClientID},
		},
		"audiences hold an Application ID URI of one's own": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_AUDIENCES=api://hasura"} }, "audience", note, []string{"list the API's client id"},
		},
		"audiences hold a scope": {
			func(cloud) []string {
				return []string{"ISSUER_ENTRA_AUDIENCES=api://" + faketenant.APIClientID + "/access_as_user"}
			}, "audience", failed,
			[]string{"take /access_as_user off"},
		},
		"audiences hold what daemons ask for": {
			func(cloud) []string {
				return []string{"ISSUER_ENTRA_AUDIENCES=api://" + faketenant.APIClientID + "/.default"}
			}, "audience", failed, []string{"take /.default off"},
		},
		"audiences hold capitals": {
			func(cloud) []string {
				return []string{"ISSUER_ENTRA_AUDIENCES=" + strings.ToUpper(faketenant.APIClientID) + ",api://" + strings.ToUpper(faketenant.APIClientID)}
			}, "audience", note, []string{"in lower case", "list api://" + faketenant.APIClientID},
		},
		"audiences hold braces": {
			func(cloud) []string { return []string{"ISSUER_ENTRA_AUDIENCES={" + faketenant.APIClientID + "}"} }, "audience", failed, []string{"braces"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			_, found := c.check(t, "", test.change(c))
			found.want(t, test.name, test.status, test.wantText...)
		})
	}
}

// TestACertificateThatNobodyVouchesForIsExplained: a proxy that opens TLS stands in front of many a company's machines.
func TestACertificateThatNobodyVouchesForIsExplained(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	var stdout, stderr bytes.Buffer
	p := program{environ: c.settings, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr} // without trust in the fake
	if code := p.run(t.Context(), []string{"check", "--online"}); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"entra", "graph"} {
		_, line, _ := strings.Cut(stdout.String(), "failed  "+part)
		if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, "SSL_CERT_FILE") {
			t.Errorf("%s: %s", part, line)
		}
	}
}

// Entra has more numbers than mistakes that the fake can be talked into.
func TestTheOnlineCheckTellsTheCureForANumberOfEntras(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for number, want := range map[int]string{
		65001: "consent", 7000229: "consent", 7000112: "disabled", 53003: "Conditional Access", 50076: "Conditional Access", 50079: "Conditional Access",
		50105: "assigned", 700027: "uploaded", 700024: "clock", 700211: "federated credential", 70021: "federated credential", 500133: "expired",
		1002012: "Graph URL",
	} {
		c.SetWeather(faketenant.PartToken, faketenant.Weather{AADSTS: number})
		_, found := c.check(t, "", nil)
		found.want(t, "graph", failed, fmt.Sprintf("AADSTS%d", number), want)
	}
}

func TestTheOnlineCheckLooksIntoTheStores(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	inDatabase := func(url string) []string {
		return []string{"ISSUER_KEYS_FILE=", "ISSUER_ROLES_FILE=", "ISSUER_DATABASE_URL=" + url, "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}
	}
	made := inDatabase(pgtest.New(t))
	if code, _, stderr := execute(t, append(slices.Clone(c.settings), made...), "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	otherKEK := "k1:" + strings.Replace(strings.TrimPrefix(goodKEK, "k1:"), "MDEy", "MjEw", 1)

	_, found := c.check(t, "", inDatabase("postgres://u:hunter2@127.0.0.1:1/d?connect_timeout=2"))
	found.want(t, "database", failed, "connection refused")
	for _, f := range found.Checks {
		if f.Name == "database" && strings.Count(f.Detail, "connection refused") != 1 || strings.ContainsAny(f.Detail, "\n\t") {
			t.Errorf("%q", f.Detail)
		}
	}
	found.want(t, "roles", off, "not tried")
	found.want(t, "keys", off, "not tried")

	_, found = c.check(t, "", inDatabase(pgtest.NewEmpty(t)))
	found.want(t, "database", failed, "issuer migrate")
	_, found = c.check(t, "", append(inDatabase(pgtest.New(t)), "ISSUER_ROTATE=cron"))
	found.want(t, "keys", note, "no start makes them", "issuer keys rotate")

	server := redistest.Start(t)
	_, found = c.check(t, "", append(made, "ISSUER_REDIS_URL="+server.URL()))
	found.want(t, "redis", ok, "it answers")
	_, found = c.check(t, "", []string{"ISSUER_REDIS_URL=" + server.URL()})
	found.want(t, "redis", note, "ISSUER_KEYS_ENCRYPTION_KEY")
	forbidScripts(t, server.URL())
	_, found = c.check(t, "", append(made, "ISSUER_REDIS_URL="+server.URL()))
	found.want(t, "redis", note, "does not count for us", "EVALSHA")
	server.Stop()
	_, found = c.check(t, "", append(made, "ISSUER_REDIS_URL="+server.URL()))
	found.want(t, "redis", failed, "nothing listens there")
	found.want(t, "roles", note, "0 grants", "issuer roles apply")
	found.want(t, "keys", ok, "3 keys")

	_, found = c.check(t, "", append(made, "ISSUER_KEYS_ENCRYPTION_KEY="+otherKEK))
	found.want(t, "keys", failed, `key-encryption key "k1" is not the one`)

	mustExec(t, append(slices.Clone(c.settings), made...), `DELETE FROM issuer.keys`)
	_, found = c.check(t, "", made)
	found.want(t, "keys", failed, "once held a ring", "issuer keys adopt")

	mustExec(t, append(slices.Clone(c.settings), made...), `DROP TABLE issuer.role_state`)
	_, found = c.check(t, "", made)
	found.want(t, "database", failed, "history", "was removed")

	_, found = c.check(t, "", nil)
	found.want(t, "database", off, "files")
	found.want(t, "redis", off, "none is set")
	found.want(t, "keys", ok, "the first start makes them")
}

// TestGrantsOfATenantThatCannotComeAreWorthANote: on a file with and without --online, and in a database.
func TestGrantsOfATenantThatCannotComeAreWorthANote(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const stranger, customers = "c41b9a70-58de-4f0b-8a37-61d2e9f3b802", "e57a3f18-6b4d-49c2-8d70-b2c9f0a1d805"
	path := filepath.Join(t.TempDir(), "roles.yaml")
	text := "grants:\n"
	for _, tenant := range []string{faketenant.TenantID, stranger, customers} {
		text += "  - { tenant: " + tenant + ", everyone: true, role: viewer }\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	named := "ISSUER_ENTRA_ISSUERS=" + strings.ToUpper(customers) + "=https://127.0.0.1:1/x"
	inFile := []string{"ISSUER_ROLES_FILE=" + path, named}
	inDatabase := []string{"ISSUER_ROLES_FILE=", "ISSUER_DATABASE_URL=" + pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK, named}
	if code, _, stderr := execute(t, slices.Concat(c.settings, inDatabase), "roles", "apply", "-f", path, "--yes"); code != exitDone {
		t.Fatal(stderr)
	}
	for where, more := range map[string][]string{"file": inFile, "database": inDatabase} {
		_, found := c.check(t, "", more)
		found.want(t, "roles", ok, "3 grants", where)
		found.want(t, "roles", note, "tenant "+stranger, "its tokens are refused", "ISSUER_ENTRA_TENANTS")
		if n := len(slices.DeleteFunc(found.Checks, func(f finding) bool { return f.Name != "roles" })); n != 2 {
			t.Errorf("in a %s: %d findings", where, n)
		}
	}
	code, stdout, _ := execute(t, slices.Concat(c.settings, inFile), "check")
	if code != exitDone || !strings.Contains(stdout, "\nnote    roles tenant "+stranger) || strings.Count(stdout, "\n") != 2 {
		t.Errorf("offline: exit code %d, %s", code, stdout)
	}
	if code, stdout, _ := execute(t, slices.Concat(c.settings, inFile), "check", "--json"); code != exitDone || !strings.Contains(stdout, stranger) {
		t.Errorf("offline, as JSON: exit code %d, %s", code, stdout)
	}
}

// TestTheOnlineCheckTellsWhyRedisCannotBeUsed: where it was looked for, what was met and what to do, and no password.
func TestTheOnlineCheckTellsWhyRedisCannotBeUsed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	locked, small := redistest.Start(t, "--requirepass", "other").URL(), redistest.Start(t, "--databases", "1").URL()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	tlsOnly := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tlsOnly.Close)
	host := func(base string) string { return base[strings.LastIndex(base, "/")+1:] }
	for name, test := range map[string]struct {
		url   string
		words []string
	}{
		"a wrong password":       {strings.Replace(locked, "unix://", "unix://:hunter2@", 1), []string{"/", "refuses the user or password", "percent-encoded"}},
		"no password":            {locked, []string{"refuses the user or password"}},
		"a database too many":    {small + "?db=5", []string{"no database of that number"}},
		"nobody":                 {"redis://:hunter2@127.0.0.1:1", []string{"127.0.0.1:1", "nothing listens there"}},
		"no such host":           {"redis://u:hunter2@redis.invalid:6379", []string{"redis.invalid:6379", "no such host"}},
		"no such socket":         {"unix://:hunter2@/nowhere/socket", []string{"/nowhere/socket", "no such socket"}},
		"no Redis":               {"redis://:hunter2@" + host(web.URL), []string{host(web.URL), "no Redis"}},
		"TLS on a plain port":    {"rediss://:hunter2@" + host(web.URL), []string{"no TLS is spoken there", "redis:// in place of rediss://"}},
		"TLS of a stranger":      {"rediss://:hunter2@" + host(tlsOnly.URL), []string{"certificate is not trusted", "SSL_CERT_FILE"}},
		"a cluster of nobody":    {"redis://:hunter2@127.0.0.1:1?addr=127.0.0.1:2", []string{"127.0.0.1:1, 127.0.0.1:2", "nothing listens there"}},
		"a sentinel of nobody":   {"redis://:hunter2@127.0.0.1:1?master_name=m", []string{"127.0.0.1:1"}},
		"no TLS on a port of it": {"redis://:hunter2@" + host(tlsOnly.URL), []string{"ISSUER_REDIS_URL"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := c.check(t, "", []string{"ISSUER_REDIS_URL=" + test.url})
			found.want(t, "redis", failed, test.words...)
			for _, f := range found.Checks {
				if f.Name == "redis" {
					t.Logf("%s: %s", f.Of, f.line())
				}
			}
		})
	}
}

// forbidScripts takes from everybody the right to run scripts in a Redis.
func forbidScripts(t *testing.T, url string) {
	t.Helper()
	client, err := redisconn.OpenPatiently(url, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Do(t.Context(), "ACL", "SETUSER", "default", "-@scripting").Err(); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationsThatAreToComeAreWorthANote(t *testing.T) {
	t.Parallel()
	applied, pending := database.Migration{Version: 4, AppliedAt: time.Now()}, database.Migration{Version: 5}
	newReport([]finding{schemaFinding([]database.Migration{applied})}).want(t, "database", ok, "schema", "version 4")
	newReport([]finding{schemaFinding([]database.Migration{applied, pending})}).want(t, "database", note, "version 4", "run issuer migrate")
}

func TestTheOnlineCheckReadsTheKeySetAsAnEngineDoes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, _, stderr := execute(t, c.settings, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	const cached, ours = "max-age=300", `{"keys":[]}`
	for name, test := range map[string]struct {
		status       int
		cache, body  string
		status2      status
		words        []string
		withoutRoute bool
	}{
		"a proxy that strips too much":   {404, "", "", failed, []string{"404", "strip the path"}, false},
		"a service that is not ready":    {503, "", "", failed, []string{"503", "/readyz"}, false},
		"a proxy that redirects":         {302, "", "", failed, []string{"302", "redirect"}, false},
		"a page in its place":            {200, cached, "<html>", failed, []string{"cannot read"}, false},
		"a header that is gone":          {200, "", ours, failed, []string{"Cache-Control"}, false},
		"a header that says no":          {200, "no-store", ours, failed, []string{"Cache-Control"}, false},
		"a header that says for a day":   {200, "max-age=86400", ours, failed, []string{"Cache-Control"}, false},
		"the key set of somebody else's": {200, cached, ours, failed, []string{"another deployment"}, false},
		"nobody":                         {0, "", "", off, []string{"does not run"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/at/.well-known/jwks.json" {
					t.Errorf("%s was asked for", r.URL.Path)
				}
				if test.cache != "" {
					w.Header().Set("Cache-Control", test.cache)
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			url := server.URL
			if test.withoutRoute {
				url = "http://127.0.0.1:1"
			}
			_, found := c.check(t, "", []string{"ISSUER_URL=" + url + "/at"})
			found.want(t, "jwks", test.status2, test.words...)
		})
	}
}

func TestSettingsThatAreWrongAreNotTried(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := append(slices.Clone(c.settings), "ISSUER_ENTRA_TENANTS=contoso")
	if code, stdout, stderr := execute(t, p, "check", "--online"); code != exitUsage || stdout != "" || !strings.Contains(stderr, "ISSUER_ENTRA_TENANTS") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if n := c.Hits(""); n != 0 {
		t.Errorf("Entra was asked %d times", n)
	}
}

func TestCheckAsJSONAndAsText(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if code, stdout, _ := execute(t, c.settings, "check", "--json"); code != exitDone || !strings.Contains(stdout, `"ok": true`) || !strings.Contains(stdout, `"name": "settings"`) {
		t.Errorf("exit code %d, %s", code, stdout)
	}
	var stdout, stderr bytes.Buffer
	p := program{environ: c.settings, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, azure: c.Client()}
	if code := p.run(t.Context(), []string{"check", "--online"}); code != exitDone || stderr.Len() > 0 {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
	for line := range strings.Lines(stdout.String()) {
		if !strings.HasPrefix(line, "ok      ") && !strings.HasPrefix(line, "off     ") {
			t.Errorf("a line that is none: %q", line)
		}
	}
}

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// secrecy is a service that stands on everything there is, each with a secret, and who listens to it.
type secrecy struct {
	*eavesdropper
	t        *testing.T
	tenant   *faketenant.Tenant
	postgres *pgtest.Server
	redis    *redistest.Server
	policy   *httptest.Server
	program  program
	ahead    func(url string) // has the key set be where ISSUER_URL says
	served   served
	tokens   []string // good ones and bad ones
	person   string   // who is named in one, by a good token
}

// The made-up secrets of the settings. Those in URLs have what needs an escape there.
const (
	databasePassword = `pgW0rd"\/%@+Kq9vTz81x`
	redisPassword    = `rdW0rd-Lm4nXc72yBv6`
	policySecret     = "pol-Tq7wEr5yUi3oPa1sDf"
	encryptionKey    = "Zk3vQm8sJx1nRw6tYb9uHc4pLd7fGa2e"
	guardedSecret    = "Hs9kLm2pQr5tVx8zBc1eGh4jMn7qSu0w"
	personName       = "Zebulon Quackenbush-Ferncastle"
	personLogin      = "zebulon.quackenbush@ferncastle.example"
)

func newSecrecy(t *testing.T) *secrecy {
	t.Helper()
	tenant, server := entraTLS(t)
	s := &secrecy{eavesdropper: newEavesdropper(), t: t, tenant: tenant, postgres: pgtest.Start(t), redis: redistest.Start(t, "--requirepass", redisPassword)}
	s.policy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"result":true}`)) }))
	t.Cleanup(s.policy.Close)
	own, to := ahead(t)
	s.ahead = to
	client := tenant.Client()
	client.Transport = wire{client.Transport, s.eavesdropper}
	s.program = program{azure: client, environ: environ(server.URL, "ISSUER_URL="+own,
		"ISSUER_DATABASE_URL="+s.postgres.URL()+"&password="+url.QueryEscape(s.keep("the database's password", databasePassword)),
		"ISSUER_REDIS_URL="+strings.Replace(s.redis.URL(), "unix://", "unix://:"+s.keep("Redis's password", redisPassword)+"@", 1),
		"ISSUER_KEYS_ENCRYPTION_KEY=k1:"+base64.StdEncoding.EncodeToString([]byte(s.keep("the key-encryption key", encryptionKey))),
		"ISSUER_POLICY_URL="+s.policy.URL, "ISSUER_POLICY_TOKEN="+s.keep("the policy's token", policySecret),
		"ISSUER_ADMIN_TOKEN_SHA256="+hashOf(s.keep("an operator's token", operatorToken)),
		"ISSUER_ENTRA_CLIENT_ID="+faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET="+s.keep("our client secret", tenant.ClientSecret(faketenant.APIClientID)),
		"ISSUER_GRAPH_URL="+server.URL+"/graph", "ISSUER_GROUPS_TTL=0s", "ISSUER_GROUPS_STALE=0s", "ISSUER_ROLES_CACHE=0", "ISSUER_INSECURE_COMPAT=true",
		"ISSUER_RATE_LIMIT_FAILURES=0", "ISSUER_LOG_LEVEL=debug")}
	s.meet()
	return s
}

// meet makes the tokens, and keeps who is named in them.
func (s *secrecy) meet() {
	s.keep("a name", personName)
	s.keep("a mail address", personLogin)
	s.tenant.SetUserName(personaObject(s.t, s.tenant, "reader"), personLogin)
	named := func(claims map[string]any, more ...any) map[string]any {
		claims["name"], claims["preferred_username"], claims["upn"], claims["unique_name"], claims["email"] = personName, personLogin, personLogin, personLogin, personLogin
		claims["given_name"], claims["family_name"] = personName[:7], personName[8:]
		for i := 0; i+1 < len(more); i += 2 {
			claims[more[i].(string)] = more[i+1]
		}
		return claims
	}
	claims := func(more ...any) map[string]any { return named(s.tenant.Claims("reader"), more...) }
	s.person = s.tenant.Sign(claims())
	forged := s.tenant.Sign(claims())
	s.tokens = []string{
		s.person, s.tenant.Sign(named(s.tenant.V1Claims("editor"))), s.tenant.Sign(named(s.tenant.Claims("crowded"))), s.tenant.Sign(named(s.tenant.Claims("nobody"))),
		s.tenant.Sign(s.tenant.Claims("daemon")), withRoles(s.tenant, "nobody", []string{"Issuer.Admin"}, "name", personName, "email", personLogin),
		s.tenant.Sign(claims("exp", time.Now().Add(-time.Hour).Unix())), s.tenant.Sign(claims("aud", personLogin)), s.tenant.Sign(claims("iss", "https://"+personLogin)),
		s.tenant.Sign(claims("tid", personLogin)), s.tenant.Sign(claims("oid", personLogin)), s.tenant.Sign(claims("scp", personLogin)), s.tenant.Sign(claims("azp", personLogin)),
		s.tenant.Sign(claims("exp", personName)), s.tenant.Sign(claims("groups", personName)), s.tenant.Sign(claims("ver", personName)), s.tenant.Sign(claims("idtyp", personName)),
		s.tenant.Sign(claims(), faketenant.SignedBy(faketenant.KeyStranger)), s.tenant.Sign(claims(), faketenant.WithHeader("alg", "none")), s.tenant.Sign(claims(), faketenant.WithHeader("alg", "HS256")),
		s.tenant.Sign(claims(), faketenant.WithHeader("kid", personLogin)), s.tenant.Sign(claims(), faketenant.WithHeader("jku", "https://"+personLogin)),
		s.tenant.Sign(claims(), faketenant.WithHeader("crit", []string{personName})), s.tenant.Sign(claims(), faketenant.WithHeader("typ", personName)),
		s.tenant.SignRaw([]byte(`{"typ":"JWT","alg":"RS256","kid":"`+personLogin), []byte(`{"name":"`+personName), faketenant.KeyFirst),
		s.tenant.SignRaw([]byte(`{"typ":"JWT","alg":"RS256","kid":"x"}`), []byte(`{"name":"`+personName+`","name":"`+personLogin+`"}`), faketenant.KeyFirst),
		forged[:len(forged)-8], forged + "." + forged, strings.Repeat("a", 20) + forged,
	}
	for i, token := range s.tokens {
		s.keepToken(fmt.Sprintf("token %d", i), token)
	}
}

// everyDoor goes with every token through every door, and through them in every wrong way.
func (s *secrecy) everyDoor() {
	for _, token := range s.tokens {
		s.doors(token)
		s.operate(token)
	}
	s.provision()
	for _, path := range []string{"/livez", "/readyz", "/readyz?full", "/.well-known/jwks.json?rp=" + s.tokens[0], "/.well-known/openid-configuration"} {
		s.ask(s.t, http.MethodGet, s.served.base+path, "")
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/cmdline"} {
		s.ask(s.t, http.MethodGet, s.served.admin+path, "")
	}
}

func (s *secrecy) doors(token string) {
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {token}}.Encode()
	const isForm, isJSON = "application/x-www-form-urlencoded", "application/json"
	bearer := "Bearer " + token
	for _, r := range []struct {
		method, path, body string
		headers            []string
	}{
		{"POST", "/oauth2/token", form, []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token", form + "&scope=" + token, []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token", form + "&audience=" + token, []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token", form + "&actor_token=" + token, []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token", form + "&client_secret=" + policySecret + "&subject_token=" + token, []string{"Content-Type", isForm, "Authorization", bearer}},
		{"POST", "/oauth2/token", "grant_type=password&username=" + personLogin + "&password=" + policySecret, []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token?" + form, "", []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token", form + "%zz", []string{"Content-Type", isForm}},
		{"POST", "/oauth2/token", `{"subject_token":"` + token + `"}`, []string{"Content-Type", isJSON}},
		{"PUT", "/oauth2/token", form, []string{"Content-Type", isForm}},
		{"GET", "/" + token + "?access_token=" + token, "", []string{"Cookie", "session=" + token, "Referer", "https://app.example/#" + token, "User-Agent", token, "Origin", "https://" + token}},
		{"GET", "/hasura/webhook", "", []string{"Authorization", bearer}},
		{"GET", "/hasura/webhook", "", []string{"Authorization", bearer, "X-Hasura-Role", personLogin, "Cookie", token}},
		{"POST", "/hasura/webhook", `{"headers":{"authorization":"` + bearer + `","cookie":"` + token + `"},"request":{"query":"{ a(name: \"` + personName + `\") }"}}`, []string{"Content-Type", isJSON}},
		{"POST", "/hasura/webhook", `{"headers":{"authorization":["` + bearer + `"]}`, []string{"Content-Type", isJSON}},
		{"POST", "/forward-auth", "", []string{"Authorization", bearer, "X-Forwarded-Uri", "/?access_token=" + token, "X-Forwarded-For", token}},
		{"GET", "/forward-auth", "", []string{"Authorization", bearer, "Authorization", bearer}},
		{"GET", "/forward-auth", "", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(personLogin+":"+policySecret))}},
		{"POST", "/v1/authenticate", `{"headers":{"Authorization":"` + bearer + `"},"request":{"query":"query ` + personName[:7] + ` { reader_data(name: \"` + personName + `\") }"}}`, []string{"Content-Type", isJSON}},
		{"POST", "/v1/authenticate", `{"headers":{"Authorization":"` + bearer + `"},"request":{"query":"{ ` + personLogin + `"}}`, []string{"Content-Type", isJSON}},
	} {
		s.ask(s.t, r.method, s.served.base+r.path, r.body, r.headers...)
	}
}

// operate shows a token to the operators' routes, and asks them about it as an operator.
func (s *secrecy) operate(token string) {
	const isJSON, operator = "application/json", "Bearer " + operatorToken
	grant := "/admin/v1/grants/" + faketenant.TenantID + "/everyone/viewer"
	for _, r := range []struct{ method, path, body, credential string }{
		{"GET", "/admin/v1/grants", "", "Bearer " + token},
		{"GET", "/admin/v1/log-level", "", "Basic " + token},
		{"GET", "/admin/v1/grants?user=" + url.QueryEscape(personLogin), "", operator},
		{"GET", "/admin/v1/grants?cursor=" + token, "", operator},
		{"GET", "/admin/v1/history?" + token + "=1", "", operator},
		{"GET", "/admin/v1/" + token, "", operator},
		{"PUT", "/admin/v1/blocks/" + faketenant.TenantID + "/user:" + url.PathEscape(personLogin), `{}`, operator},
		{"PUT", grant, `{"` + token + `":1}`, operator},
		{"PUT", grant, `{"priority":"` + token + `"}`, operator},
		{"PUT", grant, `{"reason":"` + token, operator},
		{"PUT", "/admin/v1/log-level", `{"level":"` + token + `"}`, operator},
		{"POST", "/admin/v1/explain", `{"subject_token":"` + token + `"}`, operator},
		{"POST", "/admin/v1/explain", `{"tenant":"` + faketenant.TenantID + `","user":"` + personLogin + `"}`, operator},
		{"GET", "/admin/v1/keys", "", operator},
		{"GET", "/admin/v1/history", "", operator},
		{"GET", "/admin/v1/blocks", "", operator},
	} {
		s.ask(s.t, r.method, s.served.admin+r.path, r.body, "Authorization", r.credential, "Content-Type", isJSON)
	}
}

// provision puts roles and lists as a provisioner does. What is done is echoed, by contract, so what is heard of that is the log.
func (s *secrecy) provision() {
	name := strings.Replace(personLogin, "@", "_", 1)
	const role = `{"role_id":"provisioned","component_id":"urn:c","graphql_root_field_names":["reader_data"]}`
	for _, r := range []struct{ path, body string }{
		{"/v1/roles", role},
		{"/v1/user_roles", `{"role_id":"provisioned","users":["user:` + name + `","user:nobody.` + name + `","` + personName + `"]}`},
		{"/v1/group_roles", `{"role_id":"provisioned","groups":["group:` + personName + `"]}`},
	} {
		status, _ := speak(s.t, http.MethodPut, s.served.admin+r.path, r.body)
		if status != http.StatusOK && status < 500 {
			s.t.Errorf("%s is refused with %d", r.path, status)
		}
	}
	for _, r := range []struct{ path, body string }{
		{"/v1/roles", `{"role_id":"` + personLogin + `","component_id":1}`},
		{"/v1/user_roles", `{"role_id":"none","users":["user:` + name + `"]}`},
		{"/v1/user_roles", `{"role_id":"provisioned","users":{"user":"` + personName + `"}}`},
		{"/v1/group_roles", `{"role_id":"provisioned","groups":["` + personName},
	} {
		s.ask(s.t, http.MethodPut, s.served.admin+r.path, r.body, "Content-Type", "application/json")
	}
}

// serve starts the service and has what it writes heard at its end.
func (s *secrecy) serve() {
	s.served = listening(s.t, startProgram(s.t, s.program, "serve"))
	s.served.awaitReady(s.t)
	s.ahead(s.served.base)
}

func (s *secrecy) stop() {
	if code := s.served.end(); code != exitDone {
		s.t.Errorf("exit code %d", code)
	}
	s.hear("the log", s.served.stderr.String())
	s.hear("issuer serve, on stdout", s.served.stdout.String())
}

// commands runs what a person may run, with tokens where they are asked for.
func (s *secrecy) commands(p program) {
	reader := personaObject(s.t, s.tenant, "reader")
	for _, args := range [][]string{
		{"check"},
		{"check", "--json"},
		{"check", "--online"},
		{"check", "--online", "--json"},
		{"hasura-config"},
		{"hasura-config", "--json"},
		{"hasura-config", "--webhook"},
		{"version"},
		{"migrate", "--status"},
		{"keys", "list"},
		{"keys", "list", "--json"},
		{"keys", "plan"},
		{"keys", "rotate", "--json"},
		{"keys", "reseal", "--yes"},
		{"roles", "list", "--json"},
		{"roles", "export"},
		{"roles", "history", "--json"},
		{"roles", "history", "--verify"},
		{"roles", "who-has", "reader"},
		{"roles", "explain", "--user", reader},
		{"roles", "explain", "--user", personLogin},
		{"roles", "block", "--user", personLogin},
		{"roles", "grant", "--user", reader, "--role", "oncall", "--yes"},
		{"roles", "grant", "--user", s.person, "--role", "oncall"},
		{"check", "--token", s.person},
		{"check", "--online", "--hasura-url", "http://127.0.0.1:1/?x-hasura-admin-secret=" + guardedSecret},
	} {
		s.run(s.t, p, "", args...)
	}
	for _, token := range []string{s.person, s.tokens[7], s.tokens[len(s.tokens)-1]} {
		for _, args := range [][]string{{"check", "--online", "--token", "-"}, {"roles", "explain", "--token", "-", "--json"}} {
			s.run(s.t, p, token, args...)
		}
	}
}

// TestNothingSecretIsSaid goes every way through the program at the level debug: with good tokens and bad ones through
// every door, with operators, provisioners and commands, with everything there and with each part gone, and with
// settings that are wrong. Nothing that was said anywhere may hold any part of a secret, a token, a name or a mail address.
func TestNothingSecretIsSaid(t *testing.T) {
	t.Parallel()
	s := newSecrecy(t)
	s.keep("the engine's admin secret", guardedSecret)
	for _, args := range [][]string{{"migrate"}, {"roles", "apply", "--yes", "-f", rolesFile(t)}} {
		if code := s.run(t, s.program, "", args...); code != exitDone {
			t.Fatalf("issuer %v: exit code %d", args, code)
		}
	}
	s.serve()
	s.everyDoor()
	s.commands(s.program)
	s.engine()
	s.stored()
	for _, part := range map[string]struct{ gone, back func() }{
		"Graph":      {func() { s.weather(faketenant.PartGraph) }, s.fair},
		"sign-in":    {func() { s.weather(faketenant.PartToken) }, s.fair},
		"the policy": {s.breakPolicy, func() {}},
		"Redis":      {s.redis.Stop, s.redis.Restart},
	} {
		part.gone()
		s.doors(s.tokens[2])
		s.ask(t, http.MethodGet, s.served.base+"/readyz?full", "")
		s.run(t, s.program, "", "check", "--online")
		part.back()
	}
	s.files()
	s.postgres.Stop()
	s.everyDoor()
	for _, args := range [][]string{{"check", "--online"}, {"keys", "list"}, {"roles", "list"}, {"migrate"}} {
		s.run(t, s.program, "", args...)
	}
	s.stop()
	s.wrongSettings()
	for _, leak := range s.leaks() {
		t.Error(leak)
	}
	for place, mark := range map[string]string{"the log": `"reason":"roles_unavailable"`, "the answer to POST /oauth2/token": "(a token of ours)", "the answer to GET /metrics": "issuer_exchanges_total"} {
		if !strings.Contains(s.heard[place], mark) {
			t.Errorf("%s was not heard: it holds no %s", place, mark)
		}
	}
}

func (s *secrecy) weather(part faketenant.Part) {
	s.tenant.SetWeather(part, faketenant.Weather{Status: http.StatusServiceUnavailable})
}

func (s *secrecy) fair() {
	for _, part := range faketenant.Parts() {
		s.tenant.SetWeather(part, faketenant.Weather{})
	}
}

// breakPolicy has the policy answer with what it was asked with.
func (s *secrecy) breakPolicy() {
	s.policy.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"code":"x","message":"%s %s %s"}`, r.Header.Get("Authorization"), personName, personLogin)
	})
}

// engine checks an engine that has an admin secret.
func (s *secrecy) engine() {
	s.run(s.t, s.program, "", "check", "--online", "--hasura-url", engineFor(s.t, s.program.environ, func(o *hasuratest.Options) { o.AdminSecret = guardedSecret }))
}

// stored hears what is kept in the database, where names stand in the provisioner's lists alone.
func (s *secrecy) stored() {
	ctx := s.t.Context()
	pool, err := database.Open(ctx, s.postgres.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(ctx, `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'issuer' AND c.relkind = 'r'`)
	if err != nil {
		s.t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if len(tables) < 5 {
		s.t.Fatalf("the tables are %v", tables)
	}
	for _, table := range tables {
		var text string
		if err := pool.QueryRow(ctx, `SELECT coalesce(string_agg(t::text, E'\n'), '') FROM `+table+` t`).Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		if !strings.Contains(table, "mapped") {
			s.hear("the table "+table, text)
		}
	}
}

// wrongSettings starts the service and checks it with each secret written wrongly, and with what nobody answers.
func (s *secrecy) wrongSettings() {
	for _, wrong := range []string{
		"ISSUER_DATABASE_URL=postgres://issuer:" + databasePassword + "@db.example/issuer", "ISSUER_DATABASE_URL=postgres://issuer:" + policySecret + "@127.0.0.1:1/issuer?connect_timeout=1",
		"ISSUER_DATABASE_URL=postgres://issuer:" + policySecret + "@[::1/issuer", "ISSUER_DATABASE_URL=host=127.0.0.1 port=1 password=" + policySecret, "ISSUER_DATABASE_URL=" + policySecret,
		"ISSUER_REDIS_URL=redis://:" + databasePassword + "@127.0.0.1:1", "ISSUER_REDIS_URL=redis://:" + policySecret + "@127.0.0.1:99999", "ISSUER_REDIS_URL=" + redisPassword, "ISSUER_REDIS_URL=http://:" + redisPassword + "@h",
		"ISSUER_KEYS_ENCRYPTION_KEY=" + encryptionKey, "ISSUER_KEYS_ENCRYPTION_KEY=k1:" + base64.StdEncoding.EncodeToString([]byte(encryptionKey+"x")), "ISSUER_KEYS_ENCRYPTION_KEY=" + encryptionKey + ":x",
		"ISSUER_ADMIN_TOKEN_SHA256=" + operatorToken, "ISSUER_POLICY_TOKEN=" + policySecret + " " + policySecret, "ISSUER_POLICY_URL=https://user:" + policySecret + "@opa.example/v1",
		"ISSUER_URL=https://" + policySecret + "@h", "ISSUER_ENTRA_CLIENT_ID=" + s.keep("a secret in Entra's form", "Xz18Q~9sKm3vBn6yTq2wLr8pJd5fGh1cXe4uWa7z"),
		"ISSUER_WITBOOST_DATABASE_URL=postgres://u:" + databasePassword + "@h/d", "ISSUER_ROLES_QUERY_FILE=" + s.person,
	} {
		p := s.program
		p.environ = append(slices.Clone(p.environ), wrong)
		s.run(s.t, p, "", "check")
		s.runBriefly(p, "serve")
		if strings.HasPrefix(wrong, "ISSUER_DATABASE_URL") || strings.HasPrefix(wrong, "ISSUER_REDIS") {
			s.run(s.t, p, "", "check", "--online")
			s.run(s.t, p, "", "migrate")
		}
	}
}

// runBriefly is run for what may go on: a service that starts is stopped once it listens.
func (s *secrecy) runBriefly(p program, args ...string) {
	if args[0] != "serve" {
		s.run(s.t, p, "", args...)
		return
	}
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	out := newOutput()
	p.stdin, p.stdout, p.stderr = strings.NewReader(""), out, out
	ended := make(chan int, 1)
	go func() { ended <- p.run(ctx, args) }()
	for listens := false; !listens; {
		select {
		case <-out.more:
			if listens = strings.Contains(out.String(), `"listening"`); listens {
				stop()
				<-ended
			}
		case <-ended:
			listens = true
		}
	}
	s.hear("issuer serve with wrong settings", out.String())
}

// files keeps the private keys of a ring in the clear, and looks at what is said where it is.
func (s *secrecy) files() {
	path := filepath.Join(s.t.TempDir(), "keys.json")
	p := s.program
	p.environ = append(slices.Clone(p.environ), "ISSUER_DATABASE_URL=", "ISSUER_KEYS_ENCRYPTION_KEY=", "ISSUER_REDIS_URL=", "ISSUER_INSECURE_COMPAT=", "ISSUER_ROLES_FILE="+rolesFile(s.t), "ISSUER_KEYS_FILE="+path)
	if code := s.run(s.t, p, "", "keys", "rotate"); code != exitDone {
		s.t.Fatalf("exit code %d: %s", code, s.heard["issuer keys rotate, on stderr"])
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	private := regexp.MustCompile(`\\?"d\\?": *\\?"([A-Za-z0-9_-]{30,})`).FindAllStringSubmatch(string(text), -1)
	if len(private) == 0 {
		s.t.Fatal("the file holds no private key")
	}
	for _, one := range private {
		s.keep("a private key", one[1])
	}
	s.commands(p)
	if err := os.WriteFile(path, text[:len(text)/2], 0o600); err != nil {
		s.t.Fatal(err)
	}
	for _, args := range [][]string{{"check"}, {"keys", "list"}, {"keys", "rotate"}} {
		s.run(s.t, p, "", args...)
	}
	s.runBriefly(p, "serve")
}

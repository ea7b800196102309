package main

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

const composeDir = "../../deploy/compose/"

// demo is the compose demo on this machine: the real issuer, fake tenant, Postgres, Redis and nginx with the files that are
// shipped, and a stand-in for Hasura that judges tokens as one does and asks Postgres by the metadata.
type demo struct {
	compose  composeFile
	secrets  string   // the folder that setup.sh made
	admin    *url.URL // of the Postgres server
	tenant   string   // the fake tenant's base URL
	issuer   string   // where the issuer listens
	gateway  string   // host:port
	environ  []string // the issuer's
	replaced *strings.Replacer
}

// TestTheComposeDemoEndsWithAnAuthorisedQueryAndARefusedOne runs what compose.yaml runs, command by command, and ask.sh.
func TestTheComposeDemoEndsWithAnAuthorisedQueryAndARefusedOne(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	for _, service := range []string{"migrate", "roles"} {
		if code, _, stderr := execute(t, d.environ, d.args(service)...); code != 0 {
			t.Fatalf("%s: %d %s", service, code, stderr)
		}
	}
	if code, _, stderr := execute(t, d.environ, "check"); code != 0 {
		t.Fatalf("check: %d %s", code, stderr)
	}
	s := listening(t, start(t, d.environ, d.args("issuer")...))
	s.awaitReady(t)
	if code, stdout, stderr := execute(t, d.environ, "check", "--online"); code != 0 { // the container's health check
		t.Fatalf("check --online: %d %s %s", code, stdout, stderr)
	}
	engine := d.hasura(t)
	d.nginx(t, engine)

	code, output := d.ask(t)
	if code != 0 || !strings.Contains(output, "all is as it should be") {
		t.Fatalf("ask.sh ended with %d:\n%s", code, output)
	}
	for _, want := range []string{
		`an editor sees the orders of the regions that the grant names: 200 {"data":{"orders":[{"id":1,"region":"eu","total":"12.50"},{"id":2,"region":"us","total":"99.00"}]}}`,
		`a reader sees their own orders: 200 {"data":{"orders":[{"id":1,"region":"eu","total":"12.50"},{"id":3,"region":"apac","total":"7.25"}]}}`,
		"nobody has no role: 403", "a stranger has no token: 401",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("ask.sh says nothing of %s:\n%s", want, output)
		}
	}
	if strings.Contains(output, "eyJ") {
		t.Error("a token stands in the output")
	}

	// The script has to notice: without the editor's grant its first question is refused.
	if code, _, stderr := execute(t, d.environ, "roles", "revoke", "--group", "d1000001-aaaa-4bbb-8ccc-000000000001", "--role", "editor", "--yes", "--confirm-removal"); code != 0 {
		t.Fatal(stderr)
	}
	s.awaitRefusal(t, d, "editor")
	if code, output := d.ask(t); code == 0 {
		t.Errorf("ask.sh is content:\n%s", output)
	}
}

// awaitRefusal returns once the issuer has heard that persona has no role any more.
func (s served) awaitRefusal(t *testing.T, d *demo, persona string) {
	t.Helper()
	_, token := get(t, d.tenant+"/personas/"+persona+"/token")
	for s.exchange(t, string(token)).Status != http.StatusForbidden {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{compose: readCompose(t), secrets: filepath.Join(t.TempDir(), "secrets")}
	d.run(t, "bash", []string{"SECRETS=" + d.secrets}, composeDir+"setup.sh")
	before := d.secretFiles(t)
	d.run(t, "bash", []string{"SECRETS=" + d.secrets}, composeDir+"setup.sh")
	for name, content := range d.secretFiles(t) {
		if before[name] != content || content == "" {
			t.Errorf("a second setup.sh changes %s, or it is empty", name)
		}
	}
	d.postgres(t)
	d.put(t, "issuer-redis-url", redistest.New(t))

	dev := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0"}, d.args("tenant")...)
	d.tenant = regexp.MustCompile(`fake tenant +(http://\S+)`).FindStringSubmatch(dev.stdout.await(t, "For Hasura v2", dev.ended))[1]
	address := freeLoopback(t)
	_, port, _ := net.SplitHostPort(address)
	d.issuer = "http://" + address
	d.replaced = strings.NewReplacer("http://127.0.0.1:18081", d.tenant, "http://localhost:8080", "http://localhost:"+port,
		"/run/secrets", d.secrets, "/etc/issuer/roles.yaml", composeDir+"roles.yaml", "http://issuer:8080", d.issuer)
	for name, value := range d.compose.Services["issuer"].Environment {
		d.environ = append(d.environ, name+"="+d.replaced.Replace(value))
	}
	d.environ = slices.DeleteFunc(d.environ, func(pair string) bool { return strings.HasPrefix(pair, "ISSUER_ADMIN_LISTEN=") })
	d.environ = append(d.environ, "ISSUER_LISTEN="+address, "ISSUER_ADMIN_LISTEN=127.0.0.1:0", "ISSUER_DRAIN_DELAY=0s")
	return d
}

// args is the command line of a service.
func (d *demo) args(service string) []string {
	var args []string
	for _, arg := range d.compose.Services[service].Command {
		if d.replaced != nil {
			arg = d.replaced.Replace(arg)
		}
		args = append(args, arg)
	}
	return args
}

// run runs a program to its good end.
func (d *demo) run(t *testing.T, name string, environ []string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), environ...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", args[len(args)-1], err, out)
	}
}

func (d *demo) secretFiles(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, secret := range d.compose.Secrets {
		file, ours := strings.CutPrefix(secret.File, "secrets/")
		if !ours {
			t.Errorf("%s lies at %s", name, secret.File)
		}
		found[name] = readFile(t, filepath.Join(d.secrets, file))
	}
	return found
}

func (d *demo) put(t *testing.T, secret, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.secrets, secret), []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// postgres runs the scripts that the image runs at its first start, and lets the issuer's URL point there.
func (d *demo) postgres(t *testing.T) {
	t.Helper()
	var err error
	if d.admin, err = url.Parse(pgtest.NewEmpty(t)); err != nil {
		t.Fatal(err)
	}
	host, port := d.admin.Query().Get("host"), cmp.Or(d.admin.Port(), d.admin.Query().Get("port"), "5432")
	if host == "" {
		host = d.admin.Hostname()
	}
	user, password := d.admin.User.Username(), ""
	if user == "" {
		user = d.admin.Query().Get("user")
	}
	password, _ = d.admin.User.Password()
	d.run(t, "sh", []string{"SECRETS=" + d.secrets, "POSTGRES_USER=" + user, "PGHOST=" + host, "PGPORT=" + port, "PGPASSWORD=" + password}, composeDir+"postgres/10-accounts.sh")
	t.Cleanup(func() { d.dropDatabases(t) }) // not before: where the script failed, they may be somebody else's
	d.put(t, "issuer-database-url", d.database(t, "issuer"))
	d.put(t, "shop-database-url", d.database(t, "shop"))
}

// database is the URL that setup.sh wrote for one of the databases, on the server of the test.
func (d *demo) database(t *testing.T, name string) string {
	t.Helper()
	written, err := url.Parse(strings.TrimSpace(readFile(t, filepath.Join(d.secrets, name+"-database-url"))))
	if err != nil || written.Path != "/"+name || written.Host != "postgres:5432" {
		t.Fatalf("%s: the URL is for another one: %v", name, err)
	}
	there := *d.admin
	there.User, there.Path = written.User, written.Path
	query := there.Query()
	query.Del("user")
	query.Del("dbname")
	there.RawQuery = query.Encode()
	return there.String()
}

func (d *demo) dropDatabases(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.admin.String())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS issuer WITH (FORCE)", "DROP DATABASE IF EXISTS hasura_metadata WITH (FORCE)", "DROP DATABASE IF EXISTS shop WITH (FORCE)",
		"DROP ROLE IF EXISTS issuer, hasura_metadata, hasura_shop",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// hasura is the stand-in, with the JWT secret that compose.yaml gives to the engine.
func (d *demo) hasura(t *testing.T) string {
	t.Helper()
	secret := d.replaced.Replace(d.compose.Services["hasura"].Environment["HASURA_GRAPHQL_JWT_SECRET"])
	engine, err := hasuratest.New(hasuratest.Options{JWTSecret: secret, AdminSecret: "of-the-demo", GraphQLOnly: true, NoIntrospection: []string{"editor", "reader"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&shop{engine: engine, table: readTable(t), database: strings.TrimSpace(readFile(t, filepath.Join(d.secrets, "shop-database-url")))})
	t.Cleanup(func() {
		server.Close()
		if faults := engine.Faults(); len(faults) > 0 {
			t.Error(faults)
		}
	})
	return server.Listener.Addr().String()
}

// nginx runs the gateway with the configuration that is shipped, until the test ends.
func (d *demo) nginx(t *testing.T, hasura string) {
	t.Helper()
	dir := t.TempDir()
	d.gateway = freeLoopback(t)
	temporary := "http {\n"
	for _, module := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += module + "_temp_path " + dir + "/" + module + ";\n"
	}
	config := strings.NewReplacer("http {\n", temporary, "hasura:8080", hasura, "issuer:8080", strings.TrimPrefix(d.issuer, "http://"),
		"/etc/tls/", d.secrets+"/", "listen 443 ", "listen "+d.gateway+" ", "listen 80 ", "listen "+freeLoopback(t)+" ").Replace(readFile(t, "../../deploy/gateways/nginx.conf"))
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where Debian puts it, which not everybody's PATH has
	}
	var said bytes.Buffer
	command := exec.CommandContext(t.Context(), program, "-p", dir, "-c", path, "-g", "daemon off; master_process off; pid "+dir+"/pid;")
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
}

// ask runs ask.sh as the container of that name does.
func (d *demo) ask(t *testing.T) (code int, output string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(d.gateway)
	command := exec.CommandContext(t.Context(), "sh", composeDir+"ask.sh")
	command.Env = append(os.Environ(), "CA="+d.secrets+"/tls.crt", "TENANT="+d.tenant, "GATEWAY=https://localhost:"+port+"/v1/graphql")
	out, err := command.CombinedOutput()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

func freeLoopback(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

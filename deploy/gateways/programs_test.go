package gateways

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// program is a gateway's program with the configuration that is shipped. Tests only put in their own addresses.
type program struct {
	name, config string
	run          func(t *testing.T, dir, config string) *exec.Cmd
	own          func(t *testing.T, g *gateway, dir, text string) string // what a test's own folder needs beside
}

var programs = []program{
	{name: "nginx", config: "nginx.conf", run: func(t *testing.T, dir, config string) *exec.Cmd {
		return exec.CommandContext(t.Context(), find(t, "nginx"), "-p", dir, "-c", config, "-g", "daemon off; master_process off; pid "+dir+"/pid;")
	}, own: func(_ *testing.T, _ *gateway, dir, text string) string {
		var paths strings.Builder
		for _, module := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			paths.WriteString("    " + module + "_temp_path " + dir + "/" + module + ";\n")
		}
		return strings.Replace(text, "http {\n", "http {\n"+paths.String(), 1)
	}},
	{name: "caddy", config: "Caddyfile", run: func(t *testing.T, dir, config string) *exec.Cmd {
		command := exec.CommandContext(t.Context(), find(t, "caddy"), "run", "--config", config, "--adapter", "caddyfile")
		command.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
		return command
	}, own: func(_ *testing.T, _ *gateway, _, text string) string { return text }},
	{name: "haproxy", config: "haproxy.cfg", run: func(t *testing.T, _, config string) *exec.Cmd {
		t.Helper()
		return exec.CommandContext(t.Context(), find(t, "haproxy"), "-db", "-f", config)
	}, own: func(t *testing.T, g *gateway, dir, text string) string {
		t.Helper()
		g.copy(t, dir, "haproxy-forward-auth.lua")
		return strings.ReplaceAll(text, "/etc/haproxy/", dir+"/")
	}},
}

// find returns where a program is, also where Debian puts servers, which not everybody's PATH has.
func find(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed: run make setup", name)
	return ""
}

// gateway is one that runs, between clients and a Hasura that writes down what it gets.
type gateway struct {
	name        string // of the program
	https, http string
	roots       *x509.CertPool
	client      *http.Client
	issuer      *httptest.Server
	replacer    *strings.Replacer

	mu       sync.Mutex // guards what follows
	attempt  string     // the one that is being made
	requests []request
}

// request is what Hasura got.
type request struct {
	*http.Request
	body    string
	attempt string
}

const data = `{"data":{"a":1}}`

func (p program) start(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{name: p.name, roots: x509.NewCertPool(), https: freeAddress(t), http: freeAddress(t)}
	hasura := httptest.NewServer(http.HandlerFunc(g.hasura))
	t.Cleanup(hasura.Close)
	g.issuer = httptest.NewServer(forwardAuth(t))
	t.Cleanup(g.issuer.Close)
	dir := t.TempDir()
	g.makeCertificate(t, dir)
	g.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.roots, ServerName: "gateway"}}, Timeout: far}

	g.replacer = strings.NewReplacer(
		"hasura:8080", hasura.Listener.Addr().String(), "issuer:8080", g.issuer.Listener.Addr().String(), "/etc/tls/", dir+"/",
		"bind :443", "bind "+g.https, "bind :80", "bind "+g.http,
		"listen 443 ", "listen "+g.https+" ", "listen 80 ", "listen "+g.http+" ", "https://:443", "https://"+strings.Replace(g.https, "127.0.0.1", "", 1), "http://:80", "http://"+strings.Replace(g.http, "127.0.0.1", "", 1),
	)
	config := g.copy(t, dir, p.config)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(p.own(t, g, dir, string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	g.serve(t, p.run(t, dir, config))
	return g
}

// copy puts a file that is shipped into a test's folder, with the test's addresses.
func (g *gateway) copy(t *testing.T, dir, name string) string {
	t.Helper()
	shipped, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(g.replacer.Replace(string(shipped))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve runs the program until the test ends.
func (g *gateway) serve(t *testing.T, command *exec.Cmd) {
	t.Helper()
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	command.Cancel = func() error { return command.Process.Kill() }
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s", said.String())
		}
	})
	for _, address := range []string{g.https, g.http} {
		awaitListener(t, address, ended)
	}
}

func awaitListener(t *testing.T, address string, ended <-chan struct{}) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		if conn, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatal("the gateway has ended")
		case <-t.Context().Done():
			t.Fatal("the gateway does not listen")
		}
	}
}

var addresses atomic.Int64 // that were given out

// freeAddress returns one that nobody has until the gateway does: each once, and below the ports that systems give to who
// wants any, since one of those may be another's before the gateway has begun.
func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	for range 1000 {
		next := (int64(os.Getpid()) + addresses.Add(1)) * 7 // so that processes begin somewhere else
		address := fmt.Sprintf("127.0.0.1:%d", 15000+next%15000)
		if listener, err := config.Listen(t.Context(), "tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (g *gateway) makeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gateway"}, DNSNames: []string{"gateway"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	sealed := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	g.roots.AppendCertsFromPEM(certificate)
	for name, content := range map[string][]byte{"tls.crt": certificate, "tls.key": sealed, "tls.pem": append(certificate, sealed...)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// hasura answers everything, and writes down what it was asked.
func (g *gateway) hasura(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.requests = append(g.requests, request{r, string(body), g.attempt})
	g.mu.Unlock()
	if r.Header.Get("Upgrade") == "" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, data)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	_, _ = io.Copy(conn, buffered)
}

// forwardAuth judges as the issuer does, by tokens that say what becomes of them, and wants to be asked as the issuer does.
func forwardAuth(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/forward-auth" || r.ContentLength > 0 || len(r.Header.Values("X-Forwarded-For")) != 1 || r.Header.Get("X-Forwarded-For") != "127.0.0.1" {
			t.Errorf("the issuer was asked %s with %d bytes for %q", r.URL.Path, r.ContentLength, r.Header.Values("X-Forwarded-For"))
		}
		tokens := r.Header.Values("Authorization")
		token := ""
		if len(tokens) == 1 {
			token = strings.TrimPrefix(tokens[0], "Bearer ")
		}
		switch token {
		case "good":
			w.Header().Set("Authorization", "Bearer minted")
		case "blocked":
			w.WriteHeader(http.StatusForbidden)
		case "often":
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case "later":
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// try notes which attempt comes next.
func (g *gateway) try(attempt string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.attempt = attempt
}

// all returns what Hasura got so far.
func (g *gateway) all() []request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]request(nil), g.requests...)
}

// seen returns what Hasura got, as many requests as are wanted, after it was judged.
func (g *gateway) seen(t *testing.T, want int) []request {
	t.Helper()
	g.judge(t)
	all := g.all()
	if len(all) != want {
		for _, r := range all {
			t.Logf("%s %s (%s)", r.Method, r.RequestURI, r.attempt)
		}
		t.Fatalf("Hasura got %d requests, want %d", len(all), want)
	}
	return all
}

var roleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// judge holds everything that Hasura got to what it may get.
func (g *gateway) judge(t *testing.T) {
	t.Helper()
	for _, r := range g.all() {
		if r.RequestURI != "/v1/graphql" {
			t.Errorf("%s: Hasura was asked for %s", r.attempt, r.RequestURI)
		}
		tokens := r.Header.Values("Authorization")
		needless := r.Method == http.MethodOptions || r.Header.Get("Upgrade") != ""
		if (len(tokens) != 1 || tokens[0] != "Bearer minted") && (len(tokens) != 0 || !needless) {
			t.Errorf("%s: Hasura got the tokens %q", r.attempt, tokens)
		}
		for name, values := range r.Header {
			plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
			role := name == "X-Hasura-Role" && len(values) == 1 && roleName.MatchString(values[0]) && values[0] != "admin"
			if strings.HasPrefix(plain, "x-hasura") && !role {
				t.Errorf("%s: Hasura got %s: %q", r.attempt, name, values)
			}
		}
	}
}

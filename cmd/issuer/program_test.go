package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
)

// asProgram is set in the environment of a copy of this process that is to be the program itself.
const asProgram = "TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	pgtest.Main(m)
}

// output collects what a program prints; it may be read while the program runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // holds a token after each write
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await returns once the output holds mark, with everything printed so far.
func (o *output) await(t testing.TB, mark string, ended <-chan int) string {
	t.Helper()
	for {
		if text := o.String(); strings.Contains(text, mark) {
			return text
		}
		select {
		case <-o.more:
		case code := <-ended:
			t.Fatalf("the program ended with %d before it printed %q; it printed:\n%s", code, mark, o.String())
		case <-t.Context().Done():
			t.Fatalf("the test ended before the program printed %q", mark)
		}
	}
}

// running is a program that has been started and not yet stopped.
type running struct {
	stdout, stderr *output
	stop           context.CancelFunc
	ended          chan int
}

// start runs the program with args in the background; the test stops it at its end.
func start(t testing.TB, environ []string, args ...string) *running {
	t.Helper()
	return startProgram(t, program{environ: environ}, args...)
}

// startProgram is start for a program that stands on more than its environment.
func startProgram(t testing.TB, p program, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{stdout: newOutput(), stderr: newOutput(), stop: stop, ended: make(chan int, 1)}
	p.redis = redisconn.OpenPatiently // the usual one goes on without Redis where this machine is busy, and answers change their source
	p.rsaKey = rsatest.Lender(t)
	p.stdin, p.stdout, p.stderr = strings.NewReader(""), r.stdout, r.stderr
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- p.run(ctx, args)
	}()
	t.Cleanup(func() { stop(); <-done })
	return r
}

// end tells the program to stop, as Ctrl-C does, and returns its exit code.
func (r *running) end() int {
	r.stop()
	return <-r.ended
}

// execute runs the program with args to its end.
func execute(t testing.TB, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return executeWith(t, environ, "", args...)
}

func executeWith(t testing.TB, environ []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := program{environ: environ, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs}
	code = p.run(t.Context(), args)
	return code, out.String(), errs.String()
}

// entra is a fake tenant behind a real HTTP server on loopback.
func entra(t testing.TB) (*faketenant.Tenant, *httptest.Server) {
	t.Helper()
	tenant, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	tenant.SetAuthority(server.URL)
	return tenant, server
}

// hangUp is what an Entra that is gone does for tests. The port of one that was closed may be somebody else's soon.
func hangUp(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

const testURL = "https://issuer.example"

// environ are the settings of a service on the tenant at authority, with more behind them.
func environ(authority string, more ...string) []string {
	return append([]string{
		"ISSUER_URL=" + testURL,
		"ISSUER_LISTEN=127.0.0.1:0",
		"ISSUER_ADMIN_LISTEN=127.0.0.1:0",
		"ISSUER_DRAIN_DELAY=0s",
		"ISSUER_ENTRA_AUTHORITY=" + authority,
		"ISSUER_ENTRA_TENANTS=" + faketenant.TenantID,
		"ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID + ",api://" + faketenant.APIClientID,
		"ISSUER_ENTRA_APP_ROLES=Hasura.Exchange",
	}, more...)
}

// served is a running `issuer serve` and the address it answers at.
type served struct {
	*running
	base  string // http://127.0.0.1:port
	admin string // the same for operators
}

// serve starts `issuer serve` and returns once it is ready in every part.
func serve(t testing.TB, environ []string) served {
	t.Helper()
	s := serveCold(t, environ)
	s.awaitReady(t)
	return s
}

// serveCold starts `issuer serve` and returns once it listens.
func serveCold(t testing.TB, environ []string) served {
	t.Helper()
	return listening(t, start(t, environ, "serve"))
}

// listening returns once r, an `issuer serve`, listens.
func listening(t testing.TB, r *running) served {
	t.Helper()
	text := r.stderr.await(t, `"message":"listening"`, r.ended)
	for line := range strings.Lines(text) {
		var entry struct {
			Message string `json:"message"`
			Address string `json:"address"`
			Admin   string `json:"admin_address"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message == "listening" {
			return served{r, "http://" + entry.Address, "http://" + entry.Admin}
		}
	}
	t.Fatalf("no address in:\n%s", text)
	return served{}
}

// awaitReady polls /readyz?full until every part is well.
func (s served) awaitReady(t testing.TB) {
	t.Helper()
	s.awaitStatus(t, "/readyz?full", http.StatusOK)
}

// awaitEntra polls until Entra's keys are there, whatever else is not.
func (s served) awaitEntra(t testing.TB) {
	t.Helper()
	s.awaitBody(t, "/readyz", `"entra":"ok"`)
}

func (s served) awaitStatus(t testing.TB, path string, want int) {
	t.Helper()
	s.await(t, path, func(status int, _ string) bool { return status == want })
}

// awaitBody polls path until the answer holds text.
func (s served) awaitBody(t testing.TB, path, text string) {
	t.Helper()
	s.await(t, path, func(_ int, body string) bool { return strings.Contains(body, text) })
}

// await polls path until the answer is as wanted.
func (s served) await(t testing.TB, path string, wanted func(status int, body string) bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		response, body := s.get(t, path)
		if wanted(response.StatusCode, string(body)) {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s never answered as wanted; the last answer was %s\n%s", path, response.Status, body)
		}
	}
}

func (s served) get(t testing.TB, path string) (*http.Response, []byte) {
	t.Helper()
	return get(t, s.base+path)
}

func get(t testing.TB, url string) (*http.Response, []byte) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

// answer is what the token endpoint answered, of either kind.
type answer struct {
	Status      int
	RetryAfter  string
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Reason      string `json:"reason"`
}

// exchange posts token to the token endpoint, with more form parameters behind it.
func (s served) exchange(t testing.TB, token string, more ...string) answer {
	t.Helper()
	return s.exchangeFor(t, "", token, more...)
}

// exchangeFor is exchange as a proxy does it for a client whose address it names.
func (s served) exchangeFor(t testing.TB, client, token string, more ...string) answer {
	t.Helper()
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {token}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		request.Header.Set("X-Forwarded-For", client)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: response.StatusCode, RetryAfter: response.Header.Get("Retry-After")}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("the answer (%s) is no JSON: %v", response.Status, err)
	}
	return a
}

// personaToken is a fresh Entra token of persona.
func personaToken(t testing.TB, tenant *faketenant.Tenant, persona string) string {
	t.Helper()
	token, err := tenant.Token(persona)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// jws is a token, wherever it stands.
var jws = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

// exchange runs `issuer exchange` with an Entra token on standard input.
func (d developing) exchangeBy(t *testing.T, token string, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	code, stdout, stderr = executeWith(t, nil, token, append([]string{"exchange", "--issuer", d.base, "--subject-token-file", "-"}, flags...)...)
	if jws.MatchString(stderr) {
		t.Errorf("a token on stderr: %s", stderr)
	}
	return code, stdout, stderr
}

func TestExchangeShowsTheTokenDecoded(t *testing.T) {
	t.Parallel()
	d := develop(t)
	code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"))
	for _, want := range []string{`"alg": "ES256"`, `"x-hasura-default-role": "editor"`, "\nroles  editor, ", "the first one is the default", "\nends   20", ", in 5m0s\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
	if code != exitDone || stderr != "" || jws.MatchString(stdout) {
		t.Errorf("exit code %d, stderr %q, stdout:\n%s", code, stderr, stdout)
	}
}

func TestExchangeRawIsTheTokenAndNothingElse(t *testing.T) {
	t.Parallel()
	d := develop(t)
	code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), "--raw", "--role", "reader")
	token := strings.TrimSuffix(stdout, "\n")
	if code != exitDone || stderr != "" || jws.FindString(token) != token {
		t.Fatalf("exit code %d, %d bytes, stderr %q", code, len(stdout), stderr)
	}
	if decoded, err := decodeJWT(token); err != nil || !strings.Contains(decoded, `"x-hasura-default-role": "reader"`) || strings.Contains(decoded, "editor") {
		t.Errorf("not narrowed: %v\n%s", err, decoded)
	}
}

func TestExchangeJSONHasTheTokenBothWays(t *testing.T) {
	t.Parallel()
	d := develop(t)
	path := filepath.Join(t.TempDir(), "entra.token")
	if err := os.WriteFile(path, []byte(d.token(t, "editor")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := execute(t, []string{"ISSUER_URL=" + d.base}, "exchange", "--subject-token-file", path, "--json", "--scope", "reader editor")
	var got struct {
		AccessToken string         `json:"access_token"`
		ExpiresAt   time.Time      `json:"expires_at"`
		Roles       []string       `json:"roles"`
		Header      map[string]any `json:"header"`
		Claims      map[string]any `json:"claims"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); code != exitDone || err != nil {
		t.Fatalf("exit code %d, %v, %s", code, err, stderr)
	}
	if !jws.MatchString(got.AccessToken) || fmt.Sprint(got.Roles) != "[editor reader]" || got.Header["kid"] == "" || float64(got.ExpiresAt.Unix()) != got.Claims["exp"] {
		t.Errorf("roles %v, header %v, ends %v, claims %v", got.Roles, got.Header, got.ExpiresAt, got.Claims)
	}
}

// entering is a wait in which a person does what the program has asked for on another screen.
func entering(t *testing.T, stderr *output, client *http.Client, choice string) waiter {
	t.Helper()
	prompt := regexp.MustCompile(`open (\S+) on any screen and enter the code (\w+) \(good for 15m\)`)
	return func(context.Context, time.Duration) error {
		m := prompt.FindStringSubmatch(stderr.String())
		if m == nil {
			return fmt.Errorf("nobody was told where to sign in: %q", stderr)
		}
		response, err := client.Get(m[1] + "?user_code=" + m[2] + "&" + choice)
		if err == nil {
			err = response.Body.Close()
		}
		return err
	}
}

// TestExchangeSignsInWithACode runs the line that issuer dev prints, by http and over TLS.
func TestExchangeSignsInWithACode(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	for name, flags := range map[string][]string{"http": nil, "TLS": {"--tls", ca}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := develop(t, flags...)
			client := &http.Client{}
			if flags != nil {
				client = trusting(t, ca)
			}
			_, line, _ := strings.Cut(d.screen, "issuer exchange ")
			line, _, _ = strings.Cut(line, "\n")
			for choice, want := range map[string]int{"persona=editor": exitDone, "decline=1": exitFailed} {
				var stdout bytes.Buffer
				stderr := newOutput()
				p := program{azure: client, stdin: strings.NewReader(""), stdout: &stdout, stderr: stderr, wait: entering(t, stderr, client, choice)}
				code := p.run(t.Context(), append([]string{"exchange", "--json"}, strings.Fields(line)...))
				if code != want || strings.Contains(stdout.String(), `"x-hasura-default-role": "editor"`) != (want == exitDone) {
					t.Errorf("%s: exit code %d, stderr %s", choice, code, stderr)
				}
				if want == exitFailed && !strings.Contains(stderr.String(), "declined") {
					t.Errorf("stderr %s", stderr)
				}
			}
		})
	}
}

func TestExchangeSignsInByTheServicesSettings(t *testing.T) {
	t.Parallel()
	d := develop(t)
	stderr := newOutput()
	var stdout bytes.Buffer
	environ := append([]string{"ISSUER_URL=" + d.base, "ISSUER_ENTRA_CLIENTS=" + faketenant.NativeClientID}, regexp.MustCompile(`ISSUER_ENTRA_[A-Z_]+=\S+`).FindAllString(d.screen, -1)...)
	p := program{environ: environ, stdin: strings.NewReader(""), stdout: &stdout, stderr: stderr, wait: entering(t, stderr, http.DefaultClient, "persona=reader")}
	if code := p.run(t.Context(), []string{"exchange"}); code != exitDone || !strings.Contains(stdout.String(), "\nroles  reader\n") {
		t.Errorf("exit code %d, stdout %s, stderr %s", code, &stdout, stderr)
	}
}

// azure puts a program named az onto a PATH of its own.
func fakeAz(t *testing.T, script string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "az"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + folder
}

func TestExchangeTakesATokenOfTheAzureCLI(t *testing.T) {
	t.Parallel()
	d := develop(t)
	scope := "api://" + faketenant.APIClientID + "/access_as_user"
	relative := strings.TrimPrefix(fakeAz(t, `echo '{"accessToken":"`+d.token(t, "editor")+`"}'`), "PATH=")
	if here, err := os.Getwd(); err == nil {
		relative, _ = filepath.Rel(here, relative)
	}
	wanted := "account get-access-token --scope " + scope + " --output json --tenant " + faketenant.TenantID
	for name, c := range map[string]struct {
		path string
		code int
		want string
	}{
		"it has one": {fakeAz(t, `[ "$*" = "`+wanted+`" ] || { echo "$*" >&2; exit 3; }; echo '{"accessToken":"`+d.token(t, "editor")+`","tokenType":"Bearer"}'`), exitDone, ""},
		"none there": {"PATH=" + t.TempDir(), exitFailed, "install the Azure CLI and run az login"},
		"no PATH":    {"A=b", exitFailed, "install the Azure CLI and run az login"},
		"relative":   {"PATH=" + relative, exitFailed, "install the Azure CLI and run az login"},
		"signed out": {fakeAz(t, `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`), exitFailed, "az is not signed in: run az login --scope '" + scope + "'"},
		"refused":    {fakeAz(t, `echo "ERROR: AADSTS65001: alice@contoso.example has not consented" >&2; exit 1`), exitFailed, "AADSTS65001"},
		"stale":      {fakeAz(t, `echo "ERROR: AADSTS700082: alice@contoso.example, the token has expired" >&2; exit 1`), exitFailed, "run az login --scope"},
		"broken":     {fakeAz(t, `echo "alice@contoso.example" >&2; exit 7`), exitFailed, "exit status 7"},
		"no token":   {fakeAz(t, `echo '{}'`), exitFailed, "answers without a token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, []string{c.path}, "exchange", "--issuer", d.base, "--az", "--tenant", faketenant.TenantID, "--entra-scope", scope, "--raw")
			if code != c.code || !strings.Contains(stderr, c.want) || jws.MatchString(stdout) != (code == exitDone) || strings.Contains(stderr, "alice") || jws.MatchString(stderr) {
				t.Errorf("exit code %d, %d bytes, stderr %q", code, len(stdout), stderr)
			}
		})
	}
}

func TestARefusedExchangeSaysTheCureAndTheNextCommand(t *testing.T) {
	t.Parallel()
	d := develop(t)
	altered := d.token(t, "editor")
	altered = altered[:len(altered)-8] + "AAAAAAAA"
	for name, c := range map[string]struct {
		token string
		flags []string
		want  []string
	}{
		"a role not held": {d.token(t, "reader"), []string{"--role", "editor", "--role", "x"}, []string{
			"role_not_granted (400): the scope", "\n  next, where the issuer runs: issuer roles explain --user 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101 --tenant " + faketenant.TenantID + " --role editor\n",
		}},
		"an altered token": {altered, nil, []string{"signature_invalid (400): the token was altered", "next, where the issuer runs: issuer check --online --token - <"}},
		"no token":         {"hunter2", nil, []string{"token_malformed (400): send the access token"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := d.exchangeBy(t, c.token, c.flags...)
			if code != exitFailed || stdout != "" || strings.Contains(stderr, "hunter2") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, stderr)
				}
			}
		})
	}
}

// TestTheCuresAreThoseOfTheREADME also has every next command understood.
func TestTheCuresAreThoseOfTheREADME(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("(?m)^\\| [0-9]{3} `[a-z_]+` \\| `([a-z_]+)` \\| (.+) \\|$")
	link := regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)
	documented := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(content(t, "README.md"), -1) {
		documented[m[1]] = true
		if want := strings.ReplaceAll(link.ReplaceAllString(m[2], "$2"), "`", ""); reasonCures[m[1]] != want {
			t.Errorf("%s: the program says\n%s\nand the README\n%s", m[1], reasonCures[m[1]], want)
		}
		next := nextCommand(m[1], "", "editor", "abc")
		if next == "" {
			continue
		}
		args := strings.Fields(strings.ReplaceAll(strings.Split(next, " <")[0], "OBJECT_ID", faketenant.TenantID))
		if _, err := parserOf(t).Parse(args[1:]); err != nil {
			t.Errorf("%s: %s: %v", m[1], next, err)
		}
	}
	for reason := range reasonCures {
		if !documented[reason] {
			t.Errorf("%s is not in the README", reason)
		}
	}
}

// TestAnAddressThatHasNoTokenEndpointIsNamed: one with a path, or the operators' listener.
func TestAnAddressThatHasNoTokenEndpointIsNamed(t *testing.T) {
	t.Parallel()
	d := develop(t)
	for _, issuer := range []string{d.base + "/oauth2/token", d.base + "/oauth2/token/"} {
		code, _, stderr := d.exchangeBy(t, d.token(t, "editor"), "--issuer", issuer)
		if code != exitFailed || !strings.Contains(stderr, "there is nothing at "+d.base+"/oauth2/token/oauth2/token (404 Not Found): check --issuer") {
			t.Errorf("exit code %d, %q", code, stderr)
		}
	}
	if code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), "--issuer", d.base+"/", "--raw"); code != exitDone || strings.Count(stdout, ".") != 2 {
		t.Errorf("a slash behind it: exit code %d, %q", code, stderr)
	}
}

func TestTheNextCommandIsAboutTheAppThatCameByItself(t *testing.T) {
	t.Parallel()
	tenant, _ := entra(t)
	token, err := tenant.Token("daemon")
	if err != nil {
		t.Fatal(err)
	}
	if got := nextCommand("blocked", token, "", ""); got != "issuer roles unblock --app "+faketenant.DaemonClientID+" --tenant "+faketenant.TenantID {
		t.Error(got)
	}
}

func TestWrongUsageOfExchangeAsksNobody(t *testing.T) {
	t.Parallel()
	const at = "--issuer https://auth.example.com "
	for line, want := range map[string]string{
		"": "--issuer wants", "--issuer http://auth.example.com --az": "https (http only for a loopback host)", "--issuer https://a.example//": "and nothing behind it",
		at + "--az --subject-token-file eyJhunter2hunter2 hunter2": "(not shown", at + "--role eyJhunter2hunter2 --rolle x": "unknown flag --rolle",
		"--issuer https://auth.example.com/eyJhunter2hunter2 --az": "--issuer is (not shown", at + "--query {a} --hasura https://h.example/eyJhunter2hunter2": "--hasura wants",
		at + "--tenant -eyJhunter2hunter2 --help": "(not shown", at + "eyJhunter2hunter2.token": "unexpected argument (not shown", at + "--role=a --raw=eyJhunter2hunter2.token": "(not shown",
		at + "--az --subject-token-file -": "can't be used together", at + "--raw --json": "can't be used together",
		at + "--query {a}": "--hasura wants", at + "--query {a} --hasura http://hasura.example.com": "--hasura wants", at + "--hasura https://h.example": "for --query",
		at + "--query {a} --hasura https://h.example --raw": "leave out --raw", at + "--query @/nowhere --hasura https://h.example": "--query:",
		at + "--query {a} --hasura https://h.example --variables [1]": "JSON object",
		at + "--az":                    "--entra-scope wants",
		at + "--entra-scope api://x/y": "--client wants",
		at + "--entra-scope api://x/y --client someone":                      "--client wants",
		at + "--subject-token-file eyJhunter2.token":                         "path of a file",
		at + "--subject-token-file -":                                        "which is empty",
		at + "--entra-scope api://x/y --client " + faketenant.NativeClientID: "--tenant wants",
		at + "--entra-scope api://x/y --authority http://evil.example --tenant " + faketenant.TenantID + " --client " + faketenant.NativeClientID: "--authority is",
	} {
		words := strings.Fields(strings.NewReplacer("hunter2hunter2", "hunter2hunter2\x01\xff").Replace(line)) // which may be quoted in another form
		code, stdout, stderr := execute(t, nil, append([]string{"exchange"}, words...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "hunter2") {
			t.Errorf("issuer exchange %s: exit code %d, stdout %q, stderr %q, want %q", line, code, stdout, stderr, want)
		}
	}
}

// TestATokenIsSentNowhereElse: neither issuer nor engine can send it on.
func TestATokenIsSentNowhereElse(t *testing.T) {
	t.Parallel()
	d := develop(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	t.Cleanup(elsewhere.Close)
	sendsOn := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(sendsOn.Close)
	token := d.token(t, "editor")
	code, stdout, stderr := executeWith(t, nil, token, "exchange", "--subject-token-file", "-", "--issuer", sendsOn.URL)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "a redirect is not followed with a token") {
		t.Errorf("issuer: exit code %d, %q, %q", code, stdout, stderr)
	}
	code, stdout, stderr = d.exchangeBy(t, token, "--query", "{ __typename }", "--hasura", sendsOn.URL)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "a redirect is not followed with a token") {
		t.Errorf("engine: exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestAnAnswerThatIsNoTokenIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a page": "<p>hunter2</p>", "no JWT": `{"access_token":"hunter2"}`, "no claims": `{"access_token":"aHVudGVyMg.aHVudGVyMg.x"}`,
		"no end": `{"access_token":"e30.e30.hunter2"}`, "a reason of somebody's": `{"reason":"hunter2 \u001b[31m"}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		code, stdout, stderr := executeWith(t, nil, "x", "exchange", "--subject-token-file", "-", "--issuer", server.URL)
		server.Close()
		if code != exitFailed || stdout != "" || strings.Contains(stderr, "hunter2") {
			t.Errorf("%s: exit code %d, %q, %q", name, code, stdout, stderr)
		}
	}
	_, _, stderr := executeWith(t, nil, "x", "exchange", "--subject-token-file", "-", "--issuer", "http://127.0.0.1:1")
	if !strings.Contains(stderr, "is it up there?") {
		t.Errorf("nobody there: %q", stderr)
	}
}

// devEngine is an engine that trusts a running issuer dev, set up by what that prints.
func (d developing) devEngine(t *testing.T, change func(*hasuratest.Options)) string {
	t.Helper()
	o := hasuratest.Options{AdminSecret: engineSecret}
	_, rest, _ := strings.Cut(d.screen, "HASURA_GRAPHQL_JWT_SECRET='")
	o.JWTSecret, _, _ = strings.Cut(rest, "'\n")
	change(&o)
	engine, err := hasuratest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	return server.URL
}

func TestExchangeRunsAQuery(t *testing.T) {
	t.Parallel()
	d := develop(t)
	engine := d.devEngine(t, func(*hasuratest.Options) {})
	file := filepath.Join(t.TempDir(), "q.graphql")
	if err := os.WriteFile(file, []byte("query Q { __typename }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{
		{"--query", "{ __typename }", "--hasura", engine}, {"--query", "{ __typename }", "--hasura", engine + "/"}, {"--query", "@" + file, "--hasura", engine + "/v1/graphql", "--variables", `{"a": [1]}`},
	} {
		code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), flags...)
		var answer struct {
			Data map[string]any `json:"data"`
		}
		if err := json.Unmarshal([]byte(stdout), &answer); code != exitDone || err != nil || answer.Data["__typename"] != "query_root" || stderr != "" {
			t.Errorf("%v: exit code %d, %v, %q, %q", flags, code, err, stdout, stderr)
		}
	}
	code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), "--query", "{ __typename }", "--hasura", d.devEngine(t, func(o *hasuratest.Options) { o.AllowList = true }))
	if code != exitFailed || !strings.Contains(stdout, "validation-failed") || stderr != "issuer: the answer has errors\n" {
		t.Errorf("errors: exit code %d, %q, %q", code, stdout, stderr)
	}
	other := d.devEngine(t, func(o *hasuratest.Options) { o.JWTSecret = strings.Replace(o.JWTSecret, `"hasura"`, `"other"`, 1) })
	code, _, stderr = d.exchangeBy(t, d.token(t, "editor"), "--query", "{ __typename }", "--hasura", other)
	if code != exitFailed || !strings.Contains(stderr, "invalid-jwt") || !strings.Contains(stderr, "next: issuer check --online --hasura-url ") {
		t.Errorf("invalid-jwt: exit code %d, %q", code, stderr)
	}
}

// TestAnEngineThatRepeatsTheTokenDoesNotHaveItShown sends variables and query back, as a broken engine may.
func TestAnEngineThatRepeatsTheTokenDoesNotHaveItShown(t *testing.T) {
	t.Parallel()
	d := develop(t)
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		_ = json.MarshalWrite(w, map[string]any{"data": map[string]string{"you": r.Header.Get("Authorization"), "asked": body.String()}})
	}))
	t.Cleanup(engine.Close)
	code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), "--query", "query Q($a: Int) { x(a: $a) }", "--variables", `{"a": 1}`, "--hasura", engine.URL)
	if code != exitDone || jws.MatchString(stdout) || !strings.Contains(stdout, `"Bearer (token)"`) || !strings.Contains(stdout, `\"variables\":{\"a\":1}`) {
		t.Errorf("exit code %d, stderr %q, stdout without its token: %s", code, stderr, jws.ReplaceAllString(stdout, "TOKEN"))
	}
}

// echoing is the URL of a server that answers with the token that it was sent, in that form.
func echoing(t *testing.T, format string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, format, r.FormValue("subject_token")+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestNoErrorOfACommandRepeatsATokenThatWasSent: those of net/http quote what they cannot read.
func TestNoErrorOfACommandRepeatsATokenThatWasSent(t *testing.T) {
	t.Parallel()
	d := develop(t)
	for name, format := range map[string]string{
		"a header without a colon": "HTTP/1.1 200 OK\r\nX %s\r\n\r\n",
		"a place that is none":     "HTTP/1.1 302 Found\r\nLocation: http://[x?%s\r\n\r\n",
		"a trailer":                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX %s\r\n\r\n",
	} {
		echo := echoing(t, format)
		for _, flags := range [][]string{{"--issuer", echo}, {"--query", "{ __typename }", "--hasura", echo}} {
			code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), flags...)
			if code != exitFailed || stdout != "" || jws.MatchString(stderr) || !strings.Contains(stderr, "the connection broke") {
				t.Errorf("%s, %s: exit code %d, %q", name, flags[0], code, jws.ReplaceAllString(stderr, "TOKEN"))
			}
		}
	}
}

// TestNobodysWordsForAStatusAreShown: they may be what we sent.
func TestNobodysWordsForAStatusAreShown(t *testing.T) {
	t.Parallel()
	d := develop(t)
	for _, status := range []int{http.StatusFound, http.StatusInternalServerError} {
		echo := echoing(t, fmt.Sprintf("HTTP/1.1 %d %%s\r\nContent-Length: 0\r\n\r\n", status))
		want := fmt.Sprintf(" answers %d %s, and ", status, http.StatusText(status))
		for _, flags := range [][]string{{"--issuer", echo}, {"--query", "{ __typename }", "--hasura", echo}} {
			code, stdout, stderr := d.exchangeBy(t, d.token(t, "editor"), flags...)
			if code != exitFailed || stdout != "" || !strings.Contains(stderr, want) {
				t.Errorf("%s %d: exit code %d, %q", flags[0], status, code, jws.ReplaceAllString(stderr, "TOKEN"))
			}
		}
	}
}

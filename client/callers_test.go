package client_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// page returns a file of the docs.
func page(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block returns the first block in that language under a heading.
func block(t *testing.T, text, heading, language string) string {
	t.Helper()
	_, below, _ := strings.Cut(text, "\n## "+heading+"\n")
	_, begun, _ := strings.Cut(below, "```"+language+"\n")
	code, _, found := strings.Cut(begun, "```\n")
	if !found {
		t.Fatalf("there is no %s under %s", language, heading)
	}
	return code
}

// hasura answers __typename to who brings a token of that issuer, and no other question.
func hasura(t *testing.T, issuer string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question struct {
			Query string `json:"query"`
		}
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if json.NewDecoder(r.Body).Decode(&question) != nil || question.Query != "{ __typename }" || !bearer || claimsOf(t, token)["iss"] != issuer {
			t.Errorf("the engine was asked %q", question.Query)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(typename))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1/graphql"
}

const typename = `{"data":{"__typename":"query_root"}}`

func TestTheShellOfTheDocsWorks(t *testing.T) {
	script := block(t, page(t, "..", "docs", "callers.md"), "A shell", "sh")
	p := dev(t)
	run := func(token string) (out, problem string, err error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ISSUER=" + p.issuer, "HASURA=" + hasura(t, p.issuer), "ENTRA_TOKEN=" + token}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
		return stdout.String(), stderr.String(), err
	}
	token, err := p.persona("editor")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out, problem, err := run(token); err != nil || out != typename {
		t.Errorf("%q, %v: %s", out, err, problem)
	}
	if out, problem, err := run("no.such.token"); err == nil || out != "" || !strings.Contains(problem, `"reason":"token_malformed"`) {
		t.Errorf("a bad token: %q, %v: %s", out, err, problem)
	}
}

func TestTheProgramOfTheDocsWorks(t *testing.T) {
	const main = "examples/daemon/main.go"
	shown := block(t, page(t, "..", "docs", "callers.md"), "Go", "go")
	flat := strings.ReplaceAll(page(t, main), "\n\t", "\n")
	if !strings.Contains(flat, shown) {
		t.Errorf("docs/callers.md shows what is not in %s:\n%s", main, shown)
	}
	p := dev(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "./examples/daemon")
	cmd.Env = append(os.Environ(), append(p.daemon, "ISSUER="+p.issuer, "HASURA="+hasura(t, p.issuer))...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	if out, err := cmd.Output(); err != nil || string(out) != typename {
		t.Errorf("%q, %v: %s", out, err, &problem)
	}
}

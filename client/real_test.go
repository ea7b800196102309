package client_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/client"
)

// program is `issuer dev` in a process of its own.
type program struct {
	issuer, tenant string
	daemon         []string // what a program of the fake tenant knows, as settings
}

// build makes the issuer once, unless TEST_BINARY names one, and returns where it is.
var build = sync.OnceValues(func() (path string, err error) {
	if given := os.Getenv("TEST_BINARY"); given != "" {
		return given, nil
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(folder, "issuer"), "./cmd/issuer")
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0") // as `make build` does, which has compiled it then
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the issuer: %w\n%s", err, output)
	}
	return filepath.Join(folder, "issuer"), nil
})

var folder string // of what is built

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "issuer-client-"); err != nil {
		panic(err)
	}
	m.Run()
	_ = os.RemoveAll(folder)
}

// dev starts it, and returns once it has greeted.
func dev(t *testing.T) program {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), path, "dev")
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 20 * time.Second
	run.Env = []string{"ISSUER_LISTEN=127.0.0.1:0"}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Wait() })
	var p program
	lines := bufio.NewScanner(out)
	for lines.Scan() && len(p.daemon) < 4 {
		p.daemon = append(p.daemon, daemonSetting.FindAllString(lines.Text(), -1)...)
		if rest, ok := strings.CutPrefix(lines.Text(), "  issuer "); ok {
			p.issuer = strings.TrimSpace(rest)
		}
		if rest, ok := strings.CutPrefix(lines.Text(), "  fake tenant "); ok {
			p.tenant = strings.TrimSpace(rest)
		}
	}
	if p.issuer == "" || p.tenant == "" || len(p.daemon) < 4 {
		t.Fatal("the issuer has not greeted")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p
}

// daemonSetting is what a daemon of the fake tenant knows.
var daemonSetting = regexp.MustCompile(`\b(ENTRA_TOKEN_URL|API|CLIENT_ID|CLIENT_SECRET)=\S+`)

// persona returns subject tokens of somebody in the fake tenant.
func (p program) persona(name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.tenant+"/personas/"+name+"/token", http.NoBody)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		token, err := io.ReadAll(response.Body)
		return strings.TrimSpace(string(token)), err
	}
}

func (p program) source(t *testing.T, persona string, roles ...string) *client.Source {
	t.Helper()
	source, err := client.New(client.Config{Issuer: p.issuer, SubjectToken: p.persona(persona), Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestWithTheRealIssuer(t *testing.T) {
	p := dev(t)
	for _, test := range []struct {
		persona string
		roles   []string
		want    string
	}{
		{"editor", nil, "editor reader"},
		{"editor", []string{"reader"}, "reader"},
		{"daemon", nil, "service"},
	} {
		token, err := p.source(t, test.persona, test.roles...).Token()
		if err != nil || token.Extra("scope") != test.want || !token.Valid() {
			t.Errorf("%s %v: %v, %v", test.persona, test.roles, token.Extra("scope"), err)
			continue
		}
		if claims := claimsOf(t, token.AccessToken); claims["iss"] != p.issuer {
			t.Errorf("%s: iss is %v", test.persona, claims["iss"])
		}
	}
	_, err := p.source(t, "editor", "owner").Token()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 400 || e.Code != "invalid_scope" || e.Reason != "role_not_granted" || e.RequestID == "" {
		t.Errorf("a role that is not held: %v", err)
	}
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("the token is no compact JWS")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

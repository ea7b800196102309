package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// inProcess runs `issuer serve` as a process of its own, and returns it with what the kernel is to be told.
func inProcess(t *testing.T, settings []string) (served, *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), self, "serve")
	r := &running{stdout: newOutput(), stderr: newOutput(), ended: make(chan int, 1)}
	command.Env, command.Stdout, command.Stderr = append(settings, asProgram+"=1"), r.stdout, r.stderr
	r.stop = func() { _ = command.Process.Kill() }
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = command.Wait()
		r.ended <- command.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { r.stop(); <-over })
	s := listening(t, r)
	s.awaitReady(t)
	return s, command
}

// takings are the tokens that clients got, by jti.
type takings struct {
	mu     sync.Mutex
	ids    []string
	enough chan struct{} // closed once there are some
}

// some is how many tokens are handed out before the service is stopped, and clients ask at once.
const (
	some    = 200
	clients = 8
)

func (g *takings) add(jti string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ids = append(g.ids, jti); len(g.ids) == some {
		close(g.enough)
	}
}

// ask exchanges tokens until the service is gone.
func (g *takings) ask(t *testing.T, s served, token string) {
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {token}}.Encode()
	for {
		response, err := http.Post(s.base+"/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form))
		if err != nil {
			return
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return // it was cut off in the middle, so nobody got a token
		}
		var a answer
		if err := json.Unmarshal(body, &a); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s, %v, reason %q", response.Status, err, a.Reason)
			return
		}
		var claims struct {
			ID string `json:"jti"`
		}
		payloadOf(t, a.AccessToken, &claims)
		g.add(claims.ID)
	}
}

// TestEveryTokenThatAClientGotIsOnRecord, however the service ends that handed it out.
func TestEveryTokenThatAClientGotIsOnRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode   string
		signal syscall.Signal
		code   int
	}{
		"required, and killed":          {auditRequired, syscall.SIGKILL, -1},
		"best effort, and told to stop": {auditBestEffort, syscall.SIGTERM, exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant, server := entra(t)
			settings := append(stores(t, server.URL)["postgres"], "ISSUER_AUDIT="+c.mode, "ISSUER_RATE_LIMIT_IP=0", "ISSUER_RATE_LIMIT_SUBJECT=0")
			s, command := inProcess(t, settings)
			got := &takings{enough: make(chan struct{})}
			var asking sync.WaitGroup
			for range clients {
				token := personaToken(t, tenant, "editor")
				asking.Go(func() { got.ask(t, s, token) })
			}
			select {
			case <-got.enough:
			case code := <-s.ended:
				t.Fatalf("it ended with %d before it was told to:\n%s", code, s.stderr)
			}
			if err := command.Process.Signal(c.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			asking.Wait()
			if code := <-s.ended; code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			s.ended <- c.code // for the clean-up
			onRecord := map[string]audit.Record{}
			for _, r := range records(t, settings, "--kind", "exchange", "--limit", "100000") {
				onRecord[r.JTI] = r
			}
			for _, jti := range got.ids {
				if r := onRecord[jti]; r.Outcome != audit.Granted || r.KID == "" {
					t.Errorf("a client got a token that is not on record: %+v", r)
				}
			}
			if missing := len(got.ids) - len(onRecord); missing > 0 || len(got.ids) < some {
				t.Errorf("%d tokens were handed out, %d are on record", len(got.ids), len(onRecord))
			}
		})
	}
}

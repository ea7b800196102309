// Package josechecktest lets a Go test ask: would a frontend's server, written with the jose library for Node.js, take
// this token? It runs ../verify.mjs, and knows nothing of who minted the token.
package josechecktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/clients/nodetest"
)

const script = "verify.mjs"

// Verify returns the claims of a token that jose verifies with the keys at jwksURL, and whose iss and aud are these and
// whose exp is to come; numbers are float64. Anything else fails the test, a machine without Node.js too. A JWKS over
// https needs a certificate that Node.js trusts. Tests may call it concurrently.
func Verify(t testing.TB, jwksURL, issuer, audience, token string) map[string]any {
	t.Helper()
	claims, err := Try(t, jwksURL, issuer, audience, token)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// Try is Verify for tokens that ought to be refused: the error is then verify.mjs's sentence with the library's code, as
// in "the token was refused (ERR_JWT_EXPIRED)", and holds nothing of the token.
func Try(t testing.TB, jwksURL, issuer, audience, token string) (map[string]any, error) {
	t.Helper()
	folder := nodetest.Install(t, source(t), script)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(folder, script), jwksURL, issuer, audience)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(token), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		sentence := strings.TrimSpace(stderr.String())
		if strings.HasPrefix(sentence, "the token was refused") { // Node.js exits with 1 for faults of its own too
			return nil, errors.New(sentence)
		}
		t.Fatalf("run %s: %v: %s", script, err, sentence)
	}
	var claims map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &claims); err != nil {
		t.Fatalf("read the claims that %s printed: %v", script, err)
	}
	return claims, nil
}

// source looks for clients/josecheck upwards from where the test runs, which is its package's folder.
func source(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; at = filepath.Dir(at) {
		candidate := filepath.Join(at, "clients", "josecheck")
		if _, err := os.Stat(filepath.Join(candidate, script)); err == nil {
			return candidate
		}
		if at == filepath.Dir(at) {
			t.Fatal("no folder clients/josecheck above this test")
		}
	}
}

package entrakeys_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

const (
	tenant = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	base   = "https://login.microsoftonline.com"
	keyID  = "a-key"
)

// signer is the one key these tests sign with.
var signer = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// entry is a key of a set as an author would write it.
func entry(tb testing.TB, changes map[string]any) map[string]any {
	tb.Helper()
	key, err := signer()
	if err != nil {
		tb.Fatal(err)
	}
	members := map[string]any{"kty": "RSA", "use": "sig", "kid": keyID, "n": encoded(key.N), "e": encoded(big.NewInt(int64(key.E)))}
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return members
}

func encoded(number *big.Int) string { return base64.RawURLEncoding.EncodeToString(number.Bytes()) }

func set(tb testing.TB, entries ...any) []byte {
	tb.Helper()
	doc, err := json.Marshal(map[string]any{"keys": entries})
	if err != nil {
		tb.Fatal(err)
	}
	return doc
}

// signs reports whether key verifies what signer signed.
func signs(tb testing.TB, key *entrakeys.Key) bool {
	tb.Helper()
	private, err := signer()
	if err != nil {
		tb.Fatal(err)
	}
	digest := sha256.Sum256([]byte("something"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return key.Verify(digest, signature) == nil
}

// inProcess is a transport that asks a handler in this process, so that time may be faked around it.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// entra answers with a good discovery document and set unless told otherwise, and notes when the set was asked for.
type entra struct {
	mu       sync.Mutex
	instead  http.HandlerFunc // nil: all is well
	asked    []time.Time
	document []byte
}

func newEntra(tb testing.TB) *entra {
	tb.Helper()
	return &entra{document: set(tb, entry(tb, nil))}
}

func (e *entra) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	home := base + "/" + tenant
	if r.URL.Path != "/"+tenant+"/discovery/v2.0/keys" {
		fmt.Fprintf(w, `{"issuer":"%s/v2.0","jwks_uri":"%s/discovery/v2.0/keys"}`, home, home)
		return
	}
	e.mu.Lock()
	e.asked = append(e.asked, time.Now())
	instead := e.instead
	e.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	w.Write(e.document)
}

func (e *entra) answer(instead http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instead = instead
}

// pauses returns when the set was asked for, as pauses between the requests.
func (e *entra) pauses() []time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	var pauses []time.Duration
	for i := 1; i < len(e.asked); i++ {
		pauses = append(pauses, e.asked[i].Sub(e.asked[i-1]))
	}
	return pauses
}

func (e *entra) requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

func newSource(tb testing.TB, e *entra) *entrakeys.Source {
	tb.Helper()
	authority, err := entrakeys.ParseAuthority(base)
	if err != nil {
		tb.Fatal(err)
	}
	return entrakeys.NewSource(authority.Tenant(tenant, ""), &http.Client{Transport: inProcess{e}}, time.Now)
}

// broken answers 503; hanging does not answer before the caller gives up.
func broken(w http.ResponseWriter, _ *http.Request)  { w.WriteHeader(http.StatusServiceUnavailable) }
func hanging(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

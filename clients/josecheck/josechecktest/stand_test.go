package josechecktest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b64(b)
}

// stand is a key per algorithm and a server of their public halves.
type stand struct {
	url  string
	keys map[string]crypto.Signer
}

func newStand(t *testing.T) stand {
	t.Helper()
	ec, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, err2 := rsa.GenerateKey(rand.Reader, 2048)
	_, ed, err3 := ed25519.GenerateKey(rand.Reader)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"keys": []any{
		map[string]string{"kid": "ES256", "alg": "ES256", "use": "sig", "kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		map[string]string{"kid": "RS256", "alg": "RS256", "use": "sig", "kty": "RSA", "n": b64(rs.N.Bytes()), "e": b64(big.NewInt(int64(rs.E)).Bytes())},
		map[string]string{"kid": "EdDSA", "alg": "EdDSA", "use": "sig", "kty": "OKP", "crv": "Ed25519", "x": b64(ed.Public().(ed25519.PublicKey))},
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(server.Close)
	return stand{server.URL, map[string]crypto.Signer{"ES256": ec, "RS256": rs, "EdDSA": ed}}
}

// sign makes a compact JWS with the key that bears the algorithm's name.
func (s stand) sign(t *testing.T, alg, kid string, claims map[string]any) string {
	t.Helper()
	input := encode(t, map[string]string{"alg": alg, "kid": kid, "typ": "JWT"}) + "." + encode(t, claims)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := s.keys[alg].(type) {
	case *ecdsa.PrivateKey:
		r, ss, signErr := ecdsa.Sign(rand.Reader, key, digest[:])
		signature, err = append(r.FillBytes(make([]byte, 32)), ss.FillBytes(make([]byte, 32))...), signErr
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	default: // HS256 with public bytes for a secret
		mac := hmac.New(sha256.New, []byte(kid))
		mac.Write([]byte(input))
		signature = mac.Sum(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(signature)
}

func claims(change map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": issuer, "aud": audience, "sub": "u1", "iat": now - 60, "nbf": now - 60, "exp": now + 300}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// witness is a test that ends at its first fatal sentence, which it keeps.
type witness struct {
	testing.TB
	sentence string
}

func (w *witness) Fatal(args ...any) {
	w.sentence, _ = args[0].(string)
	if err, ok := args[0].(error); ok {
		w.sentence = err.Error()
	}
	runtime.Goexit()
}

func (w *witness) Fatalf(format string, args ...any) {
	w.Fatal(fmt.Sprintf(format, args...))
}

func fatal(t *testing.T, ask func(t testing.TB)) string {
	t.Helper()
	w, done := &witness{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		ask(w)
	}()
	<-done
	return w.sentence
}

package hasura_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// now is the moment of every request.
func now() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

// material makes the keys that descriptions like "K1:RSA2048,use=sig,alg=RS256,kid=K1" speak of, each once.
type material struct {
	mu   sync.Mutex
	keys map[string]func() crypto.Signer
}

func newMaterial() *material { return &material{keys: map[string]func() crypto.Signer{}} }

func (m *material) key(t testing.TB, name, kind string) crypto.Signer {
	t.Helper()
	m.mu.Lock()
	id := name + ":" + kind
	if m.keys[id] == nil {
		m.keys[id] = sync.OnceValue(func() crypto.Signer { return generate(t, kind) })
	}
	key := m.keys[id]
	m.mu.Unlock()
	return key()
}

func generate(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	var key crypto.Signer
	var err error
	switch {
	case curves[kind] != nil:
		key, err = ecdsa.GenerateKey(curves[kind], rand.Reader)
	case strings.HasPrefix(kind, "RSA"):
		bits, _ := strconv.Atoi(kind[3:])
		key, err = rsa.GenerateKey(rand.Reader, bits)
	default: // Ed25519; X25519 and secp256k1 need only the look of a public key
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatalf("generate a %s key: %v", kind, err)
	}
	return key
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk makes the public JWK of a key, with use=sig and the key's name as kid, as the cases have it by default.
func jwk(kid, kind string, public crypto.PublicKey) map[string]any {
	o := map[string]any{"kid": kid, "use": "sig"}
	switch public := public.(type) {
	case *rsa.PublicKey:
		o["kty"], o["n"], o["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, _ := public.Bytes()
		size := len(point) / 2
		o["kty"], o["crv"], o["x"], o["y"] = "EC", kind, b64(point[1:1+size]), b64(point[1+size:])
	case ed25519.PublicKey:
		o["kty"], o["crv"], o["x"] = "OKP", kind, b64(public)
		if kind == "secp256k1" {
			o["kty"], o["y"] = "EC", o["x"]
		}
	}
	return o
}

// describe makes the JWK a description speaks of.
func (m *material) describe(t testing.TB, description string) map[string]any {
	t.Helper()
	description, remark, _ := strings.Cut(description, " (no ")
	name, rest, _ := strings.Cut(description, ":")
	parts := strings.Split(rest, ",")
	if strings.HasPrefix(parts[0], "kty=") {
		return map[string]any{"kty": parts[0][4:], "kid": name, "use": "sig"}
	}
	key := m.key(t, name, parts[0])
	o := jwk(name, parts[0], key.Public())
	for _, part := range parts[1:] {
		k, v, _ := strings.Cut(part, "=")
		switch part {
		case "n=00||n":
			n, _ := base64.RawURLEncoding.DecodeString(o["n"].(string))
			o["n"] = b64(append([]byte{0}, n...))
		case "n=std-base64":
			n, _ := base64.RawURLEncoding.DecodeString(o["n"].(string))
			o["n"] = base64.StdEncoding.EncodeToString(n)
		case "x=31bytes":
			o["x"] = b64(bytes.Repeat([]byte{1}, 31))
		case "x5t=40bytes":
			o["x5t"] = b64(make([]byte, 40))
		case "x5c=other":
			o["x5c"] = []string{certificate(t, m.key(t, "other", "P-256"))}
		case "key_ops=[custom]":
			o["key_ops"] = []string{"custom"}
		default:
			o[k] = v
		}
	}
	delete(o, strings.TrimSuffix(remark, ")"))
	return o
}

func certificate(t testing.TB, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func jwksOf(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	if keys == nil {
		keys = []map[string]any{}
	}
	return marshal(t, map[string]any{"keys": keys})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return b
}

// sign makes a compact JWS with the standard library; a nil key makes one without a signature.
func sign(t testing.TB, header, claims any, alg string, key crypto.Signer) string {
	t.Helper()
	input := b64(marshal(t, header)) + "." + b64(marshal(t, claims))
	if key == nil {
		return input + "."
	}
	if alg == "HS256" { // the public key's PEM taken for a secret, a classic forgery
		der, _ := x509.MarshalPKIXPublicKey(key.Public())
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	signature, err := rawSignature(key, alg, []byte(input))
	if err != nil {
		t.Fatalf("sign with %s: %v", alg, err)
	}
	return input + "." + b64(signature)
}

func rawSignature(key crypto.Signer, alg string, input []byte) ([]byte, error) {
	if key, ok := key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, input), nil
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if strings.HasPrefix(alg, "PS") {
			return rsa.SignPSS(rand.Reader, key, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, key, hash, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		size := (key.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), err
	}
	return nil, fmt.Errorf("no %s with a %T", alg, key)
}

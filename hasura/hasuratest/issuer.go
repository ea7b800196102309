package hasuratest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// What an Issuer writes into its tokens.
const (
	IssuerURL = "https://issuer.example"
	Audience  = "hasura"
	Namespace = "https://hasura.io/jwt/claims"
	KID       = "K1"
)

// Issuer signs tokens with one key, and serves its key set at every path.
type Issuer struct {
	key    *ecdsa.PrivateKey
	keySet []byte
}

// NewIssuer makes a key.
func NewIssuer() (*Issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	keySet, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KID, "x": base64url(point[1:33]), "y": base64url(point[33:]),
	}}})
	return &Issuer{key, keySet}, err
}

// ServeHTTP is the key set, with the header that a v2 engine needs.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(i.keySet)
}

// Token is one that both engines take, with the roles, the first of which is the default; change sets claims beside them,
// or others in their place.
func (i *Issuer) Token(change map[string]any, roles ...string) (string, error) {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": IssuerURL, "sub": "oid.tid", "aud": Audience, "iat": now - 60, "nbf": now - 60, "exp": now + 60, "jti": "1",
		Namespace: map[string]any{"x-hasura-default-role": roles[0], "x-hasura-allowed-roles": roles},
	}
	maps.Copy(claims, change)
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := base64url([]byte(`{"alg":"ES256","kid":"`+KID+`","typ":"JWT"}`)) + "." + base64url(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		return "", err
	}
	return input + "." + base64url(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)), nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

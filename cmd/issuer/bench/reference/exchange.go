package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// exchange checks an RS256 token and signs an ES256 one.
type exchange struct {
	subject *rsa.PublicKey
	own     *ecdsa.PrivateKey
}

func newExchange(subject *rsa.PublicKey) (*exchange, error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &exchange{subject, own}, err
}

// claims are those that an exchange needs.
type claims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	Expiry   int64    `json:"exp"`
	TenantID string   `json:"tid"`
	ObjectID string   `json:"oid"`
	Scope    string   `json:"scp"`
	Roles    []string `json:"roles"`
	Groups   []string `json:"groups"`
}

var errToken = errors.New("no good token")

func (e *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	subject, err := e.verify(r.PostForm.Get("subject_token"))
	if err != nil {
		http.Error(w, "token", http.StatusBadRequest)
		return
	}
	token, err := e.mint(subject)
	if err != nil {
		http.Error(w, "sign", http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(map[string]any{ //nolint:gosec // G101: names, not credentials
		"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "editor reader",
		"issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
	})
	if err != nil {
		http.Error(w, "json", http.StatusInternalServerError)
		return
	}
	writeJSON(w, body)
}

func (e *exchange) verify(token string) (c claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errToken
	}
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	if err := decode(parts[0], &header); err != nil || header.Algorithm != "RS256" || header.KeyID == "" {
		return c, errToken
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return c, err
	}
	digest := sha256.Sum256([]byte(token[:len(token)-len(parts[2])-1]))
	if err := rsa.VerifyPKCS1v15(e.subject, crypto.SHA256, digest[:], signature); err != nil {
		return c, err
	}
	if err := decode(parts[1], &c); err != nil || c.Expiry <= time.Now().Unix() || c.ObjectID == "" {
		return c, errToken
	}
	return c, nil
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (e *exchange) mint(subject claims) (string, error) {
	now := time.Now().Unix()
	payload, err := json.Marshal(map[string]any{
		"iss": "https://issuer.example", "aud": "hasura", "sub": subject.ObjectID, "iat": now, "exp": now + 300, "jti": rand.Text(),
		"https://hasura.io/jwt/claims": map[string]any{
			"x-hasura-allowed-roles": []string{"editor", "reader"}, "x-hasura-default-role": "editor",
			"x-hasura-user-id": subject.ObjectID, "x-hasura-tenant-id": subject.TenantID,
		},
	})
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"reference","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, e.own, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// sign writes a token as Entra does.
func sign(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestTheFloorDoesTheWorkThatItIsMeasuredFor: it would be no floor for an exchange if it did not verify, or did not sign.
func TestTheFloorDoesTheWorkThatItIsMeasuredFor(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	floor, err := newExchange(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	person := map[string]any{"oid": "somebody", "tid": "somewhere", "groups": []string{"one"}, "exp": time.Now().Add(time.Hour).Unix()}
	good := sign(t, key, person)
	person["exp"] = time.Now().Add(-time.Hour).Unix()
	parts := strings.Split(good, ".")
	ask := func(token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/exchange", strings.NewReader(url.Values{"subject_token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		floor.ServeHTTP(answer, r)
		return answer
	}
	for name, token := range map[string]string{
		"nothing": "", "no token": "a.b", "one that has ended": sign(t, key, person),
		"another's signature": parts[0] + "." + parts[1] + "." + strings.Split(sign(t, key, person), ".")[2],
	} {
		if got := ask(token); got.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, got.Code)
		}
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if got := ask(good); got.Code != http.StatusOK || json.Unmarshal(got.Body.Bytes(), &answer) != nil {
		t.Fatalf("status %d", got.Code)
	}
	minted, err := jwt.ParseSigned(answer.Token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := minted.Claims(&floor.own.PublicKey, &claims); err != nil || claims.Subject != "somebody" {
		t.Errorf("of %q, %v", claims.Subject, err)
	}
}

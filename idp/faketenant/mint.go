package faketenant

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// mint signs an access token of id for the resource app that the errand's audience means.
func (t *Tenant) mint(id identity, e errand, app string) (token string, claims map[string]any) {
	if app == graphAppID {
		claims = t.graphClaims(id, e)
		return t.signForGraph(claims), claims
	}
	claims = t.v2Claims(id, e)
	return t.Sign(claims), claims
}

func (t *Tenant) graphClaims(id identity, e errand) map[string]any {
	id.Groups = nil // Graph's own tokens have none
	c := t.v1Claims(id, e)
	c["app_displayname"], c["tenant_region_scope"], c["xms_tcdt"] = "faketenant", "EU", 1600000000
	return c
}

// signForGraph signs a token that only Graph can verify, as Entra does: its header has a nonce, and the signature covers
// the header with the nonce's hash in its place.
func (t *Tenant) signForGraph(claims map[string]any) string {
	key, nonce := t.key(KeyFirst), opaque(32)
	header := map[string]any{"typ": "JWT", "nonce": hashedNonce(nonce), "alg": "RS256", "x5t": key.kid, "kid": key.kid}
	covered := key.compact(mustJSON(header), mustJSON(claims), "RS256")
	header["nonce"] = nonce
	return replaceHeader(covered, header)
}

func hashedNonce(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var errForged = errors.New("signed by none of the tenant's keys")

// verify returns the claims of a token that one of the tenant's published keys signed, be it for Graph or not. It does not
// look at the clock.
func (t *Tenant) verify(raw string) (claims map[string]any, err error) {
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	header := parsed.Headers[0]
	key := t.publishedKey(header.KeyID)
	if key == nil {
		return nil, errForged
	}
	if header.Nonce != "" {
		hashed := map[string]any{"typ": "JWT", "nonce": hashedNonce(header.Nonce), "alg": "RS256", "x5t": header.KeyID, "kid": header.KeyID}
		if parsed, err = jwt.ParseSigned(replaceHeader(raw, hashed), []jose.SignatureAlgorithm{jose.RS256}); err != nil {
			return nil, err
		}
	}
	if err := parsed.Claims(&key.private.PublicKey, &claims); err != nil {
		return nil, errForged
	}
	return claims, nil
}

// publishedKey is the key with this kid, unless it is withdrawn or not for this directory's tokens.
func (t *Tenant) publishedKey(kid string) *signingKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range append([]*signingKey{t.keys[KeyFirst], t.keys[KeySecond]}, t.retired...) {
		if k.kid == kid && !t.withdrawn[kid] {
			return k
		}
	}
	return nil
}

// expired reports whether a token with these claims is past its exp or before its nbf.
func (t *Tenant) expired(claims map[string]any) bool {
	now := float64(t.now().Unix())
	exp, _ := claims["exp"].(float64)
	nbf, _ := claims["nbf"].(float64)
	return now >= exp || now < nbf
}

func text(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}

// texts is a claim that is a list of strings.
func texts(claims map[string]any, name string) []string {
	var all []string
	list, _ := claims[name].([]any)
	for _, one := range list {
		if s, ok := one.(string); ok {
			all = append(all, s)
		}
	}
	return slices.Clip(all)
}

func replaceHeader(token string, header map[string]any) string {
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString(mustJSON(header)) + "." + rest
}

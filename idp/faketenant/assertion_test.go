package faketenant_test

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestClientAssertionsAreJudged(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	certificates, private, err := confidential.CertFromPEM(newCertificate(t, s, faketenant.APIClientID), "")
	if err != nil {
		t.Fatal(err)
	}
	key := private.(*rsa.PrivateKey)
	modern, old := sha256.Sum256(certificates[0].Raw), sha1.Sum(certificates[0].Raw)
	names := map[jose.HeaderKey]string{
		"x5t#S256": base64.RawURLEncoding.EncodeToString(modern[:]), "x5t": base64.RawURLEncoding.EncodeToString(old[:]),
	}
	const app = faketenant.APIClientID
	tenant, now := s.url+"/"+faketenant.TenantID, time.Now()
	for name, c := range map[string]struct {
		alg      jose.SignatureAlgorithm
		header   jose.HeaderKey
		change   func(*jwt.Claims)
		spoilt   string // put behind the assertion
		kind     string // client_assertion_type, where it is another one
		wantCode float64
	}{
		"as MSAL for Go does it":    {alg: jose.PS256, header: "x5t#S256"},
		"as others do it":           {alg: jose.RS256, header: "x5t"},
		"for the issuer":            {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.Audience = jwt.Audience{tenant + "/v2.0"} }},
		"for another directory":     {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.Audience = jwt.Audience{s.url + "/x/v2.0"} }, wantCode: 700023},
		"of another subject":        {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.Subject = faketenant.SPAClientID }, wantCode: 700021},
		"of another issuer":         {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.Issuer = faketenant.SPAClientID }, wantCode: 70021},
		"expired":                   {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(-time.Minute)) }, wantCode: 700024},
		"without expiry":            {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.Expiry = nil }, wantCode: 700024},
		"not yet valid":             {alg: jose.PS256, header: "x5t#S256", change: func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(now.Add(time.Hour)) }, wantCode: 700024},
		"that names no key":         {alg: jose.PS256, header: "kid", wantCode: 700027},
		"with a spoilt signature":   {alg: jose.PS256, header: "x5t#S256", spoilt: "AAAA", wantCode: 700027},
		"that is no JWT":            {alg: jose.PS256, header: "x5t#S256", spoilt: ".", wantCode: 700027},
		"of a type nobody knows":    {alg: jose.PS256, header: "x5t#S256", kind: "saml", wantCode: 900144},
		"with an unknown algorithm": {alg: jose.PS512, header: "x5t#S256", wantCode: 700027},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: c.alg, Key: key}, (&jose.SignerOptions{}).WithHeader(c.header, names[c.header]))
			if err != nil {
				t.Fatal(err)
			}
			claims := jwt.Claims{
				Issuer: app, Subject: app, Audience: jwt.Audience{tenant + "/oauth2/v2.0/token"}, Expiry: jwt.NewNumericDate(now.Add(10 * time.Minute)),
			}
			if c.change != nil {
				c.change(&claims)
			}
			assertion, err := jwt.Signed(signer).Claims(claims).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			form := url.Values{
				"grant_type": {"client_credentials"}, "client_id": {app}, "scope": {graphScope}, "client_assertion": {assertion + c.spoilt},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			}
			if c.kind != "" {
				form.Set("client_assertion_type", c.kind)
			}
			_, got := s.token(t, faketenant.TenantID, form, nil)
			var want any
			if c.wantCode != 0 {
				want = []any{c.wantCode}
			}
			if !cmp.Equal(want, got["error_codes"]) {
				t.Errorf("%v, want AADSTS%.0f", got, c.wantCode)
			}
		})
	}
}

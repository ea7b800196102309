package faketenant

import (
	"crypto/sha1" //nolint:gosec // x5t is a SHA-1 by definition (RFC 7515 section 4.1.7)
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// ways how a client authenticated, as azpacr and appidacr tell them.
const (
	acrNone      = "0"
	acrSecret    = "1"
	acrAssertion = "2"
)

// client finds the app that sends the request, and how it proved that it is the one. An app that shows no credential is
// let through with acrNone: whether that will do depends on the grant.
func (t *Tenant) client(r *http.Request, segment string) (app registration, acr string, err error) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic { // RFC 6749 section 2.3.1: both are form-encoded first
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
	}
	if id == "" {
		return app, "", parameterMissing.because("client_id")
	}
	app, known := t.registry.app(id)
	if !known {
		return app, "", appUnknown.because(id)
	}
	assertion := r.PostForm.Get("client_assertion")
	switch {
	case secret == "" && assertion == "":
		return app, acrNone, nil
	case app.Platform != PlatformWeb:
		return app, "", clientIsPublic
	case assertion == "":
		return app, acrSecret, app.checkSecret(secret, t.now())
	case r.PostForm.Get("client_assertion_type") != assertionType:
		return app, "", parameterMissing.because("client_assertion_type")
	default:
		return app, acrAssertion, t.checkAssertion(app, assertion, segment)
	}
}

func (r registration) checkSecret(given string, now time.Time) error {
	for _, one := range r.secrets {
		if subtle.ConstantTimeCompare([]byte(one.value), []byte(given)) != 1 {
			continue
		}
		if !now.Before(one.expires) {
			return secretExpired.because(r.ID)
		}
		return nil
	}
	return secretWrong.because(r.ID)
}

// checkAssertion judges a client assertion (RFC 7523 section 3). One that the app issued itself is signed by one of its
// certificates; any other must be one of a federated issuer.
func (t *Tenant) checkAssertion(app registration, raw, segment string) error {
	algorithms := []jose.SignatureAlgorithm{jose.PS256, jose.RS256, jose.ES256}
	parsed, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		return clientSignature.because("It is no signed JWT.")
	}
	var plain jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&plain); err != nil {
		return clientSignature.because("Its claims cannot be read.")
	}
	if !strings.EqualFold(plain.Issuer, app.ID) {
		return t.checkFederated(app, parsed, plain)
	}
	certificate := app.certificate(parsed.Headers[0])
	switch {
	case certificate == nil:
		return clientSignature.because("The key was not found: no certificate with this thumbprint is registered.")
	case parsed.Claims(certificate.PublicKey, &struct{}{}) != nil:
		return clientSignature.because("The signature does not match the registered certificate.")
	case !strings.EqualFold(plain.Subject, app.ID):
		return clientName
	case !t.isOurs(plain.Audience, segment):
		return clientAudience
	}
	return t.checkTimes(plain)
}

// checkFederated compares with every record, and says which part fits none, as Entra does.
func (t *Tenant) checkFederated(app registration, parsed *jwt.JSONWebToken, plain jwt.Claims) error {
	at := slices.IndexFunc(app.federated, func(f FederatedCredential) bool {
		return f.Issuer == plain.Issuer && f.Subject == plain.Subject && slices.Contains(plain.Audience, f.Audience)
	})
	switch {
	case at < 0:
		return notFederated.because(plain.Issuer, plain.Subject, strings.Join(plain.Audience, " "))
	case parsed.Claims(app.federated[at].Key, &struct{}{}) != nil:
		return clientSignature.because("The signature does not match the issuer's key.")
	}
	return t.checkTimes(plain)
}

func (t *Tenant) checkTimes(c jwt.Claims) error {
	const leeway = 5 * time.Minute
	now := t.now()
	if c.Expiry == nil || !now.Before(c.Expiry.Time()) || (c.NotBefore != nil && now.Add(leeway).Before(c.NotBefore.Time())) {
		return clientTime
	}
	return nil
}

// isOurs takes the token endpoint and the issuer of the directory for the audience.
func (t *Tenant) isOurs(audience jwt.Audience, segment string) bool {
	base := t.base() + "/" + segment
	return slices.ContainsFunc([]string{base + "/oauth2/v2.0/token", base + "/oauth2/token", base + "/v2.0", base + "/"}, audience.Contains)
}

// certificate is the app's one that the header names by x5t#S256 or x5t. MSAL for Go writes them in base64 with padding,
// others in base64url without: Entra takes both.
func (r registration) certificate(h jose.Header) *x509.Certificate {
	for _, c := range r.certificates {
		modern, old := sha256.Sum256(c.Raw), sha1.Sum(c.Raw) //nolint:gosec // as above: a name, not a defence
		if namedBy(h.ExtraHeaders["x5t#S256"], modern[:]) || namedBy(h.ExtraHeaders["x5t"], old[:]) {
			return c
		}
	}
	return nil
}

func namedBy(header any, sum []byte) bool {
	name, _ := header.(string)
	return name != "" && (name == base64.StdEncoding.EncodeToString(sum) || strings.TrimRight(name, "=") == base64.RawURLEncoding.EncodeToString(sum))
}

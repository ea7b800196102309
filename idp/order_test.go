package idp_test

import (
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// draft is a token before it is signed.
type draft struct {
	claims  map[string]any
	key     faketenant.Key
	options []faketenant.SignOption
	mangle  func(string) string
}

// fault spoils a draft in one way.
type fault struct {
	reason idp.Reason
	spoil  func(*draft)
}

func claim(name string, value any) func(*draft) {
	return func(d *draft) { d.claims[name] = value }
}

func headerMember(name string, value any) func(*draft) {
	return func(d *draft) { d.options = append(d.options, faketenant.WithHeader(name, value)) }
}

// inOrder lists one fault per check, in the order of the checks.
func inOrder(e *entra) []fault {
	now := nominal.Unix()
	return []fault{
		{idp.ReasonTokenTooLarge, func(d *draft) { d.claims["pad"] = strings.Repeat("x", 32<<10) }},
		{idp.ReasonTokenMalformed, func(d *draft) { d.mangle = func(raw string) string { return raw + "=" } }},
		{idp.ReasonAlgorithmNotAllowed, headerMember("alg", "HS256")},
		{idp.ReasonTokenMalformed, headerMember("crit", []string{"exp"})},
		{idp.ReasonGraphToken, headerMember("nonce", "x")},
		{idp.ReasonTenantNotAllowed, claim("tid", faketenant.OtherTenantID)},
		{idp.ReasonSignatureInvalid, func(d *draft) {
			d.options = append(d.options, faketenant.WithHeader("kid", e.KID(d.key)))
			d.key = faketenant.KeyStranger
		}},
		{idp.ReasonClaimInvalid, claim("TID", "x")},
		{idp.ReasonTokenExpired, claim("exp", now-1)},
		{idp.ReasonTokenNotYetValid, claim("nbf", now+600)},
		{idp.ReasonIssuerUnknown, claim("iss", "https://evil.example")},
		{idp.ReasonKeyIssuerMismatch, func(d *draft) { d.key = faketenant.KeyConsumer }},
		{idp.ReasonAudienceNotOurs, claim("aud", "api://other")},
		{idp.ReasonBoundToken, claim("cnf", map[string]any{})},
		{idp.ReasonIDToken, claim("nonce", "x")},
		{idp.ReasonAgentRefused, claim("xms_act_fct", "11")},
		{idp.ReasonClientNotAllowed, claim("azp", faketenant.APIClientID)},
		{idp.ReasonGuestRefused, claim("acct", 1)},
		{idp.ReasonScopeMissing, claim("scp", "none")},
		{idp.ReasonClaimInvalid, claim("oid", "alice")},
	}
}

func TestAFaultIsFoundBeforeAllThatComeAfterIt(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) {
		c.RefuseGuests = true
		c.Clients = []string{faketenant.SPAClientID}
	})
	faults := inOrder(e)
	for first := range faults {
		t.Run(string(faults[first].reason), func(t *testing.T) {
			t.Parallel()
			d := draft{claims: e.user(nil), mangle: func(raw string) string { return raw }}
			for i := len(faults) - 1; i >= first; i-- {
				faults[i].spoil(&d)
			}
			options := append([]faketenant.SignOption{faketenant.SignedBy(d.key)}, d.options...)
			wantVerdict(t, verifier, d.mangle(e.Sign(d.claims, options...)), string(faults[first].reason))
		})
	}
}

func TestAnUnknownKeyIsFoundBeforeWhatTheClaimsSay(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	stranger := faketenant.SignedBy(faketenant.KeyStranger)
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"exp": 1, "aud": "x", "scp": nil}), stranger), "key_unknown")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": "https://evil.example"}), stranger), "issuer_unknown")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"tid": nil}), stranger), "claim_missing")
}

// The aud of an ID token is the app that somebody signed in to, which is seldom ours: its sender is told what it is.
func TestAnIDTokenOfAnotherAppIsToldFromATokenForAnotherAPI(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	of := func(changes map[string]any) string {
		claims := e.user(map[string]any{"aud": faketenant.SPAClientID})
		for name, value := range changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return e.Sign(claims)
	}
	wantVerdict(t, verifier, of(map[string]any{"scp": nil, "azp": nil, "nonce": "x"}), "id_token")
	wantVerdict(t, verifier, of(map[string]any{"scp": nil, "azp": nil}), "id_token")
	wantVerdict(t, verifier, of(nil), "audience_not_ours")
	wantVerdict(t, verifier, of(map[string]any{"scp": nil, "azp": nil, "aud": nil}), "claim_missing")
}

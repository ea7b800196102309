package main

import (
	"errors"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/playground"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// devTokens makes tokens for the playground.
type devTokens struct{ tenant *faketenant.Tenant }

// Token is playground.Tenant's.
func (d devTokens) Token(persona string) (string, error) { return d.tenant.Token(persona) }

// Break is playground.Tenant's.
func (d devTokens) Break(persona, id string) (string, error) {
	for _, f := range devFaults() {
		if f.ID == id {
			claims := d.tenant.Claims(persona)
			if claims == nil {
				return "", errors.New("there is no such persona")
			}
			return f.make(d.tenant, claims), nil
		}
	}
	return "", errors.New("there is no such way to break a token")
}

// devFault is a way to break a token: what it makes of the claims of a good one.
type devFault struct {
	playground.Fault
	make func(t *faketenant.Tenant, claims map[string]any) string
}

func devFaultList() []playground.Fault {
	var all []playground.Fault
	for _, f := range devFaults() {
		all = append(all, f.Fault)
	}
	return all
}

// changing signs the claims with some of them changed. nil takes one away.
func changing(changes map[string]any, opts ...faketenant.SignOption) func(*faketenant.Tenant, map[string]any) string {
	return func(t *faketenant.Tenant, claims map[string]any) string {
		for name, value := range changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return t.Sign(claims, opts...)
	}
}

// devFaults are the ways to break a token: what goes wrong in apps first, then what somebody does on purpose.
func devFaults() []devFault {
	fault := func(id, name, says string, how func(*faketenant.Tenant, map[string]any) string) devFault {
		return devFault{playground.Fault{ID: id, Name: name, Says: says}, how}
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	return []devFault{
		fault("expired", "Expired", "It ran out an hour ago: a page kept it instead of asking MSAL again.", changing(map[string]any{"exp": ago(time.Hour), "iat": ago(2 * time.Hour), "nbf": ago(2 * time.Hour)})),
		fault("early", "Not valid yet", "It begins in an hour, as where a clock is wrong.", changing(map[string]any{"iat": ago(-time.Hour), "nbf": ago(-time.Hour), "exp": ago(-2 * time.Hour)})),
		fault("graph", "For Microsoft Graph", "The page asked for User.Read instead of a scope of this API.", changing(map[string]any{"aud": "https://graph.microsoft.com", "scp": "User.Read"})),
		fault("arm", "For Azure Resource Manager", "It came from az account get-access-token without a scope.", changing(map[string]any{"aud": "https://management.azure.com", "scp": "user_impersonation"})),
		fault("audience", "For another API", "It names another API of the same tenant.", changing(map[string]any{"aud": "3f2a1b0c-9d8e-4f7a-8b6c-5d4e3f2a1b0c"})),
		fault("id", "ID token", "The page sent idToken, not accessToken.", changing(map[string]any{"aud": faketenant.SPAClientID, "scp": nil, "azp": nil, "azpacr": nil, "nonce": "n-0S6_WzA2Mj"})),
		fault("permission", "Without the permission", "Neither the scope nor an app role of this API is in it.", changing(map[string]any{"scp": nil, "roles": nil})),
		fault("tenant", "Of another tenant", "Its caller signed in elsewhere.", func(t *faketenant.Tenant, claims map[string]any) string {
			return changing(map[string]any{"tid": faketenant.OtherTenantID, "iss": t.V2Issuer(faketenant.OtherTenantID)})(t, claims)
		}),
		fault("anonymous", "Without oid", "Nothing says whose it is.", changing(map[string]any{"oid": nil})),
		fault("bearer", "Bearer in front", "The scheme of the header was pasted along.", func(t *faketenant.Tenant, claims map[string]any) string { return "Bearer " + t.Sign(claims) }),
		fault("cut", "Cut off", "Its end is missing, as where a field is too short.", func(t *faketenant.Tenant, claims map[string]any) string {
			token := t.Sign(claims)
			return token[:strings.LastIndexByte(token, '.')]
		}),
		fault("claims", "Claims changed", "Somebody put an app role into it and kept the signature.", func(t *faketenant.Tenant, claims map[string]any) string {
			signature := t.Sign(claims)
			signature = signature[strings.LastIndexByte(signature, '.'):]
			token := changing(map[string]any{"roles": []string{"Hasura.Everything"}})(t, claims)
			return token[:strings.LastIndexByte(token, '.')] + signature
		}),
		fault("key", "Another key's signature", "It names a published key, and another one signed it.", func(t *faketenant.Tenant, claims map[string]any) string {
			return t.Sign(claims, faketenant.SignedBy(faketenant.KeyStranger), faketenant.WithHeader("kid", t.KID(faketenant.KeyFirst)))
		}),
		fault("cloud", "Another cloud's key", "Its key is published, for another cloud.", changing(nil, faketenant.SignedBy(faketenant.KeyOtherCloud))),
		fault("none", "alg none", "It says that it needs no signature, and has none.", changing(nil, faketenant.WithHeader("alg", "none"))),
		fault("hmac", "Signed with the public key", "HS256, with what everybody knows as the secret.", changing(nil, faketenant.WithHeader("alg", "HS256"))),
		fault("bound", "Bound to a key", "A proof-of-possession token, shown without the proof.", changing(map[string]any{"cnf": map[string]any{"kid": "a-key-of-the-client"}})),
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// consumers is the tenant of all personal accounts.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// tokenCures say what to do about a reason in terms of Entra's portal; see suspectCures for those that hang on the token.
var tokenCures = map[idp.Reason]string{
	idp.ReasonTokenTooLarge:       "under Token configuration of the API's registration emit only groups assigned to the application, or grant by app roles",
	idp.ReasonTokenEncrypted:      "the manifest of the API's registration names a tokenEncryptionKeyId: set it to null",
	idp.ReasonAlgorithmNotAllowed: "Entra signs with RS256 alone, so it did not issue this token",
	idp.ReasonARMToken:            "it is for Azure Resource Manager, as az account get-access-token gives it: add --scope with a scope of this API",
	idp.ReasonSignatureInvalid:    "it was altered on its way, cut off, or signed by somebody else: get a fresh one",
	idp.ReasonTokenExpired:        "get a fresh one: acquireTokenSilent renews it; where it is fresh, this machine's clock is ahead",
	idp.ReasonTokenNotYetValid:    "this machine's clock is behind Entra's: see to its time service",
	idp.ReasonKeyUnknown:          "a fresh token helps after a rollover of Entra's keys; else it is another cloud's (ISSUER_ENTRA_AUTHORITY), or the API has claims mapping and so a signing key of its own (ISSUER_ENTRA_SIGNING_KEY_APP)",
	idp.ReasonKeyIssuerMismatch:   "its key was published for another issuer or cloud: do not trust it",
	idp.ReasonBoundToken:          "it is bound to a key (PoP): let the client ask for a bearer token",
	idp.ReasonIDToken:             "it is the ID token, which says who signed in: send accessToken, not idToken, and ask for a scope of this API",
	idp.ReasonAgentRefused:        "an agent identity acts, and those are not served: let the agent's app come by itself, with an app role",
	idp.ReasonGuestRefused:        "guests are off: set ISSUER_ENTRA_ALLOW_GUESTS=true, or invite nobody",
	idp.ReasonAppOnlyRefused:      "apps by themselves are off: make an app role for applications (App roles), and name its value in ISSUER_ENTRA_APP_ROLES",
	idp.ReasonClaimMissing:        "every access token of Entra's has it: is this one of Entra's? In B2C let the user flow return User's Object ID, and a custom policy tfp",
	idp.ReasonClaimInvalid:        "Entra sends that claim in another form: look at claims mapping and optional claims of the API's registration",
}

// suspectCures are those that hang on what the token says of itself, and on the settings.
var suspectCures = map[idp.Reason]func(suspect) string{
	idp.ReasonTokenMalformed:   suspect.malformedCure,
	idp.ReasonGraphToken:       suspect.graphCure,
	idp.ReasonAudienceNotOurs:  suspect.audienceCure,
	idp.ReasonIssuerUnknown:    suspect.issuerCure,
	idp.ReasonTenantNotAllowed: suspect.tenantCure,
	idp.ReasonScopeMissing:     suspect.scopeCure,
	idp.ReasonClientNotAllowed: suspect.clientCure,
	idp.ReasonAppRoleMissing:   suspect.appRoleCure,
}

// cure is what to do about a refusal.
func (t suspect) cure(reason idp.Reason) string {
	if own := suspectCures[reason]; own != nil {
		return own(t)
	}
	return tokenCures[reason]
}

func (t suspect) malformedCure() string {
	if t.bearer {
		return `take "Bearer " off its front: that belongs into the header Authorization, and the parameter subject_token holds the token alone`
	}
	return "send accessToken as MSAL returns it: no refresh token, no authorization code, no quotes around it; opaque tokens are for Microsoft's own APIs"
}

func (t suspect) graphCure() string {
	return "it is for Microsoft Graph: the client asked for a scope such as User.Read, or for scopes of two APIs at once; ask for " + t.settings.scope() + " in a request of its own"
}

func (t suspect) clientCure() string {
	return "add " + t.ClientID + " to ISSUER_ENTRA_CLIENTS, if that app may call"
}

func (t suspect) appRoleCure() string {
	return fmt.Sprintf("give the app %s the app role %s (API permissions, Application permissions) with an administrator's consent; a managed identity's tokens follow within a day",
		t.ClientID, strings.Join(t.settings.EntraAppRoles, " or "))
}

// scope is what a client asks for to reach this API.
func (s *settings) scope() string {
	api, scope := "api://<client id>", ".default"
	for _, audience := range slices.Backward(s.EntraAudiences) {
		switch {
		case appID(audience) != "":
			api = "api://" + appID(audience)
		case strings.Contains(audience, "://"):
			api = strings.TrimSuffix(audience, "/")
		}
	}
	if len(s.EntraScopes) > 0 {
		scope = s.EntraScopes[0]
	}
	return api + "/" + scope
}

// audienceCure holds the audience that was found against those that are wanted.
func (t suspect) audienceCure() string {
	id, want := appID(t.Audience), strings.Join(t.settings.EntraAudiences, ", ")
	text := fmt.Sprintf("aud is %s, and ISSUER_ENTRA_AUDIENCES holds %s: ", claim(t.Audience), want)
	same := id != "" && slices.ContainsFunc(t.settings.EntraAudiences, func(a string) bool { return appID(a) == id })
	switch {
	case same && t.Version == "1.0":
		return text + "the same app in another spelling, since a v1.0 token names it as the client asked for it; in the manifest of the API's registration " +
			"set requestedAccessTokenVersion to 2, which makes it " + id + ", or list what you see of " + strings.Join(spellings(id), " ")
	case same:
		return text + "the same app, but a v2.0 token always names it by its client id: list " + id
	case id != "" && id == t.ClientID:
		return text + "the client asked for a token for itself; let it ask for " + t.settings.scope()
	case t.Version == "1.0" && strings.Contains(t.Audience, "://"):
		return text + "a v1.0 token names the API by its Application ID URI (Expose an API); where this is yours, set requestedAccessTokenVersion to 2 in its manifest " +
			"and list its client id, or list this URI; else ask for " + t.settings.scope()
	default:
		return text + "it is for another API; ask for " + t.settings.scope() + ", or list it if it is this one"
	}
}

// spellings are all that have been seen of an API's client id in aud.
func spellings(id string) []string {
	return []string{id, "api://" + id, "api://" + id + "/", "spn:" + id}
}

func (t suspect) issuerCure() string {
	text := "iss is " + claim(t.Issuer) + " with ver " + claim(t.Version) + ": "
	switch {
	case strings.Contains(t.Issuer, ".b2clogin."):
		return text + "B2C's tenants are trusted by their issuer and policy (tfp or acr), in ISSUER_ENTRA_ISSUERS"
	case strings.Contains(t.Issuer, ".ciamlogin.com/"):
		return text + "tenants for customers are trusted by their issuer, in ISSUER_ENTRA_ISSUERS"
	case !strings.Contains(t.Issuer, t.TenantID):
		return text + "it names another tenant than tid, so Entra did not issue this token"
	default:
		return text + "it is not that of the tenant at " + t.settings.EntraAuthority + ", so the token is another cloud's: see ISSUER_ENTRA_AUTHORITY"
	}
}

func (t suspect) tenantCure() string {
	switch t.TenantID {
	case consumers:
		return "it is a personal account's: let the client sign in at the tenant's own authority instead of common, and people with their account there"
	case "":
		return tokenCures[idp.ReasonClaimMissing]
	default:
		return "add " + t.TenantID + " to ISSUER_ENTRA_TENANTS, if its callers may come; else let the client sign in at " + t.settings.EntraAuthority + "/<tenant id>"
	}
}

func (t suspect) scopeCure() string {
	want := strings.Join(t.settings.EntraScopes, " or ")
	if t.HasScope {
		return "scp is there and holds none of " + want + ": expose it (Expose an API), permit it to the client (API permissions), and ask for " + t.settings.scope()
	}
	return "scp is missing, so no user consented to " + want + ": ask for " + t.settings.scope() + "; where an app calls by itself, let the API's manifest emit the optional claim idtyp"
}

package probe

import "strings"

// Where Hasura's settings are named, v3's counterpart is a member of the AuthConfig.
const (
	v2AsPrinted = "set HASURA_GRAPHQL_JWT_SECRET as issuer hasura-config prints it"
	v3AsPrinted = "set the AuthConfig as issuer hasura-config prints it"

	cureOpen       = "set HASURA_GRAPHQL_ADMIN_SECRET; where it is set, something in front adds X-Hasura-Admin-Secret to what strangers send, and must not"
	cureAdminAPI   = "no gateway may add X-Hasura-Admin-Secret to callers' requests; list in HASURA_GRAPHQL_ENABLED_APIS what they need, which is graphql"
	cureConsole    = "in production set HASURA_GRAPHQL_ENABLE_CONSOLE=false, and run hasura console where it is needed"
	curePublicRole = "unset HASURA_GRAPHQL_UNAUTHORIZED_ROLE, unless the public is meant to read with that role; its permissions may rest on no x-hasura- variable"
	cureNoAuth     = v3AsPrinted + ": the mode noAuth lets everybody in"
	cureRole       = "the engine itself does not do that: a gateway in front believes those headers, or adds X-Hasura-Admin-Secret; let it drop every X-Hasura- header of callers but X-Hasura-Role"
	cureErrors     = "in production set HASURA_GRAPHQL_DEV_MODE=false, and HASURA_GRAPHQL_ADMIN_INTERNAL_ERRORS where administrators need more"

	cureIntrospection   = "add the role to disabled_for_roles of the metadata's graphql_schema_introspection (set_graphql_schema_introspection_options)"
	cureIntrospectionV3 = "v3 shows every role its part; where that is too much, let a pre-parse plugin or a gateway refuse __schema and __type"
)

// wrong is one way in which a token is to be refused, and what to do where it is not.
type wrong struct {
	token  string // "a token …"
	v2, v3 string
}

func (w wrong) cure(v3 bool) string {
	if v3 {
		return w.v3
	}
	return w.v2
}

var wrongs = map[string]wrong{
	"signature": {
		"with a broken signature",
		"the engine reads no token: " + v2AsPrinted + "; a gateway or an auth hook in front must not vouch for what it did not verify",
		"the engine reads no token: " + v3AsPrinted + ", with the mode jwt",
	},
	"issuer": {
		"of another issuer",
		"name ours as issuer: " + v2AsPrinted,
		"name ours as issuer: " + v3AsPrinted,
	},
	"audience": {
		"for another audience",
		"name ISSUER_TOKEN_AUDIENCE as audience: " + v2AsPrinted,
		"name ISSUER_TOKEN_AUDIENCE as audience: " + v3AsPrinted + "; and set CompatibilityConfig's date to 2025-03-11 or later, since before that v3 checks none",
	},
	"expiry": {
		"that ran out a while ago",
		"take allowed_skew out of HASURA_GRAPHQL_JWT_SECRET",
		"take allowedSkew out of the AuthConfig",
	},
}

// refusal is why a good token is refused.
type refusal struct {
	v3     bool
	words  []string // in the engine's sentence, or its code
	detail string
	cure   string
}

const (
	wrongKey    = "the engine does not have the key that signs now"
	wrongClock  = "the engine's clock is off ours"
	wrongClaims = "the engine looks for Hasura's claims where we do not write them, or in another form"
)

var refusals = []refusal{
	{false, []string{"JWSInvalidSignature", "NoUsableKeys"}, wrongKey, "let jwk_url of HASURA_GRAPHQL_JWT_SECRET lead to our key set (issuer hasura-config prints it); where it does, the engine holds an old one: no cache in between may take Cache-Control away, and a restart fetches it"},
	{false, []string{"JWTNotInIssuer"}, "the engine expects another issuer", "ISSUER_URL and the engine's issuer must be the same, byte by byte: " + v2AsPrinted},
	{false, []string{"JWTNotInAudience"}, "the engine expects another audience", "ISSUER_TOKEN_AUDIENCE and the engine's audience must be the same: " + v2AsPrinted},
	{false, []string{"JWTExpired", "JWTIssuedAtFuture", "JWTNotYetValid"}, wrongClock, "see to the time service of both machines: v2 allows no difference"},
	{false, []string{"jwt-invalid-claims", "jwt-missing-role-claims"}, wrongClaims, "claims_namespace, claims_namespace_path and claims_format must be those of ISSUER_CLAIMS_…: " + v2AsPrinted},
	{false, []string{"admin-secret"}, "the engine is not in JWT mode, and takes an admin secret alone", v2AsPrinted},
	{false, []string{"invalid-headers"}, "the engine does not look for a token in Authorization", "take header out of HASURA_GRAPHQL_JWT_SECRET, or let clients send the token where it says; this check sends it in Authorization"},
	{true, []string{"No matching JWK", "InvalidSignature"}, wrongKey, "let jwkFromUrl of the AuthConfig lead to our key set (issuer hasura-config prints it), with no cache in between that holds it for longer than Cache-Control says"},
	{true, []string{"fetching JWK", "decoding response body", "Internal request error"}, "the engine cannot read the key set at its jwkFromUrl", "let it lead to our key set (issuer hasura-config prints it), and let the engine reach that"},
	{true, []string{"InvalidIssuer"}, "the engine expects another issuer", "ISSUER_URL and the engine's issuer must be the same, byte by byte: " + v3AsPrinted},
	{true, []string{"InvalidAudience"}, "the engine expects another audience", "ISSUER_TOKEN_AUDIENCE has to be in the engine's audience: " + v3AsPrinted},
	{true, []string{"ExpiredSignature"}, wrongClock, "see to the time service of both machines: v3 allows a minute"},
	{true, []string{"Hasura claims"}, wrongClaims, "claimsConfig must fit ISSUER_CLAIMS_…: " + v3AsPrinted},
	{true, []string{"token source", "Cookie header"}, "the engine does not look for a token in Authorization", "set tokenLocation to BearerAuthorization, or let clients send the token where it says; this check sends it in Authorization"},
}

// hooks are the sentences of engines that ask a webhook.
var hooks = []string{"uthentication hook", "webhook authentication", "authorization hook"}

// whyRefused says what a refusal of a good token means.
func (v *visit) whyRefused(a answer) Finding {
	said := a.code + " " + a.message
	for _, hook := range hooks {
		if strings.Contains(said, hook) {
			return Finding{Of: "token", Status: Off, Detail: "the engine asks a webhook (HASURA_GRAPHQL_AUTH_HOOK) and not the key set; ours takes Entra's tokens and no minted one, so there is nothing to try"}
		}
	}
	f := Finding{Of: "token", Status: Failed, Detail: "a token of ours is refused: ", Code: a.code}
	if !a.isGraphQL {
		f.Detail, f.Cure = f.Detail+"by something in front of the engine", "name the engine's own URL: a gateway that exchanges Entra's tokens takes no minted one"
		return f
	}
	for _, r := range refusals {
		for _, word := range r.words {
			if r.v3 == v.v3 && strings.Contains(said, word) {
				f.Detail, f.Cure = f.Detail+r.detail, r.cure
				return f
			}
		}
	}
	f.Detail, f.Cure = f.Detail+"the engine gives no reason that is known", v2AsPrinted
	if v.v3 {
		f.Cure = v3AsPrinted
	}
	return f
}

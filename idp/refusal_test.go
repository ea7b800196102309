package idp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// oneOfEach makes, for each reason, a token that earns it.
func oneOfEach(e *entra) map[idp.Reason]string {
	now := nominal.Unix()
	sign := e.Sign
	return map[idp.Reason]string{
		idp.ReasonTokenTooLarge:       sign(e.user(map[string]any{"pad": strings.Repeat("x", 32<<10)})),
		idp.ReasonTokenMalformed:      "not a token",
		idp.ReasonTokenEncrypted:      "a.b.c.d.e",
		idp.ReasonAlgorithmNotAllowed: sign(e.user(nil), faketenant.WithHeader("alg", "PS256")),
		idp.ReasonGraphToken:          sign(e.user(map[string]any{"aud": "https://graph.microsoft.com/"})),
		idp.ReasonARMToken:            sign(e.user(map[string]any{"aud": "https://management.azure.com"})),
		idp.ReasonTenantNotAllowed:    sign(e.user(map[string]any{"tid": faketenant.OtherTenantID})),
		idp.ReasonKeyUnknown:          sign(e.user(nil), faketenant.SignedBy(faketenant.KeyStranger)),
		idp.ReasonSignatureInvalid: sign(e.user(nil), faketenant.SignedBy(faketenant.KeyStranger),
			faketenant.WithHeader("kid", e.KID(faketenant.KeyFirst))),
		idp.ReasonTokenExpired:      sign(e.user(map[string]any{"exp": now + 9})),
		idp.ReasonTokenNotYetValid:  sign(e.user(map[string]any{"iat": now + 61})),
		idp.ReasonIssuerUnknown:     sign(e.user(map[string]any{"iss": e.V2Issuer(faketenant.OtherTenantID)})),
		idp.ReasonKeyIssuerMismatch: sign(e.user(nil), faketenant.SignedBy(faketenant.KeyConsumer)),
		idp.ReasonAudienceNotOurs:   sign(e.user(map[string]any{"aud": faketenant.SPAClientID})),
		idp.ReasonBoundToken:        sign(e.user(map[string]any{"cnf": map[string]any{"kid": "x"}})),
		idp.ReasonIDToken:           sign(e.user(map[string]any{"scp": nil, "azp": nil})),
		idp.ReasonAgentRefused:      sign(e.user(map[string]any{"xms_act_fct": "3 11"})),
		idp.ReasonClientNotAllowed:  sign(e.user(map[string]any{"azp": faketenant.APIClientID})),
		idp.ReasonGuestRefused:      sign(e.user(map[string]any{"acct": 1})),
		idp.ReasonAppOnlyRefused:    sign(e.daemon(nil)),
		idp.ReasonAppRoleMissing:    sign(e.daemon(map[string]any{"roles": []string{"Other.Role"}})),
		idp.ReasonScopeMissing:      sign(e.user(map[string]any{"scp": "access_as_user2"})),
		idp.ReasonClaimMissing:      sign(e.user(map[string]any{"oid": nil})),
		idp.ReasonClaimInvalid:      sign(e.user(map[string]any{"oid": "alice"})),
	}
}

func TestEveryReasonIsGivenToATokenThatEarnsIt(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	tokens := oneOfEach(e)
	for _, reason := range declaredReasons(t) {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			verifier := e.warm(t, func(c *idp.Config) {
				c.RefuseGuests = true
				c.Clients = []string{strings.ToUpper(faketenant.SPAClientID), faketenant.DaemonClientID}
				if reason == idp.ReasonAppOnlyRefused {
					c.AppRoles = nil
				}
			})
			wantVerdict(t, verifier, tokens[reason], string(reason))
		})
	}
}

// declaredReasons reads the constants from the source, so that none can be added without a token for it.
func declaredReasons(t *testing.T) []idp.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []idp.Reason
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, idp.Reason(value))
		}
		return true
	})
	if len(reasons) != 24 {
		t.Fatalf("%d reasons are declared, want 24", len(reasons))
	}
	return reasons
}

func TestARefusalNeverRepeatsWhatTheTokenHolds(t *testing.T) {
	t.Parallel()
	const secret = "c0ffee-secret"
	e := newEntra(t)
	verifier := e.warm(t)
	for _, name := range []string{
		"aud", "iss", "tid", "ver", "oid", "azp", "scp", "idtyp", "exp", "nbf", "acct", "groups", "roles", "_claim_names",
		"hasgroups", "TID", "at_hash",
	} {
		raw := e.Sign(e.user(map[string]any{name: secret}))
		_, err := verifier.Verify(t.Context(), raw)
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), raw[:40]) {
			t.Errorf("with a strange %s: %v", name, err)
		}
	}
	for _, raw := range []string{secret, secret + "." + secret + "." + secret, e.Sign(e.user(nil), faketenant.WithHeader("alg", secret))} {
		if _, err := verifier.Verify(t.Context(), raw); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("a token that is none: %v", err)
		}
	}
}

func TestClaimsOfTheWrongFormAreRefused(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	group := "d1000001-aaaa-4bbb-8ccc-000000000001"
	many := make([]string, 1001)
	tests := map[string]struct {
		member string // raw JSON, added to or put in place of a claim
		want   string
	}{
		"exp as text":                        {`"exp":"1767229812"`, "claim_invalid"},
		"exp with a fraction":                {`"exp":1767229812.0`, "claim_invalid"},
		"exp with an exponent":               {`"exp":1.767229812e9`, "claim_invalid"},
		"exp beyond every number":            {`"exp":1e400`, "claim_invalid"},
		"exp negative":                       {`"exp":-1767229812`, "claim_invalid"},
		"exp zero":                           {`"exp":0`, "claim_invalid"},
		"exp after the year 9999":            {`"exp":253402300800`, "claim_invalid"},
		"exp beyond 64 bits":                 {`"exp":18446744073709551616`, "claim_invalid"},
		"exp null":                           {`"exp":null`, "claim_invalid"},
		"exp more than 48 hours ahead":       {`"exp":1767398401`, "claim_invalid"},
		"exp exactly 48 hours ahead":         {`"exp":1767398400`, "accepted"},
		"exp ten seconds ahead":              {`"exp":1767225610`, "accepted"},
		"exp nine seconds ahead":             {`"exp":1767225609`, "token_expired"},
		"nbf as text":                        {`"nbf":"1767225300"`, "claim_invalid"},
		"nbf after the year 9999":            {`"nbf":253402300800`, "claim_invalid"},
		"nbf as far ahead as the leeway":     {`"nbf":1767225660`, "accepted"},
		"nbf a second further":               {`"nbf":1767225661`, "token_not_yet_valid"},
		"iat with a fraction":                {`"iat":1767225300.5`, "claim_invalid"},
		"iat a second further than leeway":   {`"iat":1767225661`, "token_not_yet_valid"},
		"aud a list of ours":                 {`"aud":["` + faketenant.APIClientID + `"]`, "claim_invalid"},
		"aud in other case":                  {`"aud":"` + strings.ToUpper(faketenant.APIClientID) + `"`, "audience_not_ours"},
		"tid in upper case is the same":      {`"tid":"` + strings.ToUpper(faketenant.TenantID) + `"`, "accepted"},
		"tid in braces":                      {`"tid":"{` + faketenant.TenantID + `}"`, "claim_invalid"},
		"tid a number":                       {`"tid":7`, "claim_invalid"},
		"tid empty":                          {`"tid":""`, "claim_invalid"},
		"iss in upper case":                  {`"iss":"` + strings.ToUpper(e.V2Issuer(faketenant.TenantID)) + `"`, "issuer_unknown"},
		"iss empty":                          {`"iss":""`, "claim_invalid"},
		"ver a number":                       {`"ver":2.0`, "claim_invalid"},
		"ver of the future":                  {`"ver":"3.0"`, "claim_invalid"},
		"oid with something behind":          {`"oid":"11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101\u0000"`, "claim_invalid"},
		"azp no GUID":                        {`"azp":"my-spa"`, "claim_invalid"},
		"appid that azp contradicts":         {`"appid":"` + faketenant.DaemonClientID + `"`, "claim_invalid"},
		"scp a list":                         {`"scp":["access_as_user"]`, "claim_invalid"},
		"scp null":                           {`"scp":null`, "claim_invalid"},
		"scp empty":                          {`"scp":""`, "scope_missing"},
		"scp among others":                   {`"scp":"email access_as_user openid"`, "accepted"},
		"scp in other case":                  {`"scp":"Access_As_User"`, "scope_missing"},
		"scp behind a tab":                   {`"scp":"email\taccess_as_user"`, "scope_missing"},
		"idtyp unheard of":                   {`"idtyp":"device"`, "claim_invalid"},
		"idtyp app beside a scope":           {`"idtyp":"app"`, "claim_invalid"},
		"acct as text":                       {`"acct":"1"`, "claim_invalid"},
		"idp a list":                         {`"idp":["live.com"]`, "claim_invalid"},
		"groups as text":                     {`"groups":"` + group + `"`, "claim_invalid"},
		"groups with a number among them":    {`"groups":["` + group + `",7]`, "claim_invalid"},
		"more groups than could ever be":     {`"groups":["` + strings.Join(many, `","`) + `"]`, "claim_invalid"},
		"roles as text":                      {`"roles":"Hasura.Reader"`, "claim_invalid"},
		"hasgroups as text":                  {`"hasgroups":"true"`, "claim_invalid"},
		"_claim_names a list":                {`"_claim_names":["groups"]`, "claim_invalid"},
		"facets a number":                    {`"xms_act_fct":11`, "claim_invalid"},
		"facet 11 of the subject":            {`"xms_sub_fct":"9 11 3"`, "agent_refused"},
		"facet 13, an agent's user":          {`"xms_sub_fct":"13"`, "agent_refused"},
		"facet 111 is no 11":                 {`"xms_act_fct":"111"`, "accepted"},
		"facet 11 of the tenant":             {`"xms_tnt_fct":"3 11"`, "accepted"},
		"an agent's parent":                  {`"xms_par_app_azp":"` + faketenant.APIClientID + `"`, "agent_refused"},
		"a nonce beside a scope":             {`"nonce":"678910"`, "id_token"},
		"at_hash beside a scope":             {`"at_hash":"x"`, "id_token"},
		"c_hash beside a scope":              {`"c_hash":"x"`, "id_token"},
		"cnf, whatever it holds":             {`"cnf":null`, "bound_token"},
		"a claim nobody knows":               {`"xyz":{"deep":[1,2,{"a":null}]}`, "accepted"},
		"a name that differs in case":        {`"Tid":"x"`, "claim_invalid"},
		"a name with a long s for the s":     {"\"\u017fcp\":\"x\"", "claim_invalid"},
		"a name with an escaped long s":      {`"role\u017f":[]`, "claim_invalid"},
		"an unknown name with a Kelvin sign": {"\"\u212aid\":\"x\"", "accepted"},
		"a name repeated":                    {`"tid":"x","tid":"y"`, "token_malformed"},
		"a name repeated in disguise":        {`"t\u0069d":"` + faketenant.OtherTenantID + `","tid":"x"`, "token_malformed"},
		"a name repeated deep inside":        {`"xyz":{"a":1,"a":2}`, "token_malformed"},
		"bad UTF-8":                          {"\"xyz\":\"\xff\"", "token_malformed"},
		"half a surrogate":                   {`"xyz":"\ud800"`, "token_malformed"},
		"32 levels":                          {`"xyz":` + strings.Repeat("[", 31) + strings.Repeat("]", 31), "accepted"},
		"33 levels":                          {`"xyz":` + strings.Repeat("[", 32) + strings.Repeat("]", 32), "token_malformed"},
		"more levels than a parser's stack":  {`"xyz":` + strings.Repeat("[", 12000), "token_malformed"},
		"brackets in a text count for none":  {`"xyz":"\\\"` + strings.Repeat("[", 64) + `"`, "accepted"},
		"something behind the claims":        {`"xyz":1}{`, "token_malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := e.user(nil)
			if test.want != "token_malformed" {
				claim, _, _ := strings.Cut(strings.TrimPrefix(test.member, `"`), `"`)
				delete(claims, claim)
			}
			wantVerdict(t, verifier, appended(t, e, claims, test.member), test.want)
		})
	}
}

func TestTheLeewayIsForTheStartOfATokenOnly(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) { c.Leeway = 2 * time.Minute })
	now := nominal.Unix()
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"nbf": now + 120, "iat": now + 120})), "accepted")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"exp": now - 1})), "token_expired")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"nbf": nil, "iat": nil})), "accepted")
}

func TestEveryListedReasonStandsInTheContract(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`token_too_large token_malformed token_encrypted algorithm_not_allowed key_unknown
		signature_invalid token_expired token_not_yet_valid issuer_unknown key_issuer_mismatch tenant_not_allowed
		audience_not_ours graph_token arm_token id_token bound_token client_not_allowed scope_missing app_role_missing
		app_only_refused guest_refused agent_refused claim_missing claim_invalid`)
	wanted, got := map[string]bool{}, map[string]bool{}
	for _, reason := range want {
		wanted[reason] = true
	}
	for _, reason := range declaredReasons(t) {
		got[string(reason)] = true
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
}

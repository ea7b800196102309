package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// with returns claims with these changed; nil takes one out.
func with(claims map[string]any, changes ...any) map[string]any {
	for i := 0; i+1 < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

// TestATokenThatIsRefusedIsExplainedInThePortalsWords has the tokens that newcomers send, each with what it takes.
func TestATokenThatIsRefusedIsExplainedInThePortalsWords(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const (
		api   = faketenant.APIClientID
		graph = "00000003-0000-0000-c000-000000000000"
	)
	user := func(changes ...any) string { return c.Sign(with(c.Claims("reader"), changes...)) }
	old := func(changes ...any) string { return c.Sign(with(c.V1Claims("reader"), changes...)) }
	app := func(changes ...any) string { return c.Sign(with(c.Claims("daemon"), changes...)) }
	onlyID, onlyURI := "ISSUER_ENTRA_AUDIENCES="+api, "ISSUER_ENTRA_AUDIENCES=api://"+api
	for name, test := range map[string]struct {
		raw    string
		set    string // a setting
		reason idp.Reason
		words  []string
	}{
		"v1.0 where v2.0 was expected":         {old(), onlyID, idp.ReasonAudienceNotOurs, []string{"v1.0 ", "aud is api://" + api, "requestedAccessTokenVersion to 2", "spn:" + api}},
		"v2.0 where v1.0 was expected":         {user(), onlyURI, idp.ReasonAudienceNotOurs, []string{"v2.0 ", "aud is " + api, "list " + api}},
		"aud with a slash":                     {old("aud", "api://"+api+"/"), "", idp.ReasonAudienceNotOurs, []string{"aud is api://" + api + "/,", "another spelling"}},
		"aud with spn:":                        {old("aud", "spn:"+api), "", idp.ReasonAudienceNotOurs, []string{"aud is spn:", "another spelling"}},
		"aud is a URI of one's own":            {old("aud", "https://api.invalid/hasura"), "", idp.ReasonAudienceNotOurs, []string{"Application ID URI", "requestedAccessTokenVersion"}},
		"aud is the client itself":             {user("aud", faketenant.SPAClientID), "", idp.ReasonAudienceNotOurs, []string{"for itself", "api://" + api + "/access_as_user"}},
		"aud is another API":                   {user("aud", "c41b9a70-58de-4f0b-8a37-61d2e9f3b802"), "", idp.ReasonAudienceNotOurs, []string{"another API"}},
		"aud is somebody's address":            {user("aud", "alice@contoso.example"), "", idp.ReasonAudienceNotOurs, []string{"not shown"}},
		"a token for Graph":                    {user("aud", graph, "scp", "User.Read"), "", idp.ReasonGraphToken, []string{"User.Read", "in a request of its own", "api://" + api + "/access_as_user"}},
		"a token for Azure":                    {user("aud", "https://management.azure.com/"), "", idp.ReasonARMToken, []string{"az account get-access-token"}},
		"an ID token":                          {user("scp", nil, "azp", nil, "nonce", "x"), "", idp.ReasonIDToken, []string{"accessToken, not idToken"}},
		"the frontend's own ID token":          {user("aud", faketenant.SPAClientID, "scp", nil, "azp", nil, "nonce", "x"), "", idp.ReasonIDToken, []string{"accessToken, not idToken"}},
		"no scp":                               {user("scp", nil), "", idp.ReasonScopeMissing, []string{"scp is missing", "api://" + api + "/access_as_user"}},
		"another scp":                          {user("scp", "Files.Read"), "", idp.ReasonScopeMissing, []string{"holds none of access_as_user", "Expose an API", "API permissions"}},
		"an app without a role":                {app("roles", nil), "", idp.ReasonAppRoleMissing, []string{faketenant.DaemonClientID, "Hasura.Exchange", "administrator's consent"}},
		"an app where none may come":           {app(), "ISSUER_ENTRA_APP_ROLES=", idp.ReasonAppOnlyRefused, []string{"ISSUER_ENTRA_APP_ROLES"}},
		"a client that is not listed":          {user(), "ISSUER_ENTRA_CLIENTS=" + api, idp.ReasonClientNotAllowed, []string{"add " + faketenant.SPAClientID}},
		"another tenant":                       {user("tid", faketenant.OtherTenantID), "", idp.ReasonTenantNotAllowed, []string{"add " + faketenant.OtherTenantID, "sign in at " + c.url}},
		"a personal account":                   {user("tid", consumers), "", idp.ReasonTenantNotAllowed, []string{"personal account"}},
		"no tenant":                            {user("tid", nil), "", idp.ReasonClaimMissing, []string{"Entra's"}},
		"another cloud":                        {user("iss", "https://login.microsoftonline.us/"+faketenant.TenantID+"/v2.0"), "", idp.ReasonIssuerUnknown, []string{"iss is https://login.microsoftonline.us/", "another cloud's"}},
		"a tenant of B2C":                      {user("iss", "https://x.b2clogin.com/"+faketenant.TenantID+"/v2.0/"), "", idp.ReasonIssuerUnknown, []string{"ISSUER_ENTRA_ISSUERS", "policy"}},
		"a tenant for customers":               {user("iss", "https://x.ciamlogin.com/"+faketenant.TenantID+"/v2.0"), "", idp.ReasonIssuerUnknown, []string{"ISSUER_ENTRA_ISSUERS"}},
		"the issuer of common":                 {user("iss", c.url+"/common/v2.0"), "", idp.ReasonIssuerUnknown, []string{"another tenant than tid"}},
		"a version that is not its issuer's":   {user("ver", "1.0"), "", idp.ReasonIssuerUnknown, []string{"with ver 1.0"}},
		"a guest":                              {c.Sign(c.Claims("guest")), "ISSUER_ENTRA_ALLOW_GUESTS=false", idp.ReasonGuestRefused, []string{"ISSUER_ENTRA_ALLOW_GUESTS"}},
		"an agent":                             {user("xms_act_fct", "11"), "", idp.ReasonAgentRefused, []string{"app role"}},
		"a bound token":                        {user("cnf", map[string]any{"kid": "x"}), "", idp.ReasonBoundToken, []string{"bearer"}},
		"a token of yesterday":                 {user("exp", time.Now().Add(-time.Hour).Unix()), "", idp.ReasonTokenExpired, []string{"acquireTokenSilent"}},
		"a token of tomorrow":                  {user("nbf", time.Now().Add(time.Hour).Unix()), "", idp.ReasonTokenNotYetValid, []string{"clock is behind"}},
		"signed by somebody":                   {c.Sign(c.Claims("reader"), faketenant.WithHeader("kid", "x")), "", idp.ReasonKeyUnknown, []string{"claims mapping"}},
		"signed by another than it says":       {altered(user()), "", idp.ReasonSignatureInvalid, []string{"altered"}},
		"signed by the consumers' key":         {c.Sign(c.Claims("reader"), faketenant.SignedBy(faketenant.KeyConsumer)), "", idp.ReasonKeyIssuerMismatch, []string{"do not trust"}},
		"signed with a secret":                 {c.Sign(c.Claims("reader"), faketenant.WithHeader("alg", "HS256")), "", idp.ReasonAlgorithmNotAllowed, []string{"RS256"}},
		"encrypted":                            {"a.b.c.d.e", "", idp.ReasonTokenEncrypted, []string{"tokenEncryptionKeyId"}},
		"no token at all":                      {"0.AXoA-opaque", "", idp.ReasonTokenMalformed, []string{"as MSAL returns it"}},
		"with the scheme of a header":          {"Bearer " + user(), "", idp.ReasonTokenMalformed, []string{`take "Bearer " off`}},
		"too long":                             {strings.Repeat("a", 40<<10), "", idp.ReasonTokenTooLarge, []string{"Token configuration"}},
		"a claim of a form that Entra has not": {user("roles", "x"), "", idp.ReasonClaimInvalid, []string{"optional claims"}},
		"without an object id":                 {user("oid", nil), "", idp.ReasonClaimMissing, []string{"User's Object ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var more []string
			if test.set != "" {
				more = append(more, test.set)
			}
			code, found := c.check(t, " "+test.raw+"\n", more, "--token", "-")
			if code != exitFailed {
				t.Errorf("exit code %d", code)
			}
			found.want(t, "token", failed, append(test.words, "("+string(test.reason)+"); ")...)
		})
	}
}

// altered is a token with another signature.
func altered(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	if token[at] == 'A' {
		return token[:at] + "B" + token[at+1:]
	}
	return token[:at] + "A" + token[at+1:]
}

// TestEveryReasonToRefuseATokenHasACure holds the cures against the reasons.
func TestEveryReasonToRefuseATokenHasACure(t *testing.T) {
	t.Parallel()
	s, err := load(fileSettings(), needService)
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range reasonsOf(t) {
		if (suspect{settings: &s}).cure(idp.Reason(reason)) == "" {
			t.Errorf("%s has no cure", reason)
		}
	}
}

// reasonsOf are those that package idp gives, as its source lists them.
func reasonsOf(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../../idp/reason.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, m := range regexp.MustCompile(`Reason = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		reasons = append(reasons, m[1])
	}
	if len(reasons) < 20 {
		t.Fatalf("only %v", reasons)
	}
	return reasons
}

func TestATokenThatIsAcceptedIsDescribedByItsIDs(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for persona, want := range map[string]struct {
		who    string
		status status
		groups string
	}{
		"editor": {"of a user", ok, "2 in the token"}, "reader": {"of a user", note, "groups claim"}, "guest": {"of a guest", note, "groups claim"},
		"daemon": {"of an app by itself", ok, "every token of an app"}, "crowded": {"of a user", ok, "Microsoft Graph knows of 250"},
	} {
		code, found := c.check(t, personaToken(t, c.Tenant, persona), nil, "--token", "-")
		found.want(t, "token", ok, want.who)
		found.want(t, "groups", want.status, want.groups)
		found.want(t, "exchange", ok, "would grant")
		if code != exitDone {
			t.Errorf("%s: exit code %d", persona, code)
		}
	}
	_, found := c.check(t, c.Sign(c.V1Claims("editor")), nil, "--token", "-")
	found.want(t, "token", ok, "v1.0 tenant "+faketenant.TenantID)
	_, found = c.check(t, personaToken(t, c.Tenant, "crowded"), []string{"ISSUER_ENTRA_CLIENT_ID=", "ISSUER_ENTRA_CLIENT_SECRET="}, "--token", "-")
	found.want(t, "groups", note, "groups_unavailable", "ISSUER_ENTRA_CLIENT_ID")
	found.want(t, "exchange", failed, "503", "groups_unavailable")
	c.GrantGraph(faketenant.APIClientID, "User.ReadBasic.All")
	_, found = c.check(t, personaToken(t, c.Tenant, "crowded"), nil, "--token", "-")
	found.want(t, "groups", failed, "Authorization_RequestDenied", "GroupMember.Read.All")
}

// TestAnAcceptedTokenIsTriedOnTheRoles: Entra's part may be right, and the caller get nothing.
func TestAnAcceptedTokenIsTriedOnTheRoles(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const editor = "66c8dae0-7f91-4bd3-a507-b9ecfd053606"
	roles := func(text string) []string {
		path := filepath.Join(t.TempDir(), "roles.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"ISSUER_ROLES_FILE=" + path}
	}
	who := "{ tenant: " + faketenant.TenantID + ", user: " + editor
	both := "grants:\n  - " + who + ", role: writer, priority: 2 }\n  - " + who + ", role: auditor }\n"
	for name, test := range map[string]struct {
		roles  []string
		status status
		words  []string
	}{
		"roles":   {roles(both), ok, []string{"would grant writer, auditor"}},
		"a block": {roles(both + "blocks:\n  - " + who + " }\n"), failed, []string{"would refuse", "(blocked)", "issuer roles unblock"}},
		"nothing": {roles("grants: []\n"), failed, []string{"would refuse", "(no_roles)", "issuer roles grant"}},
		"no database": {
			[]string{"ISSUER_ROLES_FILE=", "ISSUER_DATABASE_URL=postgres://127.0.0.1:1/d?connect_timeout=1", "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK},
			off,
			[]string{"roles cannot be looked up"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := c.check(t, personaToken(t, c.Tenant, "editor"), test.roles, "--token", "-")
			found.want(t, "token", ok, editor)
			found.want(t, "exchange", test.status, test.words...)
		})
	}
}

func TestATokenThatCannotBeJudgedIsNotCalledBad(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.SetWeather(faketenant.PartKeys, faketenant.Weather{Status: 503})
	_, found := c.check(t, personaToken(t, c.Tenant, "editor"), nil, "--token", "-")
	found.want(t, "token", failed, "not available", "503")
}

func TestATokenIsTakenFromStandardInputOnly(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	token := personaToken(t, c.Tenant, "editor")
	for name, test := range map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"as an argument":      {[]string{"--online", "--token", token}, "", "standard input"},
		"as an argument, too": {[]string{"--online", "--token=" + token}, "", "standard input"},
		"offline":             {[]string{"--token", "-"}, token, "--online"},
		"empty":               {[]string{"--online", "--token", "-"}, " \n", "empty"},
	} {
		code, stdout, stderr := executeWith(t, c.settings, test.stdin, slices.Concat([]string{"check"}, test.args)...)
		if code != exitUsage || !strings.Contains(stderr, test.want) || strings.Contains(stdout+stderr, token[:20]) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, stderr %q", name, code, stderr)
		}
	}
	var stderr strings.Builder
	p := program{environ: c.settings, stdin: strings.NewReader(token), stdout: io.Discard, stderr: &stderr, azure: c.Client(), terminal: true}
	if code := p.run(t.Context(), []string{"check", "--online", "--token", "-"}); code != exitDone || !strings.Contains(stderr.String(), "Ctrl-D") {
		t.Errorf("on a terminal: exit code %d, %s", code, &stderr)
	}
}

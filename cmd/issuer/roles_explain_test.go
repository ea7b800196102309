package main

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// told is what `issuer roles explain --json` prints.
type told struct {
	issuer.Explanation
	Cure  string
	Notes []string
}

// held lists the roles that are held.
func (e told) held() []string {
	var roles []string
	for _, role := range e.Roles {
		if role.Held {
			roles = append(roles, role.Role)
		}
	}
	return roles
}

// noted reports whether a note holds the words.
func (e told) noted(words string) bool {
	return slices.ContainsFunc(e.Notes, func(note string) bool { return strings.Contains(note, words) })
}

// explain runs `issuer roles explain --json` on p, and sees to it that no token is shown.
func (p program) explain(t *testing.T, token string, args ...string) (code int, e told) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p.stdin, p.stdout, p.stderr = strings.NewReader(token), &stdout, &stderr
	code = p.run(t.Context(), append([]string{"roles", "explain", "--json"}, args...))
	if err := json.Unmarshal(stdout.Bytes(), &e, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("exit code %d, %v, stdout %q, stderr %q", code, err, &stdout, &stderr)
	}
	if strings.Contains(stdout.String()+stderr.String(), "eyJ") {
		t.Error("a token is shown")
	}
	return code, e
}

// TestExplainSaysOnEveryStoreWhatTheExchangeDoes asks about the personas by their tokens and by flags.
func TestExplainSaysOnEveryStoreWhatTheExchangeDoes(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	flags := map[string][]string{
		"reader": {"--user", personaObject(t, tenant, "reader"), "--app-role", "Hasura.Reader"},
		"editor": {"--user", strings.ToUpper(personaObject(t, tenant, "editor")), "--group", faketenant.GroupOne, "--group", strings.ToUpper(faketenant.GroupTwo)},
		"guest":  {"--user", personaObject(t, tenant, "guest"), "--tenant", strings.ToUpper(faketenant.TenantID)},
		"daemon": {"--app", faketenant.DaemonClientID, "--app-role", "Hasura.Exchange"},
		"nobody": {"--user", personaObject(t, tenant, "nobody")},
	}
	for name, settings := range stores(t, server.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := program{environ: settings}
			for persona, want := range map[string]string{"reader": "reader", "editor": "editor reader", "guest": "guest", "daemon": "service", "nobody": ""} {
				code, byToken := p.explain(t, personaToken(t, tenant, persona), "--token", "-")
				other, byFlags := p.explain(t, "", flags[persona]...)
				if code != exitDone || other != exitDone || byToken.Granted == (want == "") || byFlags.Granted != byToken.Granted {
					t.Errorf("%s: exit codes %d and %d, granted %v and %v", persona, code, other, byToken.Granted, byFlags.Granted)
				}
				if got := strings.Join(byToken.held(), " "); got != want {
					t.Errorf("%s by token: %q, want %q", persona, got, want)
				}
				if diff := cmp.Diff(byToken.Roles, byFlags.Roles); diff != "" {
					t.Errorf("%s by flags (-by token +by flags):\n%s", persona, diff)
				}
				if want == "" && (byToken.Reason != issuer.ReasonNoRoles || !strings.Contains(byToken.Cure, "issuer roles grant")) {
					t.Errorf("%s: %s, %s", persona, byToken.Reason, byToken.Cure)
				}
			}
			_, list, _ := execute(t, settings, "keys", "list")
			if !strings.HasPrefix(list, "no keys") {
				t.Errorf("explaining made keys: %s", list)
			}
		})
	}
}

// TestTheSizeThatIsExplainedIsThatOfTheToken compares with a token that was minted, of each algorithm.
func TestTheSizeThatIsExplainedIsThatOfTheToken(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			settings := onFiles(t, server.URL, "ISSUER_TOKEN_ALG="+alg)
			token := personaToken(t, tenant, "editor")
			_, e := program{environ: settings}.explain(t, " "+token+"\n", "--token", "-")
			if got := serve(t, settings).exchange(t, token); e.Token == nil || e.Token.Bytes != len(got.AccessToken) {
				t.Errorf("explained as %+v, and it has %d bytes", e.Token, len(got.AccessToken))
			}
		})
	}
}

func TestExplainTellsWhoHasWhatTheCallerLacks(t *testing.T) {
	t.Parallel()
	settings, roles := changes(t)
	p := program{environ: environ("https://login.example.com", settings...)}
	standings := func(e told, role string) (list []string) {
		for _, r := range e.Roles {
			for _, g := range r.Grants {
				if r.Role == role {
					list = append(list, g.Principal+" "+string(g.Standing))
				}
			}
		}
		return list
	}
	for _, args := range [][]string{{"--role", "editor"}, {"--scope", "editor"}} {
		_, e := p.explain(t, "", append(args, "--user", someone)...)
		if diff := cmp.Diff([]string{"group " + faketenant.GroupOne + " not_the_principal"}, standings(e, "editor")); diff != "" {
			t.Errorf("%v (-want +got):\n%s", args, diff)
		}
	}
	if _, e := p.explain(t, "", "--user", someone, "--role", "owner"); len(e.Roles) != 1 || e.Roles[0].Role != "owner" || e.Reason != issuer.ReasonNoRoles {
		t.Errorf("a role that nobody has: %+v", e)
	}
	if code, _, stderr := roles("block", "--user", someone, "--reason", "left"); code != exitDone {
		t.Fatal(stderr)
	}
	if code, e := p.explain(t, "", "--user", someone); code != exitDone || e.Reason != issuer.ReasonBlocked || len(e.Blocks) != 1 || !strings.Contains(e.Cure, "unblock") {
		t.Errorf("a block that was just made: exit code %d, %+v", code, e)
	}
	mustExec(t, settings, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) SELECT '`+inTenant+`', 'user', gen_random_uuid()::text, 'crew' FROM generate_series(1, 101)`)
	if _, e := p.explain(t, "", "--user", someone, "--role", "crew"); len(standings(e, "crew")) != 100 || !e.noted("issuer roles who-has crew --tenant "+inTenant) {
		t.Errorf("%d of 101 are named; notes %q", len(standings(e, "crew")), e.Notes)
	}
}

func TestExplainAsksMicrosoftGraphWhereItMay(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := program{environ: c.settings, azure: c.Client()}
	crowded := personaObject(t, c.Tenant, "crowded")
	for name, run := range map[string]func(p program) (int, told){
		"by token": func(p program) (int, told) { return p.explain(t, personaToken(t, c.Tenant, "crowded"), "--token", "-") },
		"by flags": func(p program) (int, told) { return p.explain(t, "", "--user", crowded) },
	} {
		if code, e := run(p); code != exitDone || strings.Join(e.held(), " ") != "editor" || !e.Caller.GroupsAsked {
			t.Errorf("%s: exit code %d, %+v", name, code, e)
		}
	}
	if _, e := p.explain(t, "", "--user", crowded, "--group", faketenant.GroupTwo); strings.Join(e.held(), " ") != "reader" || e.Caller.GroupsAsked {
		t.Errorf("groups that were named: %+v", e)
	}
	graphless := program{environ: append(slices.Clone(c.settings), "ISSUER_ENTRA_CLIENT_ID=", "ISSUER_ENTRA_CLIENT_SECRET="), azure: c.Client()}
	if _, e := graphless.explain(t, "", "--user", crowded); e.Caller.GroupsAsked || !e.noted("groups are not known") {
		t.Errorf("without Graph: %+v", e)
	}
	if _, e := graphless.explain(t, "", "--app", faketenant.DaemonClientID, "--app-role", "Hasura.Exchange"); e.noted("groups are not known") || !e.noted("object id of an app") || !e.Granted {
		t.Errorf("an app without Graph: %+v", e)
	}
	c.SetWeather(faketenant.PartGraph, faketenant.Weather{Status: http.StatusServiceUnavailable})
	if code, e := p.explain(t, "", "--user", crowded, "--role", "editor"); code != exitFailed || !e.Unjudged || e.Reason != issuer.ReasonGroupsUnavailable || len(e.Roles) > 0 {
		t.Errorf("with Graph down: exit code %d, %+v", code, e)
	}
}

func TestExplainSaysWhatOnlyATokenCouldTell(t *testing.T) {
	t.Parallel()
	settings := onFiles(t, "https://login.example.com", "ISSUER_SESSION_CLAIMS=x-hasura-user-id=oid,x-hasura-unit=department,x-hasura-app=azp")
	p := program{environ: settings}
	if _, e := p.explain(t, "", "--user", someone); !e.noted("x-hasura-unit (department), x-hasura-app (azp)") || !e.noted("no token was seen") {
		t.Errorf("a user: %q", e.Notes)
	}
	if _, e := p.explain(t, "", "--app", someone); !e.noted("left out: x-hasura-unit (department)") || e.noted("x-hasura-app") {
		t.Errorf("an app: %q", e.Notes)
	}
	if _, e := p.explain(t, "", "--user", someone, "--tenant", faketenant.OtherTenantID); e.Finding != "ISSUER_ENTRA_TENANTS does not name this tenant" {
		t.Errorf("another tenant: %q, %q", e.Reason, e.Finding)
	}
}

func TestATokenThatIsRefusedIsExplainedWithItsCure(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := program{environ: c.settings, azure: c.Client()}
	code, e := p.explain(t, c.Sign(with(c.Claims("reader"), "scp", "Files.Read")), "--token", "-", "--role", "reader")
	if code != exitDone || e.Reason != issuer.ReasonScopeMissing || !strings.Contains(e.Cure, "Expose an API") || !e.noted("object "+someone) || len(e.Roles) > 0 {
		t.Errorf("exit code %d, %+v", code, e)
	}
	c.SetWeather(faketenant.PartKeys, faketenant.Weather{Status: http.StatusServiceUnavailable})
	if code, e := p.explain(t, personaToken(t, c.Tenant, "reader"), "--token", "-"); code != exitFailed || e.Reason != issuer.ReasonIDPUnavailable {
		t.Errorf("with Entra down: exit code %d, %+v", code, e)
	}
}

func TestExplainAsksTheOperatorsOwnQuery(t *testing.T) {
	t.Parallel()
	query := written(t, `SELECT 'clerk' AS role WHERE @subject::text = '`+someone+`'`)
	settings := environ("https://login.example.com", append(oneTenant(t), "ISSUER_ROLES_QUERY_FILE="+query)...)
	code, e := program{environ: settings}.explain(t, "", "--user", someone, "--role", "boss")
	if code != exitDone || strings.Join(e.held(), " ") != "clerk" || len(e.Roles) != 2 || !e.noted("the query of ISSUER_ROLES_QUERY_FILE does not tell") {
		t.Errorf("exit code %d, %+v", code, e)
	}
	if _, stdout, _ := execute(t, settings, "roles", "explain", "--user", someone, "--role", "boss"); !strings.Contains(stdout, "the query does not give it") {
		t.Errorf("as text:\n%s", stdout)
	}
	if code, _, stderr := execute(t, settings, "roles", "who-has", "clerk"); code != exitUsage || !strings.Contains(stderr, "issuer roles explain") {
		t.Errorf("who-has: exit code %d, %s", code, stderr)
	}
}

func TestAQuestionThatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	token := personaToken(t, tenant, "reader")
	settings := onFiles(t, server.URL)
	for line, want := range map[string]string{
		"":              "say who calls",
		"--role reader": "say who calls",
		"--user " + someone + " --app " + someone:      "say who calls",
		"--token " + token:                             "standard input",
		"--token=" + token:                             "standard input",
		"--token - --user " + someone:                  "leave out",
		"--token - --group " + someone:                 "leave out",
		"--token - --tenant " + inTenant:               "leave out",
		"--user alice":                                 "user",
		"--user " + someone + " --group editors":       "group",
		"--user " + someone + " --app-role " + someone: "app_role",
		"--user " + someone + " --scope 1":             "role",
		"--user " + someone + " --role a'b":            "role",
		"--user " + someone + " --tenant contoso":      "tenant",
	} {
		code, stdout, stderr := execute(t, settings, append([]string{"roles", "explain"}, strings.Fields(line)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "eyJ") {
			t.Errorf("%.30s: exit code %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
	if code, _, stderr := executeWith(t, settings, "", "roles", "explain", "--token", "-"); code != exitUsage || !strings.Contains(stderr, "empty") {
		t.Errorf("no token: exit code %d, %s", code, stderr)
	}
}

// A caller who is only described would be refused for what their token is, whatever their grants.
func TestExplainKnowsWhoseTokensAreRefused(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := stores(t, server.URL)["files"]
	const elsewhere = "00000000-1111-4222-8333-444455556666"
	for name, c := range map[string]struct {
		more []string
		args []string
		want string
	}{
		"of a tenant that may not come":  {nil, []string{"--tenant", elsewhere, "--user", elsewhere}, "tenant_not_allowed"},
		"a program without the app role": {nil, []string{"--app", faketenant.DaemonClientID}, "app_role_missing"},
		"a program where none may come":  {[]string{"ISSUER_ENTRA_APP_ROLES="}, []string{"--app", faketenant.DaemonClientID, "--app-role", "Hasura.Exchange"}, "app_only_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, e := program{environ: append(slices.Clone(settings), c.more...)}.explain(t, "", c.args...)
			if code != exitDone || e.Granted || string(e.Reason) != c.want {
				t.Errorf("exit code %d, granted %v, %q, want %q", code, e.Granted, e.Reason, c.want)
			}
		})
	}
}

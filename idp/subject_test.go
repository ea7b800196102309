package idp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const (
	groupOne = "d1000001-aaaa-4bbb-8ccc-000000000001"
	groupTwo = "d1000002-aaaa-4bbb-8ccc-000000000002"
	someone  = "77d9ebf1-80a2-4ce4-b618-caf0de164707"
)

func TestASubjectIsWhoTheTokenSays(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) {
		c.KeepClaims = []string{"oid", "extension_Dept", "level", "staff", "groups", "nickname", "never"}
	})
	plain := idp.Subject{
		TenantID: faketenant.TenantID, ObjectID: someone, Kind: idp.KindUser, ClientID: faketenant.SPAClientID,
		TokenID: "id-of_Token1", Expiry: nominal.Add(75 * time.Minute).UTC(), Claims: map[string]string{"oid": someone},
	}
	tests := map[string]struct {
		change map[string]any
		want   func(*idp.Subject)
	}{
		"a plain user": {nil, func(*idp.Subject) {}},
		"ids in upper case are returned in lower case": {
			map[string]any{"oid": strings.ToUpper(someone), "azp": strings.ToUpper(faketenant.SPAClientID), "groups": []string{strings.ToUpper(groupOne)}},
			func(s *idp.Subject) { s.Groups = []string{groupOne} },
		},
		"groups by name are left out": {
			map[string]any{"groups": []string{"Finance", groupOne, `CONTOSO\Readers`, groupTwo}},
			func(s *idp.Subject) { s.Groups = []string{groupOne, groupTwo} },
		},
		"app roles without groups emitted as roles": {
			map[string]any{"roles": []string{"Hasura.Reader", groupOne, strings.ToUpper(groupTwo)}},
			func(s *idp.Subject) { s.AppRoles = []string{"Hasura.Reader"} },
		},
		"too many groups": {
			map[string]any{
				"_claim_names":   map[string]string{"groups": "src1"},
				"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://evil.example/"}},
			},
			func(s *idp.Subject) { s.GroupsOmitted = true },
		},
		"too many groups for the implicit flow": {
			map[string]any{"hasgroups": true}, func(s *idp.Subject) { s.GroupsOmitted = true },
		},
		"hasgroups false": {map[string]any{"hasgroups": false}, func(*idp.Subject) {}},
		"another claim elsewhere": {
			map[string]any{"_claim_names": map[string]string{"photo": "src1"}}, func(*idp.Subject) {},
		},
		"a guest by acct":           {map[string]any{"acct": 1}, func(s *idp.Subject) { s.Guest = true }},
		"a member by acct":          {map[string]any{"acct": 0}, func(*idp.Subject) {}},
		"a guest by idp":            {map[string]any{"idp": e.V1Issuer(faketenant.OtherTenantID)}, func(s *idp.Subject) { s.Guest = true }},
		"a guest of another kind":   {map[string]any{"idp": "live.com"}, func(s *idp.Subject) { s.Guest = true }},
		"a member by the v1 issuer": {map[string]any{"idp": e.V1Issuer(faketenant.TenantID)}, func(*idp.Subject) {}},
		"a member by the v2 issuer": {map[string]any{"idp": e.V2Issuer(faketenant.TenantID)}, func(*idp.Subject) {}},
		"a token id of odd form":    {map[string]any{"uti": "a\nb"}, func(s *idp.Subject) { s.TokenID = "" }},
		"a token id without end":    {map[string]any{"uti": strings.Repeat("a", 65)}, func(s *idp.Subject) { s.TokenID = "" }},
		"no token id":               {map[string]any{"uti": nil}, func(s *idp.Subject) { s.TokenID = "" }},
		"claims to keep": {
			map[string]any{"extension_Dept": "R&D", "level": 7, "staff": true, "groups": []string{groupOne}, "nickname": map[string]any{}},
			func(s *idp.Subject) {
				s.Groups = []string{groupOne}
				s.Claims = map[string]string{"oid": someone, "extension_Dept": "R&D", "level": "7", "staff": "true"}
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := e.user(map[string]any{"uti": plain.TokenID})
			got, err := verifier.Verify(t.Context(), e.Sign(altered(claims, test.change)))
			if err != nil {
				t.Fatal(err)
			}
			want := plain
			test.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAKeptClaimInOtherCaseIsRefused(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) { c.KeepClaims = []string{"extension_Dept"} })
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"extension_dept": "R&D"})), "claim_invalid")
}

func TestAKeptClaimIsFitToBeHandedOn(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) { c.KeepClaims = []string{"dept"} })
	for name, test := range map[string]struct {
		claim string
		value any
		want  string
	}{
		"as long as may be":           {"dept", strings.Repeat("ä", 2048), "accepted"},
		"one byte more":               {"dept", strings.Repeat("ä", 2048) + "x", "claim_invalid"},
		"one that nobody hands on":    {"other", strings.Repeat("x", 5000) + "\n", "accepted"},
		"a line break":                {"dept", "a\nb", "claim_invalid"},
		"an end of text":              {"dept", "a\x00b", "claim_invalid"},
		"a delete":                    {"dept", "a\x7fb", "claim_invalid"},
		"a control beyond ASCII":      {"dept", "a\u009bb", "claim_invalid"},
		"a number too long":           {"dept", json.Number("1" + strings.Repeat("0", 4096)), "claim_invalid"},
		"a list, which is not handed": {"dept", []string{"a\nb"}, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{test.claim: test.value})), test.want)
		})
	}
}

func TestAnAppIsToldFromAUser(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	tests := map[string]struct {
		change   map[string]any
		appRoles []string
		want     string
	}{
		"by idtyp":                          {nil, []string{"Hasura.Exchange"}, "accepted"},
		"by its subject":                    {map[string]any{"idtyp": nil}, []string{"Hasura.Exchange"}, "accepted"},
		"one of several roles is enough":    {nil, []string{"Other", "Hasura.Exchange"}, "accepted"},
		"without a role":                    {map[string]any{"roles": nil}, []string{"Hasura.Exchange"}, "app_role_missing"},
		"with another role":                 {nil, []string{"Other"}, "app_role_missing"},
		"with the role in other case":       {map[string]any{"roles": []string{"hasura.exchange"}}, []string{"Hasura.Exchange"}, "app_role_missing"},
		"where no app may come":             {nil, nil, "app_only_refused"},
		"where no app may come, no idtyp":   {map[string]any{"idtyp": nil}, nil, "app_only_refused"},
		"with a scope, yet no user":         {map[string]any{"scp": "access_as_user"}, []string{"Hasura.Exchange"}, "claim_invalid"},
		"a user without scope is no app":    {map[string]any{"idtyp": "user"}, []string{"Hasura.Exchange"}, "scope_missing"},
		"another subject is no app":         {map[string]any{"idtyp": nil, "sub": "pairwise"}, []string{"Hasura.Exchange"}, "scope_missing"},
		"without ids at all it is no app":   {map[string]any{"idtyp": nil, "sub": nil, "oid": nil}, []string{"Hasura.Exchange"}, "scope_missing"},
		"a role of every user's ID token":   {map[string]any{"azp": nil, "idtyp": nil, "sub": "pairwise"}, []string{"Hasura.Exchange"}, "id_token"},
		"an app whose client is not named":  {map[string]any{"azp": nil}, []string{"Hasura.Exchange"}, "id_token"},
		"an app's role that is not a list":  {map[string]any{"roles": "Hasura.Exchange"}, []string{"Hasura.Exchange"}, "claim_invalid"},
		"a group emitted as a role is none": {map[string]any{"roles": []string{groupOne}}, []string{groupOne}, "app_role_missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier := e.warm(t, func(c *idp.Config) { c.AppRoles = test.appRoles })
			subject, err := verifier.Verify(t.Context(), e.Sign(e.daemon(test.change)))
			if got := verdict(t, err); got != test.want {
				t.Fatalf("the verdict is %s, want %s", got, test.want)
			}
			if err == nil && (subject.Kind != idp.KindApp || subject.ClientID != faketenant.DaemonClientID) {
				t.Errorf("%s %s, want an app", subject.Kind, subject.ClientID)
			}
		})
	}
}

func TestV1TokensNameTheirClientByAppid(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) { c.Clients = []string{faketenant.SPAClientID} })
	subject, err := verifier.Verify(t.Context(), e.Sign(e.V1Claims("reader")))
	if err != nil {
		t.Fatal(err)
	}
	if subject.ClientID != faketenant.SPAClientID || subject.Kind != idp.KindUser {
		t.Errorf("%s %s, want the user's SPA", subject.Kind, subject.ClientID)
	}
	wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("reader"), map[string]any{"appid": nil})), "claim_missing")
	wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("reader"), map[string]any{"ver": "2.0"})), "issuer_unknown")
}

func TestWithoutScopesNoUserIsLetIn(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, func(c *idp.Config) { c.Scopes = nil })
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"scp": ""})), "scope_missing")
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "scope_missing")
}

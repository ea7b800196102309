package rolestore_test

import (
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestAFilterChoosesByIdentity(t *testing.T) {
	t.Parallel()
	user := rolestore.Principal{Kind: rolestore.KindUser, ID: alice}
	for name, tc := range map[string]struct {
		filter rolestore.Filter
		want   bool
	}{
		"nothing asked":         {rolestore.Filter{}, true},
		"its tenant":            {rolestore.Filter{Tenant: strings.ToUpper(contoso)}, true},
		"another tenant":        {rolestore.Filter{Tenant: fabrikam}, false},
		"its principal":         {rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: strings.ToUpper(alice)}}, true},
		"an app of that id":     {rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindApp, ID: alice}}, false},
		"everyone":              {rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindEveryone}}, false},
		"its role":              {rolestore.Filter{Role: "reader"}, true},
		"a role in capitals":    {rolestore.Filter{Role: "Reader"}, false},
		"all of it":             {rolestore.Filter{Tenant: contoso, Principal: user, Role: "reader"}, true},
		"all of it but the one": {rolestore.Filter{Tenant: contoso, Principal: user, Role: "editor"}, false},
	} {
		filter, err := tc.filter.Checked()
		must(t, err)
		if got := filter.Matches(contoso, user, "reader"); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestAFilterThatCouldFindNothingIsRefused(t *testing.T) {
	t.Parallel()
	for want, filter := range map[string]rolestore.Filter{
		"tenant: want":  {Tenant: "contoso"},
		"user: want":    {Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: "ada"}},
		"role: want":    {Role: "a b"},
		"\nrole: want":  {Tenant: "contoso", Role: "a b"},
		"app_role: wan": {Principal: rolestore.Principal{Kind: rolestore.KindAppRole, ID: "a b"}},
	} {
		if _, err := filter.Checked(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got error %v, want %q", filter, err, want)
		}
	}
}

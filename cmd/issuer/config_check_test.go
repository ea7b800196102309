package main

import (
	"slices"
	"strings"
	"testing"
)

func TestAWrongItemOfAListIsNamedByItsPlace(t *testing.T) {
	t.Parallel()
	const tenant = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	for setting, want := range map[string]string{
		"ISSUER_ENTRA_TENANTS=" + tenant + ",common":                                       `ISSUER_ENTRA_TENANTS: item 2 is "common"; it wants tenant ids`,
		"ISSUER_ENTRA_TENANTS=" + tenant + ",":                                             "ISSUER_ENTRA_TENANTS has an empty item, number 2; it wants tenant ids",
		"ISSUER_ENTRA_TENANTS=,":                                                           "ISSUER_ENTRA_TENANTS has an empty item, number 1; it wants tenant ids",
		"ISSUER_ENTRA_AUDIENCES=a,,b":                                                      "ISSUER_ENTRA_AUDIENCES has an empty item, number 2",
		"ISSUER_ENTRA_CLIENTS=" + tenant + ", " + goodKEK:                                  "ISSUER_ENTRA_CLIENTS: item 2 is " + notShown,
		"ISSUER_CORS_ORIGINS=https://app.example.com,*":                                    `ISSUER_CORS_ORIGINS: item 2 is "*"`,
		"ISSUER_RELYING_PARTIES=orders,none":                                               `ISSUER_RELYING_PARTIES: item 2 is "none"`,
		"ISSUER_RELYING_PARTIES=orders,orders":                                             `ISSUER_RELYING_PARTIES is "orders,orders"`,
		"ISSUER_TRUSTED_PROXIES=10.0.0.0/8,::/0":                                           `ISSUER_TRUSTED_PROXIES: item 2 is "::/0"; it wants the networks`,
		"ISSUER_RATE_LIMIT_ROLES=editor=5/m,two words=5/m":                                 `ISSUER_RATE_LIMIT_ROLES: item 2 is "two words"; it wants how many`,
		"ISSUER_RATE_LIMIT_ROLES=editor=5/m,editor=6/m":                                    `ISSUER_RATE_LIMIT_ROLES is "editor=5/m,editor=6/m"; it wants how many`,
		"ISSUER_RATE_LIMIT_ROLES=editor=5/m,oncall":                                        "ISSUER_RATE_LIMIT_ROLES: item 2 is not <name>=<rate>, with a rate such as 30/m",
		"ISSUER_RATE_LIMIT_ROLES=editor=0":                                                 "ISSUER_RATE_LIMIT_ROLES: item 1 is not <name>=<rate>",
		"ISSUER_RATE_LIMIT_CLIENTS=my-app=5/m":                                             `ISSUER_RATE_LIMIT_CLIENTS is "my-app"; it wants how many`,
		"ISSUER_RATE_LIMIT_CLIENTS=" + tenant + "=5/m," + strings.ToUpper(tenant) + "=5/m": "ISSUER_RATE_LIMIT_CLIENTS is " + `"`,
		"ISSUER_ENTRA_SCOPES=.default":                                                     `ISSUER_ENTRA_SCOPES is ".default"; it wants scope names as they stand in scp, such as access_as_user without api://…/ (.default never stands there)`,
		"ISSUER_ENTRA_SCOPES=access_as_user,api://x/admin":                                 `ISSUER_ENTRA_SCOPES: item 2 is "api://x/admin"`,
	} {
		_, err := load(fileSettings(setting), needService)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), goodKEK) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
}

func TestOperatorsHaveAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen, admin string
		clash         bool
	}{
		{"127.0.0.1:9000", "127.0.0.1:9000", true},
		{":9000", "127.0.0.1:9000", true},
		{"127.0.0.1:9000", "0.0.0.0:9000", true},
		{"[::]:9000", "[::1]:9000", true},
		{"127.0.0.1:9000", "127.0.0.2:9000", false},
		{":9000", ":9001", false},
		{"127.0.0.1:0", "127.0.0.1:0", false},
	} {
		settings := fileSettings("ISSUER_LISTEN="+c.listen, "ISSUER_ADMIN_LISTEN="+c.admin)
		_, err := load(settings, needService)
		if (err != nil) != c.clash || err != nil && !strings.Contains(err.Error(), "ISSUER_ADMIN_LISTEN") {
			t.Errorf("%s and %s: %v", c.listen, c.admin, err)
		}
		if _, err := load(settings, needKeys); err != nil {
			t.Errorf("a command that listens nowhere refuses it: %v", err)
		}
	}
}

func TestOnlyANearNameIsSuggested(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ISSUER_LISSTEN":        "; did you mean ISSUER_LISTEN?",
		"ISSUER_ENTRA_TENANT":   "; did you mean ISSUER_ENTRA_TENANTS?",
		"ISSUER_DATABSE_URL":    "; did you mean ISSUER_DATABASE_URL?",
		"ISSUER_DIPLOMACY":      "",
		"ISSUER_ENTRA_SECRET":   "; did you mean ISSUER_ENTRA_CLIENT_SECRET?",
		"ISSUER_CLIENT_SECRET":  "; did you mean ISSUER_ENTRA_CLIENT_SECRET?",
		"ISSUER_ROLES_QUERY":    "; did you mean ISSUER_ROLES_QUERY_FILE?",
		"ISSUER_ENTIRELY_OTHER": "",
	} {
		_, err := load(fileSettings(name+"=x"), needService)
		if err == nil || err.Error() != name+" is not a setting of this version"+want {
			t.Errorf("%v, want %q at its end", err, want)
		}
	}
}

func TestEntrasIDsAreInLowerCaseWhereverTheyStand(t *testing.T) {
	t.Parallel()
	const id = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	s, err := load(fileSettings("ISSUER_ENTRA_AUDIENCES="+strings.ToUpper(id)+",api://"+strings.ToUpper(id)), needService)
	if err != nil || s.EntraAudiences[0] != id || s.EntraAudiences[1] != "api://"+strings.ToUpper(id) {
		t.Errorf("%v, %v", s.EntraAudiences, err)
	}
}

func TestWhatStandsInPlaceOfAQueryFileIsOneFault(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	database := environ("https://login.microsoftonline.com", "ISSUER_DATABASE_URL=postgres://h/d", "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	for value, c := range map[string]struct {
		settings []string
		want     string
	}{
		"SELECT role FROM users WHERE id = @subject": {database, `ISSUER_ROLES_QUERY_FILE is "SELECT role FROM users WHERE id = @subject"; it wants the path of a file with one SQL query`},
		folder:      {database, `ISSUER_ROLES_QUERY_FILE: "` + folder + `": is a directory`},
		"roles.sql": {fileSettings("ISSUER_ROLES_FILE=" + rolesFile(t)), `ISSUER_ROLES_QUERY_FILE is "roles.sql"; it wants the path of a file with one SQL query, and not together with ISSUER_ROLES_FILE`},
	} {
		code, _, stderr := execute(t, append(slices.Clone(c.settings), "ISSUER_ROLES_QUERY_FILE="+value), "check")
		if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %s", value, code, stderr)
		}
	}
}

package database_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// as returns the URL for another user of the same database.
func as(databaseURL, user, password string) string {
	u := mustParse(databaseURL)
	u.User = nil // the query wins over it
	return withParameter(withParameter(u.String(), "user", user), "password", password)
}

// withParameter returns the URL with one parameter of its query set.
func withParameter(databaseURL, name, value string) string {
	u := mustParse(databaseURL)
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // Postgres knows no plus for a blank
	return u.String()
}

func mustParse(databaseURL string) *url.URL {
	u, err := url.Parse(databaseURL)
	if err != nil {
		panic("the URL of the test database cannot be read")
	}
	return u
}

// secret stands for a password; no part of it may turn up in an error.
const secret = "Tr0ub4dor"

func TestAnUnreadableURLIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"nothing":                             "",
		"a password in the place of the URL":  secret,
		"another database":                    "mysql://user:" + secret + "@db/issuer",
		"an upper-case scheme":                "Postgres://user:" + secret + "@db/issuer",
		"the keyword form":                    "host=db user=u password=" + secret,
		"a port that is no number":            "postgres://user:" + secret + "@db:port/issuer",
		"a port out of range":                 "postgres://user:" + secret + "@db:99999/issuer",
		"a password with a slash":             "postgres://user:12/" + secret + "@db/issuer",
		"a password with a question mark":     "postgres://user:12?a=" + secret + "@db/issuer",
		"a password with a hash":              "postgres://user:12#" + secret + "@db/issuer",
		"a password with an at sign":          "postgres://user:12@" + secret + "@db/issuer",
		"a password with a lone percent sign": "postgres://user:%zz" + secret + "@db/issuer",
		"a query with a lone percent sign":    "postgres://db/issuer?password=%zz" + secret,
		"an unknown sslmode":                  "postgres://user:" + secret + "@db/issuer?sslmode=" + secret,
		"a pool size that is no number":       "postgres://user:" + secret + "@db/issuer?pool_max_conns=" + secret,
		"a certificate that is not there":     "postgres://user:" + secret + "@db/issuer?sslmode=verify-full&sslrootcert=/" + secret,
	}
	for name, databaseURL := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, openErr := database.Open(t.Context(), databaseURL)
			_, migrateErr := database.Migrate(t.Context(), databaseURL)
			_, statusErr := database.Status(t.Context(), databaseURL)
			for function, err := range map[string]error{"Open": openErr, "Migrate": migrateErr, "Status": statusErr} {
				if err == nil {
					t.Errorf("%s took it", function)
				}
				mustNotShow(t, err, secret)
			}
		})
	}
}

// mustNotShow looks for a secret in the text of an error and of all it wraps.
// It never prints that text.
func mustNotShow(t *testing.T, err error, secret string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(secret)) {
			t.Errorf("an error of type %T shows the password", err)
		}
	}
}

func TestAWrongPasswordIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), `CREATE ROLE stranger LOGIN PASSWORD 'right'`)
	wrong := as(server.URL(), "stranger", secret)

	_, migrateErr := database.Migrate(t.Context(), wrong)
	_, statusErr := database.Status(t.Context(), wrong)
	for function, err := range map[string]error{
		"Ping":    open(t, wrong).Ping(t.Context()),
		"Check":   database.Check(t.Context(), open(t, wrong)),
		"Migrate": migrateErr,
		"Status":  statusErr,
	} {
		if err == nil || !strings.Contains(err.Error(), "password authentication failed") {
			t.Errorf("%s was not refused for its password", function)
		}
		mustNotShow(t, err, secret)
	}
}

func TestOpenDoesNotConnect(t *testing.T) {
	t.Parallel()
	pool := open(t, "postgres://user:"+secret+"@/issuer?host=/nowhere")
	err := database.Check(t.Context(), pool)
	if err == nil || errors.Is(err, database.ErrSchemaTooOld) {
		t.Errorf("Check without a server = %v, want an error that is not ErrSchemaTooOld", err)
	}
	mustNotShow(t, err, secret)
}

func TestWhatTheURLLeavesOutGetsADefault(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	for setting, c := range map[string]struct{ want, own string }{
		"application_name":                    {"hasura-issuer", "blue"},
		"statement_timeout":                   {"15s", "3s"},
		"idle_in_transaction_session_timeout": {"15s", "4s"},
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			if got := show(t, server, setting); got != c.want {
				t.Errorf("%s = %q, want %q", setting, got, c.want)
			}
			if got := show(t, withParameter(server, setting, c.own), setting); got != c.own {
				t.Errorf("%s = %q, want %q as the URL says", setting, got, c.own)
			}
		})
	}
}

func TestRowSecurityIsAnErrorAndHidesNoRows(t *testing.T) {
	t.Parallel()
	if got := show(t, pgtest.New(t), "row_security"); got != "off" {
		t.Errorf("row_security = %q, want off", got)
	}
}

func show(t *testing.T, databaseURL, setting string) string {
	t.Helper()
	var value string
	if err := open(t, databaseURL).QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTheSizeOfThePoolIsOursUnlessTheURLSaysIt(t *testing.T) {
	t.Parallel()
	if got := open(t, "postgres://db/issuer").Config().MaxConns; got != 10 {
		t.Errorf("pool size = %d, want 10", got)
	}
	if got := open(t, "postgres://db/issuer?pool_max_conns=3").Config().MaxConns; got != 3 {
		t.Errorf("pool size = %d, want 3 as the URL says", got)
	}
}

func TestCheckRefusesAnOldSchemaAndNamesTheCure(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	if err := database.Check(t.Context(), open(t, url)); err != nil {
		t.Errorf("Check of a migrated database = %v, want nil", err)
	}
	execute(t, url, `DELETE FROM issuer.migrations WHERE version_id > 1`)
	err := database.Check(t.Context(), open(t, url))
	if !errors.Is(err, database.ErrSchemaTooOld) || !strings.Contains(err.Error(), "issuer migrate") {
		t.Errorf("Check of an old schema = %v, want ErrSchemaTooOld with the command to run", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := database.Check(ctx, open(t, url)); !errors.Is(err, context.Canceled) {
		t.Errorf("Check that was called off = %v, want context.Canceled", err)
	}
}

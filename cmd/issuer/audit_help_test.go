package main

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// records are what `issuer audit search` finds, with args.
func records(t *testing.T, settings []string, args ...string) []audit.Record {
	t.Helper()
	code, stdout, stderr := execute(t, settings, append([]string{"audit", "search", "--json"}, args...)...)
	if code != exitDone || stderr != "" {
		t.Fatalf("audit search %v: exit code %d, %s", args, code, stderr)
	}
	var found []audit.Record
	for line := range strings.Lines(stdout) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r, json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		found = append(found, r)
	}
	return found
}

// requests are the ids of the requests of which `issuer audit search` finds records, with args; changes have none.
func requests(t *testing.T, settings []string, args ...string) string {
	t.Helper()
	var ids []string
	for _, r := range records(t, settings, args...) {
		if r.RequestID != "" {
			ids = append(ids, r.RequestID)
		}
	}
	return strings.Join(ids, " ")
}

// eventually asks again and again until the answer is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// must runs a command that has to work.
func must(t *testing.T, settings []string, args ...string) {
	t.Helper()
	if code, _, stderr := execute(t, settings, args...); code != exitDone {
		t.Fatalf("issuer %v: exit code %d: %s", args, code, stderr)
	}
}

// runSQL runs a statement in the database that settings name.
func runSQL(t *testing.T, settings []string, statement string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), env.ToMap(settings)["ISSUER_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	if _, err := connection.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// knock brings a token to a door, in a request of that id; more is what else the door takes: a scope, a role or a query.
func (s served) knock(t *testing.T, door, id, token, more string) doorAnswer {
	t.Helper()
	header := bearer(token, "X-Request-Id", id)
	switch door {
	case "token":
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		header.Del("Authorization")
		form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {token}, "scope": {more}}
		return s.send(t, http.MethodPost, "/oauth2/token", header, []byte(form.Encode()))
	case "webhook":
		if more != "" {
			header.Set("X-Hasura-Role", more)
		}
		return s.send(t, http.MethodGet, "/hasura/webhook", header, nil)
	case "forward_auth":
		return s.send(t, http.MethodGet, "/forward-auth", header, nil)
	}
	header.Set("Content-Type", "application/json")
	header.Del("Authorization")
	return s.send(t, http.MethodPost, "/v1/authenticate", header, []byte(`{"headers":{"Authorization":"Bearer `+token+`"},"request":null}`))
}

// payloadOf reads the payload of a token.
func payloadOf(t *testing.T, token string, into any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// minted is what a token of ours is called by, and when it ends.
func minted(t *testing.T, token string) (jti string, expiry time.Time) {
	t.Helper()
	var claims struct {
		ID     string `json:"jti"`
		Expiry int64  `json:"exp"`
	}
	payloadOf(t, token, &claims)
	return claims.ID, time.Unix(claims.Expiry, 0).UTC()
}

// lists are all records of exchanges as they are printed.
func lists(t *testing.T, settings []string) []string {
	t.Helper()
	_, stdout, _ := execute(t, settings, "audit", "search", "--json", "--kind", "exchange")
	return strings.Split(stdout, "\n")
}

// awaitAdmin polls the metrics until one of them is as wanted.
func (s served) awaitAdmin(t *testing.T, line string) {
	t.Helper()
	eventually(t, line, func() bool {
		_, body := get(t, s.admin+"/metrics")
		return strings.Contains(string(body), "\n"+line+"\n")
	})
}

// logged counts what a part has said.
func (s served) logged(part, message string) (times int) {
	for line := range strings.Lines(s.stderr.String()) {
		if strings.Contains(line, `"part":"`+part+`"`) && strings.HasSuffix(line, `"message":"`+message+"\"}\n") {
			times++
		}
	}
	return times
}

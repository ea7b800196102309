package adminapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// page is a page of either list.
type page struct {
	Grants []member `json:"grants"`
	Blocks []member `json:"blocks"`
	Next   string   `json:"next"`
}

// member is an entry of a page, in few words.
type member struct {
	Tenant   string `json:"tenant"`
	User     string `json:"user"`
	Group    string `json:"group"`
	AppRole  string `json:"app_role"`
	App      string `json:"app"`
	Everyone bool   `json:"everyone"`
	Role     string `json:"role"`
}

func (m member) String() string {
	who := m.User + m.Group + m.AppRole + m.App
	if m.Everyone {
		who = "everyone"
	}
	return m.Tenant[:1] + " " + who[:2] + " " + m.Role
}

// pages follows next to the end and returns what the pages hold.
func (s *stand) pages(path string) (found []string) {
	s.t.Helper()
	for path != "" {
		got := into[page](s.t, s.want(200, "", http.MethodGet, path, ""))
		for _, one := range append(got.Grants, got.Blocks...) {
			found = append(found, one.String())
		}
		path = got.Next
	}
	return found
}

func TestAListIsNarrowedByItsParametersAndReadToTheEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.apply(
		grant(contoso, rolestore.KindUser, alice, "a"), grant(contoso, rolestore.KindUser, alice, "b"), grant(contoso, rolestore.KindUser, bob, "a"),
		grant(contoso, rolestore.KindGroup, editors, "a"), grant(contoso, rolestore.KindAppRole, "Hasura.Reader", "a"),
		grant(contoso, rolestore.KindApp, bob, "c"), grant(contoso, rolestore.KindEveryone, "", "d"), grant(fabrikam, rolestore.KindUser, bob, "a"),
	)
	s.exec(`UPDATE issuer.grants SET valid_until = '2026-01-01' WHERE role = 'b'`)
	s.exec(`INSERT INTO issuer.blocks (tenant, principal_kind, principal, valid_until) VALUES ('` + contoso + `', 'user', '` + alice + `', NULL), ('` + contoso + `', 'app', '` + bob + `', '2026-01-01')`)
	for query, want := range map[string][]string{
		"grants":                                    {"0 22 a", "7 22 c", "7 Ha a", "7 ev d", "7 d1 a", "7 11 a", "7 11 b", "7 22 a"},
		"grants?role=a":                             {"0 22 a", "7 Ha a", "7 d1 a", "7 11 a", "7 22 a"},
		"grants?tenant=" + fabrikam:                 {"0 22 a"},
		"grants?user=" + strings.ToUpper(bob):       {"0 22 a", "7 22 a"},
		"grants?tenant=" + contoso + "&user=" + bob: {"7 22 a"},
		"grants?group=" + editors:                   {"7 d1 a"},
		"grants?app_role=Hasura.Reader":             {"7 Ha a"},
		"grants?app=" + bob:                         {"7 22 c"},
		"grants?everyone=true":                      {"7 ev d"},
		"grants?expired=true":                       {"7 11 b"},
		"grants?role=none":                          nil,
		"blocks":                                    {"7 22 ", "7 11 "},
		"blocks?expired=true":                       {"7 22 "},
		"blocks?user=" + alice:                      {"7 11 "},
	} {
		separator := map[bool]string{true: "&", false: "?"}[strings.Contains(query, "?")]
		for _, limit := range []string{"", separator + "limit=1", separator + "limit=3"} {
			if diff := cmp.Diff(want, s.pages("/admin/v1/"+query+limit)); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", query, limit, diff)
			}
		}
	}
	for _, query := range []string{
		"grants?role=a&role=b", "grants?rolle=a", "grants?role=", "grants?tenant=", "grants?tenant=contoso", "grants?user=" + alice + "&group=" + editors,
		"grants?everyone=false", "grants?expired=1", "grants?limit=0", "grants?limit=1001", "grants?limit=01", "grants?limit=ten", "grants?cursor=x", "grants?cursor=W10",
		"grants?cursor=", "grants?role=%zz", "grants?a;b", "grants?user=", "blocks?role=a", "blocks?group=" + editors, "grants?role=" + strings.Repeat("a", 5000),
	} {
		s.want(400, "request_malformed", http.MethodGet, "/admin/v1/"+query, "")
	}
}

func TestAGrantIsMadeReadChangedAndTakenAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.apply(grant(contoso, rolestore.KindEveryone, "", "editor"))
	path := grantPath("user:"+alice, "editor")
	s.want(404, "not_found", http.MethodGet, path, "")
	made := s.want(201, "", http.MethodPut, path, `{"priority":10,"session":{"x-hasura-org-id":"42","x-hasura-regions":["eu","us"]},"until":"2030-01-01T02:00:00+02:00","reason":"INC-77"}`, "If-None-Match", "*")
	const want = `{"tenant":"` + contoso + `","user":"` + alice + `","role":"editor","priority":10,"session":{"x-hasura-org-id":"42","x-hasura-regions":["eu","us"]},"until":"2030-01-01T00:00:00Z","reason":"INC-77"}`
	read := s.want(200, "", http.MethodGet, path, "")
	first := read.Header.Get("ETag")
	if made.body != want || read.body != want || made.Header.Get("ETag") != first || read.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("made %s %s\nread %s %s", made.Header.Get("ETag"), made.body, first, read.body)
	}
	s.want(200, "", http.MethodPut, path, read.body) // what was read, as it was read
	s.want(412, "precondition_failed", http.MethodPut, path, `{"priority":1}`, "If-None-Match", "*")
	s.want(412, "precondition_failed", http.MethodPut, path, `{"priority":1}`, "If-Match", `"AAAAAAAAAAAAAAAAAAAAAA"`)
	s.want(412, "precondition_failed", http.MethodPut, path, `{"priority":1}`, "If-Match", "W/"+first)
	s.want(304, "", http.MethodGet, path, "", "If-None-Match", `"other", W/`+first)
	changed := s.want(200, "", http.MethodPut, path, `{"priority":1}`, "If-Match", `"other", `+first)
	if second := changed.Header.Get("ETag"); second == first || strings.Contains(changed.body, "INC-77") {
		t.Errorf("changed: %s %s", second, changed.body)
	}
	s.want(412, "precondition_failed", http.MethodDelete, path, "", "If-Match", first)
	s.want(409, "removal_unconfirmed", http.MethodDelete, path, "", "If-Match", changed.Header.Get("ETag")) // one of two grants
	if got := s.want(204, "", http.MethodDelete, path+"?confirm-removal=true", "", "If-Match", changed.Header.Get("ETag")); got.body != "" {
		t.Errorf("a body: %s", got.body)
	}
	s.want(404, "not_found", http.MethodDelete, path, "")
	s.want(412, "precondition_failed", http.MethodDelete, path, "", "If-Match", "*")
	s.want(412, "precondition_failed", http.MethodGet, path, "", "If-Match", "*")
	var changes int
	must(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM issuer.role_history WHERE actor = $1`, "admin:"+boss+"@127.0.0.1").Scan(&changes))
	if changes != 3 { // added, changed, removed
		t.Errorf("%d records of this operator", changes)
	}
}

func TestABlockIsMadeReadAndLifted(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, principal := range []string{"user:" + alice, "app:" + bob} {
		path := blockPath(principal)
		s.want(201, "", http.MethodPut, path, `{"reason":"left"}`)
		got := s.want(200, "", http.MethodGet, path, "")
		s.want(200, "", http.MethodPut, path, got.body, "If-Match", "*")
		s.want(200, "", http.MethodPut, path, `{"until":"2030-01-01T00:00:00Z"}`)
		s.want(204, "", http.MethodDelete, path, "")
		s.want(404, "not_found", http.MethodGet, path, "")
	}
	for _, principal := range []string{"group:" + editors, "everyone"} {
		s.want(422, "entry_refused", http.MethodPut, blockPath(principal), `{}`)
	}
}

func TestAnEndThatIsOverIsRefusedUnlessItIsThereAlready(t *testing.T) {
	t.Parallel()
	s := start(t)
	block, until := blockPath("user:"+alice), `{"until":"2020-01-01T00:00:00Z"}`
	for _, path := range []string{block, grantPath("user:"+alice, "editor")} {
		if got := s.want(422, "entry_refused", http.MethodPut, path, until); !strings.Contains(got.body, "would never be in force") {
			t.Errorf("PUT %s: %s", path, got.body)
		}
	}
	s.exec(`INSERT INTO issuer.blocks (tenant, principal_kind, principal, valid_until) VALUES ('` + contoso + `', 'user', '` + alice + `', '2020-01-01')`)
	s.want(200, "", http.MethodPut, block, until)
	s.want(422, "entry_refused", http.MethodPut, block, `{"until":"2020-01-01T00:00:00Z","reason":"other"}`)
	s.want(200, "", http.MethodPut, block, `{}`)
}

func TestEveryKindOfPrincipalHasAnAddress(t *testing.T) {
	t.Parallel()
	s := start(t)
	for principal, want := range map[string]string{
		"user:" + strings.ToUpper(alice): `"user":"` + alice + `"`, "group:" + editors: `"group":"` + editors + `"`, "app:" + bob: `"app":"` + bob + `"`,
		"app_role:Hasura.Reader": `"app_role":"Hasura.Reader"`, "app_role:a:b/c%d": `"app_role":"a:b/c%d"`, "everyone": `"everyone":true`,
	} {
		path := grantPath(principal, "reader")
		if got := s.do(http.MethodPut, path, `{}`); got.StatusCode != 201 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %s %s", principal, got.Status, got.body)
		}
		if got := s.do(http.MethodGet, path, ""); got.StatusCode != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %s %s", principal, got.Status, got.body)
		}
	}
	for _, principal := range []string{"user", "user:", "user:alice", "group:x", "everyone:" + alice, "somebody:" + alice, "app_role:" + alice, ":", "%zz", "app_role:%ff"} {
		s.want(400, "request_malformed", http.MethodPut, "/admin/v1/grants/"+contoso+"/"+strings.ReplaceAll(principal, "%z", "%25z")+"/reader", `{}`)
	}
	s.want(400, "request_malformed", http.MethodGet, "/admin/v1/grants/contoso/everyone/reader", "")
	s.want(400, "request_malformed", http.MethodGet, grantPath("everyone", "no%20role"), "")
}

func TestABodyIsOneObjectOfKnownMembers(t *testing.T) {
	t.Parallel()
	s := start(t)
	path := grantPath("user:"+alice, "editor")
	for _, body := range []string{
		"", " ", "null", "[]", `"x"`, "{", "{}{}", `{"priority":"1"}`, `{"priority":1.5}`, `{"priority":null}`, `{"priority":1,"priority":1}`, `{"Priority":1}`, `{"prio":1}`,
		`{"until":"tomorrow"}`, `{"until":1}`, `{"session":[]}`, `{"session":{"x-hasura-a":1}}`, `{"session":{"x-hasura-a":null}}`, `{"session":{"x-hasura-a":["a",null]}}`,
		`{"session":{"x-hasura-a":"a","x-hasura-a":"b"}}`, "{\"reason\":\"\xff\"}", `{"everyone":"true"}`, `{"created_by":"me"}`,
	} {
		s.want(400, "body_malformed", http.MethodPut, path, body, "Content-Type", "application/json")
	}
	for name, body := range map[string]string{
		"role: admin": "", "reason: want one line": `{"reason":"two\nlines"}`, "session.x-hasura-role: comes from": `{"session":{"x-hasura-role":"admin"}}`,
		"session: want names": `{"session":{"org":"1"}}`, "until: want a time after from": `{"from":"2030-01-01T00:00:00Z","until":"2029-01-01T00:00:00Z"}`,
		"until: want a time from 1970 on": `{"until":"2030-01-01T00:00:00.0000001Z"}`, "the body's role": `{"role":"viewer"}`, "the body's user": `{"user":"` + bob + `"}`,
		"the body's group": `{"group":""}`, "the body's everyone": `{"everyone":true}`, "the body's tenant": `{"tenant":"` + fabrikam + `"}`,
	} {
		at := path
		if body == "" {
			at, body = grantPath("user:"+alice, "admin"), "{}"
		}
		if got := s.want(422, "entry_refused", http.MethodPut, at, body); !strings.Contains(got.body, name) {
			t.Errorf("%s: %s, want %s", body, got.body, name)
		}
	}
	for _, header := range []string{"text/plain", "application/json; charset=latin1", "application/merge-patch+json", ""} {
		s.want(415, "content_type_unsupported", http.MethodPut, path, `{}`, "Content-Type", header)
	}
	s.want(415, "content_type_unsupported", http.MethodPut, path, `{}`, "Content-Encoding", "gzip")
	s.want(413, "body_too_large", http.MethodPut, path, `{"reason":"`+strings.Repeat("a", 64<<10)+`"}`)
	for _, header := range []string{"x", `"a`, `W/x`, `"a" "b"`, ","} {
		s.want(400, "request_malformed", http.MethodPut, path, `{}`, "If-Match", header)
	}
	s.want(400, "request_malformed", http.MethodPut, path+"?force=true", `{}`)
	s.want(400, "request_malformed", http.MethodDelete, path+"?confirm-removal=yes", "")
	s.want(404, "not_found", http.MethodGet, path, "")
}

func TestARemovalThatASlipWouldMakeDearIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	var many []rolestore.Grant
	for _, role := range "abcdefghijklmnopqrst" {
		many = append(many, grant(contoso, rolestore.KindUser, alice, string(role)))
	}
	s.apply(append(many, grant(contoso, rolestore.KindUser, bob, "a"))...)
	s.want(204, "", http.MethodDelete, grantPath("user:"+bob, "a"), "") // one of 21, and alice has the role too
	last := grantPath("user:"+alice, "a")
	if got := s.want(409, "removal_unconfirmed", http.MethodDelete, last, ""); !strings.Contains(got.body, "1 of all 20 grants would go, and with them the last of a") {
		t.Error(got.body)
	}
	unbegun := `{"from":"2999-01-01T00:00:00Z"}`
	if got := s.want(409, "removal_unconfirmed", http.MethodPut, last, unbegun); !strings.Contains(got.body, "the last of a") {
		t.Error(got.body)
	}
	s.want(200, "", http.MethodPut, last, `{"until":"2999-01-01T00:00:00Z"}`)
	s.want(200, "", http.MethodPut, last+"?confirm-removal=true", unbegun)
	s.want(204, "", http.MethodDelete, last, "") // nobody held it any more
	last = grantPath("user:"+alice, "b")
	s.want(409, "removal_unconfirmed", http.MethodDelete, last, "")
	s.want(204, "", http.MethodDelete, last+"?confirm-removal=true", "")
}

// meddler changes the roles between the look and the change, as often as it is told.
type meddler struct {
	*rolestore.Postgres
	times int
	edit  rolestore.Edit
}

func (m *meddler) Edit(ctx context.Context, edit rolestore.Edit, options rolestore.ApplyOptions) (rolestore.Diff, error) {
	if !options.DryRun && m.times > 0 {
		m.times--
		m.edit.Put.Grants[0].Priority++
		if _, err := m.Postgres.Edit(ctx, m.edit, rolestore.ApplyOptions{By: "a meddler"}); err != nil {
			return rolestore.Diff{}, err
		}
	}
	return m.Postgres.Edit(ctx, edit, options)
}

func TestWhatOthersChangeMeanwhileIsNotOverwrittenUnseen(t *testing.T) {
	t.Parallel()
	there := grant(contoso, rolestore.KindUser, alice, "a")
	path := grantPath("user:"+alice, "a")
	for name, tc := range map[string]struct {
		times  int
		header string
		status int
		reason string
	}{
		"undisturbed":           {0, "If-Match", 200, ""},
		"who wants what it was": {1, "If-Match", 412, "precondition_failed"},
		"who wants anything":    {1, "", 200, ""},
		"again and again":       {3, "", 409, "changed_meanwhile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *stand, c *adminapi.Config) {
				c.Editor = &meddler{s.store, tc.times, rolestore.Edit{Put: rolestore.Document{Grants: []rolestore.Grant{there}}}}
			})
			s.apply(there)
			var headers []string
			if tc.header != "" {
				headers = []string{tc.header, s.do(http.MethodGet, path, "").Header.Get("ETag")}
			}
			s.want(tc.status, tc.reason, http.MethodPut, path, `{"priority":100}`, headers...)
			got := into[struct {
				Priority int `json:"priority"`
			}](t, s.do(http.MethodGet, path, ""))
			if (got.Priority == 100) != (tc.status == 200) {
				t.Errorf("the priority is %d", got.Priority)
			}
		})
	}
}

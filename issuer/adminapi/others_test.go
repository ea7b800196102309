package adminapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// records is a page of the history.
type records struct {
	Records []struct {
		Number int64  `json:"number"`
		Actor  string `json:"actor"`
	} `json:"records"`
	Next string `json:"next"`
}

func TestTheHistoryIsReadInPagesTheNewestFirst(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.want(201, "", http.MethodPut, grantPath("user:"+alice, "a"), `{}`)
	s.want(201, "", http.MethodPut, blockPath("user:"+bob), `{}`)
	s.send(http.MethodPut, grantPath("user:"+alice, "b"), `{}`, "Authorization", "Bearer "+staticToken)
	for query, want := range map[string]string{
		"": "3 2 1", "limit=2": "3 2|1", "limit=1": "3|2|1", "user=" + alice: "3 1", "user=" + alice + "&role=a": "1", "before=3": "2 1", "since=2020-01-01T00:00:00Z": "3 2 1",
		"since=2099-01-01T00:00:00%2B01:00": "", "tenant=" + fabrikam: "",
	} {
		var pages []string
		for path := "/admin/v1/history?" + query; path != ""; {
			got := into[records](t, s.want(200, "", http.MethodGet, path, ""))
			var numbers []string
			for _, r := range got.Records {
				numbers = append(numbers, fmt.Sprint(r.Number))
				if !strings.HasPrefix(r.Actor, "admin:") || !strings.HasSuffix(r.Actor, "@127.0.0.1") {
					t.Errorf("record %d is by %s", r.Number, r.Actor)
				}
			}
			pages = append(pages, strings.Join(numbers, " "))
			path = got.Next
		}
		if got := strings.Join(pages, "|"); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"since=yesterday", "before=0", "before=x", "limit=1001", "cursor=x", "expired=true"} {
		s.want(400, "request_malformed", http.MethodGet, "/admin/v1/history?"+query, "")
	}
}

func TestTheKeysAreListedWithoutAnythingPrivate(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := into[adminapi.Ring](t, s.want(200, "", http.MethodGet, "/admin/v1/keys", ""))
	if diff := cmp.Diff(ring(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.want(400, "request_malformed", http.MethodGet, "/admin/v1/keys?kid=one", "")
}

func TestTheReplicaThatAnswersDescribesItself(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := into[adminapi.Replica](t, s.want(200, "", http.MethodGet, "/admin/v1/replica", ""))
	if diff := cmp.Diff(replica(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.want(400, "request_malformed", http.MethodGet, "/admin/v1/replica?name=other", "")
	s.want(405, "method_not_allowed", http.MethodPut, "/admin/v1/replica", "")
}

func TestACallerIsExplained(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.apply(grant(contoso, rolestore.KindUser, alice, "reader"), grant(contoso, rolestore.KindGroup, editors, "editor"),
		grant(contoso, rolestore.KindAppRole, "Hasura.Reader", "reporter"), grant(contoso, rolestore.KindApp, bob, "service"), grant(contoso, rolestore.KindUser, boss, "chief"))
	s.exec(`INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('` + contoso + `', 'user', '` + bob + `')`)
	s.verifier.known["alices"] = operator(func(s *idp.Subject) { s.ObjectID, s.AppRoles = alice, nil })
	who := `"tenant":"` + contoso + `","user":"` + alice + `"`
	for body, want := range map[string]struct {
		granted bool
		reason  issuer.Reason
		roles   string // in the token; in brackets the others
	}{
		`{` + who + `}`: {true, "", "reader"},
		`{` + who + `,"groups":["` + editors + `"],"app_roles":["Hasura.Reader"]}`: {true, "", "editor reader reporter"},
		`{` + who + `,"groups":["` + editors + `"],"scope":["editor"]}`:            {true, "", "editor (reader)"},
		`{` + who + `,"scope":["chief"],"role":"chief"}`:                           {false, issuer.ReasonRoleNotGranted, "(chief) (reader)"},
		`{"tenant":"` + strings.ToUpper(contoso) + `","app":"` + bob + `"}`:        {true, "", "service"},
		`{"tenant":"` + contoso + `","user":"` + bob + `"}`:                        {false, issuer.ReasonBlocked, ""},
		`{"tenant":"` + fabrikam + `","user":"` + alice + `"}`:                     {false, issuer.ReasonNoRoles, ""},
		`{"subject_token":"alices"}`:                                               {true, "", "reader"},
		`{"subject_token":"alices","scope":["editor"]}`:                            {false, issuer.ReasonRoleNotGranted, "(editor) (reader)"},
		`{"subject_token":"alices","address":"2001:db8::7"}`:                       {true, "", "reader"},
		`{"subject_token":"a.forged.one"}`:                                         {false, issuer.ReasonTokenMalformed, ""},
	} {
		got := into[issuer.Explanation](t, s.want(200, "", http.MethodPost, "/admin/v1/explain", body))
		var roles []string
		for _, role := range got.Roles {
			if role.InToken {
				roles = append(roles, role.Role)
			} else {
				roles = append(roles, "("+role.Role+")")
			}
		}
		if got.Granted != want.granted || got.Reason != want.reason || strings.Join(roles, " ") != want.roles {
			t.Errorf("%s:\ngranted %v, %q, %q\nwant %v, %q, %q", body, got.Granted, got.Reason, roles, want.granted, want.reason, want.roles)
		}
	}
	for _, body := range []string{
		`{}`, `{"tenant":"` + contoso + `"}`, `{"user":"` + alice + `"}`, `{` + who + `,"app":"` + bob + `"}`, `{"subject_token":"x","tenant":"` + contoso + `"}`,
		`{"subject_token":"x","groups":[]}`, `{"tenant":"contoso","user":"` + alice + `"}`, `{` + who + `,"groups":["editors"]}`, `{` + who + `,"app_roles":["a b"]}`,
		`{` + who + `,"address":"home"}`, `{` + who + `,"scope":["a b"]}`, `{` + who + `,"role":"a b"}`, `{` + who + `,"scope":["reader",""]}`,
	} {
		s.want(422, "entry_refused", http.MethodPost, "/admin/v1/explain", body)
	}
	cured := start(t, func(_ *stand, c *adminapi.Config) {
		c.Cure = func(reason issuer.Reason) string { return "a cure of " + string(reason) }
	})
	if got := s.want(200, "", http.MethodPost, "/admin/v1/explain", `{`+who+`,"scope":["editor"]}`); !strings.Contains(got.body, `"open":true`) || !strings.Contains(got.body, `"cure":"name the caller's groups, `) {
		t.Errorf("while the groups are not known: %s", got.body)
	}
	if got := cured.want(200, "", http.MethodPost, "/admin/v1/explain", `{`+who+`}`); strings.Contains(got.body, "open") || !strings.Contains(got.body, `"cure":"a cure of no_roles"`) {
		t.Errorf("without a cure: %s", got.body)
	}
	s.want(400, "body_malformed", http.MethodPost, "/admin/v1/explain", `{"token":"`+bossToken+`"}`)
	s.want(405, "method_not_allowed", http.MethodGet, "/admin/v1/explain", "")
	s.lines()
}

func TestWhatATokenAloneCouldTellIsSaid(t *testing.T) {
	t.Parallel()
	refusal := &issuer.Error{Reason: issuer.ReasonAppOnlyRefused, Err: errors.New("no programs")}
	s := start(t, func(_ *stand, c *adminapi.Config) {
		c.Assume = func(caller idp.Subject, groupsUnknown bool) ([]string, error) {
			if caller.Kind == idp.KindApp {
				return []string{"an app"}, refusal
			}
			return []string{fmt.Sprint("groups unknown: ", groupsUnknown)}, nil
		}
	})
	for who, want := range map[string]string{
		`"user":"` + alice + `"`:             `"groups_unknown":true`,
		`"user":"` + alice + `","groups":[]`: `"notes":["groups unknown: false"]`,
		`"app":"` + alice + `"`:              `"reason":"app_only_refused"`,
	} {
		answer := s.do(http.MethodPost, "/admin/v1/explain", `{"tenant":"`+contoso+`",`+who+`}`)
		if body := answer.body; !strings.Contains(body, want) || !strings.Contains(body, `"notes"`) {
			t.Errorf("%s: %s", who, body)
		}
	}
}

// asked notes what is asked.
type asked struct{ issuer.Question }

func (a *asked) Explain(_ context.Context, q issuer.Question) (issuer.Explanation, error) {
	a.Question = q
	return issuer.Explanation{Caller: issuer.ExplainedCaller{Groups: []string{}, AppRoles: []string{}}, Roles: []issuer.ExplainedRole{}}, nil
}

func TestGroupsThatAreNotNamedAreAskedForWhereThatCanBe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		asksGraph bool
		more      string
		want      bool
	}{
		"a user":                    {true, `"user":"` + alice + `"`, true},
		"a user in no group":        {true, `"user":"` + alice + `","groups":[]`, false},
		"an app":                    {true, `"app":"` + alice + `"`, false},
		"where nobody can be asked": {false, `"user":"` + alice + `"`, false},
	} {
		seen := &asked{}
		s := start(t, func(_ *stand, c *adminapi.Config) { c.Explainer, c.AsksGraph = seen, tc.asksGraph })
		s.want(200, "", http.MethodPost, "/admin/v1/explain", `{"tenant":"`+contoso+`",`+tc.more+`}`)
		if seen.Caller.GroupsOmitted != tc.want {
			t.Errorf("%s: %v", name, seen.Caller.GroupsOmitted)
		}
	}
}

func TestRolesInAFileAreReadAndNotChanged(t *testing.T) {
	t.Parallel()
	s := start(t, func(_ *stand, c *adminapi.Config) { c.InFile, c.Editor, c.History = "edit the file", nil, nil })
	s.apply(grant(contoso, rolestore.KindUser, alice, "a"))
	path := grantPath("user:"+alice, "a")
	s.want(200, "", http.MethodGet, "/admin/v1/grants", "")
	s.want(200, "", http.MethodGet, path, "")
	s.want(200, "", http.MethodGet, "/admin/v1/blocks", "")
	for _, got := range []answer{
		s.want(409, "not_here", http.MethodPut, path, `{}`), s.want(409, "not_here", http.MethodDelete, path, ""),
		s.want(409, "not_here", http.MethodPut, blockPath("user:"+alice), `{}`),
	} {
		if !strings.Contains(got.body, "edit the file") {
			t.Error(got.body)
		}
	}
	s.want(409, "not_here", http.MethodGet, "/admin/v1/history", "")
}

func TestGrantsThatOthersDecideAreNotShownAsIfTheyCounted(t *testing.T) {
	t.Parallel()
	s := start(t, func(_ *stand, c *adminapi.Config) { c.GrantsElsewhere = "ask your own tables" })
	path := grantPath("user:"+alice, "a")
	s.want(409, "not_here", http.MethodGet, "/admin/v1/grants", "")
	s.want(409, "not_here", http.MethodGet, path, "")
	s.want(409, "not_here", http.MethodPut, path, `{}`)
	s.want(409, "not_here", http.MethodDelete, path, "")
	s.want(201, "", http.MethodPut, blockPath("user:"+alice), `{}`)
	s.want(200, "", http.MethodGet, "/admin/v1/history", "")
}

func TestAStoreThatIsAwayIsNoRefusal(t *testing.T) {
	t.Parallel()
	s := start(t, func(_ *stand, c *adminapi.Config) {
		c.Keys = func(context.Context) (adminapi.Ring, error) {
			return adminapi.Ring{}, errors.New("dial tcp 10.0.0.7:5432: connection refused")
		}
	})
	s.pool.Close()
	for _, got := range []answer{
		s.want(503, "store_unavailable", http.MethodGet, "/admin/v1/grants", ""),
		s.want(503, "store_unavailable", http.MethodGet, grantPath("everyone", "a"), ""),
		s.want(503, "store_unavailable", http.MethodPut, grantPath("everyone", "a"), `{}`),
		s.want(503, "store_unavailable", http.MethodDelete, blockPath("user:"+alice), ""),
		s.want(503, "store_unavailable", http.MethodGet, "/admin/v1/history", ""),
		s.want(503, "store_unavailable", http.MethodGet, "/admin/v1/keys", ""),
	} {
		if got.Header.Get("Retry-After") != "5" || strings.Contains(got.body, "10.0.0.7") || strings.Contains(got.body, "pool") {
			t.Errorf("Retry-After %q, %s", got.Header.Get("Retry-After"), got.body)
		}
	}
	got := into[issuer.Explanation](t, s.want(200, "", http.MethodPost, "/admin/v1/explain", `{"tenant":"`+contoso+`","user":"`+alice+`"}`))
	if got.Granted || !got.Unjudged || got.Reason != issuer.ReasonRolesUnavailable {
		t.Errorf("explained: %v %s", got.Granted, got.Reason)
	}
}

func TestAWrongMethodIsToldTheRightOnesAndAWrongPathNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, allow := range map[string]string{
		"/admin/v1/grants": "GET, HEAD", grantPath("everyone", "a"): "GET, HEAD, PUT, DELETE", "/admin/v1/blocks": "GET, HEAD", blockPath("user:" + alice): "GET, HEAD, PUT, DELETE",
		"/admin/v1/explain": "POST", "/admin/v1/history": "GET, HEAD", "/admin/v1/keys": "GET, HEAD", "/admin/v1/openapi.json": "GET, HEAD",
	} {
		for _, method := range []string{http.MethodPatch, http.MethodOptions, "BREW", "get"} {
			if got := s.want(405, "method_not_allowed", method, path, "", "X-HTTP-Method-Override", "GET"); got.Header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow: %s", method, path, got.Header.Get("Allow"))
			}
		}
		if strings.HasPrefix(allow, "GET, HEAD") && !strings.Contains(path, contoso) {
			if got := s.do(http.MethodHead, path, ""); got.StatusCode != 200 || got.body != "" {
				t.Errorf("HEAD %s: %s", path, got.Status)
			}
		}
	}
	for _, path := range []string{
		"/admin/v1/", "/admin/v1/grants/", "/admin/v1//grants", "/admin/v1/Grants", "/admin/v1/grants%2F", "/admin/v1/%67rants", "/admin/v1/./grants", "/admin/v1/grants/" + contoso,
		grantPath("everyone", "a") + "/", blockPath("user:"+alice) + "/reader", "/admin/v1/openapi", "/admin/v1/keys;a=b",
	} {
		s.want(404, "not_found", http.MethodGet, path, "")
	}
}

package faketenant_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// graph calls the Graph of the tenant's own listener.
func (s served) graph(t *testing.T, token, method, path, body string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	target := path
	if !strings.HasPrefix(path, "https://") {
		target = s.url + "/graph/v1.0" + path
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(request.Header, header)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if method == http.MethodPost && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, answer
}

// tokenFor is an app-only token of app, as the token endpoint gives it.
func (s served) tokenFor(t *testing.T, app, scope string) string {
	t.Helper()
	status, answer := s.token(t, faketenant.TenantID, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app}, "client_secret": {s.ClientSecret(app)}, "scope": {scope},
	}, nil)
	if status != http.StatusOK {
		t.Fatalf("token: %d %v", status, answer)
	}
	return answer["access_token"].(string)
}

func oidOf(t *testing.T, s served, persona string) string {
	t.Helper()
	for _, p := range s.Personas() {
		if p.Name == persona {
			return p.ObjectID
		}
	}
	t.Fatalf("no persona %s", persona)
	return ""
}

// values are the ids of a Graph answer.
func values(t *testing.T, body []byte) []string {
	t.Helper()
	var answer struct{ Value []json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	ids := []string{}
	for _, raw := range answer.Value {
		var entry struct{ ID string }
		if json.Unmarshal(raw, &entry.ID) != nil && json.Unmarshal(raw, &entry) != nil {
			t.Fatalf("an entry that is neither an id nor an object: %s", raw)
		}
		ids = append(ids, entry.ID)
	}
	return ids
}

func TestGraphTellsMemberships(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token := s.tokenFor(t, faketenant.APIClientID, graphScope)
	const other, role, unit = "d1000003-aaaa-4bbb-8ccc-000000000003", "d3000001-aaaa-4bbb-8ccc-000000000001", "d4000001-aaaa-4bbb-8ccc-000000000001"
	editor, nobody, daemon := oidOf(t, s, "editor"), oidOf(t, s, "nobody"), oidOf(t, s, "daemon")
	s.SetGroups(nobody, other)
	s.SetGroups(daemon, strings.ToUpper(other))
	for name, c := range map[string]struct {
		path, body string
		want       []string
	}{
		"groups of a user":                {"/users/" + editor + "/getMemberGroups", `{"securityEnabledOnly":true}`, []string{faketenant.GroupOne, faketenant.GroupTwo}},
		"groups of a user in upper case":  {"/users/" + strings.ToUpper(editor) + "/getMemberGroups", `{"securityEnabledOnly":false}`, []string{faketenant.GroupOne, faketenant.GroupTwo}},
		"groups of any object":            {"/directoryObjects/" + editor + "/getMemberGroups", `{}`, []string{faketenant.GroupOne, faketenant.GroupTwo}},
		"groups of a program":             {"/servicePrincipals/" + daemon + "/getMemberGroups", `{"securityEnabledOnly":false}`, []string{other}},
		"objects have roles and units":    {"/users/" + nobody + "/getMemberObjects", `{}`, []string{other, role, unit}},
		"groups have no roles":            {"/users/" + nobody + "/getMemberGroups", `{}`, []string{other}},
		"none":                            {"/users/" + oidOf(t, s, "reader") + "/getMemberGroups", `{}`, []string{}},
		"check finds those that are held": {"/directoryObjects/" + editor + "/checkMemberGroups", `{"groupIds":["` + other + `","` + faketenant.GroupTwo + `"]}`, []string{faketenant.GroupTwo}},
		"check of a program":              {"/servicePrincipals/" + daemon + "/checkMemberGroups", `{"groupIds":["` + other + `"]}`, []string{other}},
		"check for nothing":               {"/users/" + editor + "/checkMemberGroups", `{"groupIds":[]}`, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := s.graph(t, token, http.MethodPost, c.path, c.body, nil)
			if response.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", response.StatusCode, body)
			}
			if diff := cmp.Diff(c.want, values(t, body)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if want := s.url + "/graph/v1.0/$metadata#Collection(Edm.String)"; !strings.Contains(string(body), want) {
				t.Errorf("no context %s: %s", want, body)
			}
		})
	}
}

func TestGraphRefusesAsTheRealOneDoes(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token := s.tokenFor(t, faketenant.APIClientID, graphScope)
	powerless := s.tokenFor(t, faketenant.DaemonClientID, graphScope)
	foreign := s.tokenFor(t, faketenant.DaemonClientID, "api://"+faketenant.APIClientID+"/.default")
	s.SetTokenLifetime(time.Nanosecond)
	expired := s.tokenFor(t, faketenant.APIClientID, graphScope)
	s.SetTokenLifetime(0)
	s.GrantGraph(faketenant.DaemonClientID, "User.ReadBasic.All")
	usersOnly := s.tokenFor(t, faketenant.DaemonClientID, graphScope)
	editor := "/users/" + oidOf(t, s, "editor")
	var tooMany, ids []string
	for i := range 11_001 {
		tooMany = append(tooMany, fmt.Sprintf("d5000000-aaaa-4bbb-8ccc-%012d", i))
	}
	for _, id := range tooMany[:21] {
		ids = append(ids, `"`+id+`"`)
	}
	const crowd = "22e4f6a8-3b5d-47f9-81c3-e5a7b9d1f2ff"
	s.SetGroups(crowd, tooMany...)
	for name, c := range map[string]struct {
		token, path, body string
		status            int
		code              string
	}{
		"no token":                        {"", editor + "/getMemberGroups", `{}`, 401, "InvalidAuthenticationToken"},
		"a token that is none":            {"abc", editor + "/getMemberGroups", `{}`, 401, "InvalidAuthenticationToken"},
		"a forged token":                  {s.Sign(s.V1Claims("daemon"), faketenant.SignedBy(faketenant.KeyStranger)), editor + "/getMemberGroups", `{}`, 401, "InvalidAuthenticationToken"},
		"a token for our API":             {foreign, editor + "/getMemberGroups", `{}`, 401, "InvalidAuthenticationToken"},
		"an expired token":                {expired, editor + "/getMemberGroups", `{}`, 401, "InvalidAuthenticationToken"},
		"an app without permissions":      {powerless, editor + "/getMemberGroups", `{}`, 403, "Authorization_RequestDenied"},
		"an app that may read users only": {usersOnly, editor + "/getMemberGroups", `{}`, 403, "Authorization_RequestDenied"},
		"nobody knows nobody":             {powerless, "/users/" + faketenant.OtherTenantID + "/getMemberGroups", `{}`, 403, "Authorization_RequestDenied"},
		"a user that is not there":        {token, "/users/" + faketenant.OtherTenantID + "/getMemberGroups", `{}`, 404, "Request_ResourceNotFound"},
		"a program among the users":       {token, "/users/" + oidOf(t, s, "daemon") + "/getMemberGroups", `{}`, 404, "Request_ResourceNotFound"},
		"an id that is none":              {token, "/users/alice/getMemberGroups", `{}`, 400, "Request_BadRequest"},
		"me for a program":                {token, "/me/getMemberGroups", `{}`, 400, "BadRequest"},
		"a collection nobody knows":       {token, "/planets/" + crowd + "/getMemberGroups", `{}`, 400, "BadRequest"},
		"a path nobody knows":             {token, editor + "/getMembers", `{}`, 400, "BadRequest"},
		"more than 11,000 groups":         {token, "/users/" + crowd + "/getMemberGroups", `{}`, 400, "Directory_ResultSizeLimitExceeded"},
		"more than 20 ids":                {token, "/users/" + crowd + "/checkMemberGroups", `{"groupIds":[` + strings.Join(ids, ",") + `]}`, 400, "Request_BadRequest"},
		"ids that are none":               {token, editor + "/checkMemberGroups", `{"groupIds":["admins"]}`, 400, "Request_BadRequest"},
		"no ids":                          {token, editor + "/checkMemberGroups", `{}`, 400, "Request_BadRequest"},
		"a body that is no JSON":          {token, editor + "/getMemberGroups", `{`, 400, "Request_BadRequest"},
		"security groups of a program":    {token, "/servicePrincipals/" + oidOf(t, s, "daemon") + "/getMemberGroups", `{"securityEnabledOnly":true}`, 400, "Request_BadRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := s.graph(t, c.token, http.MethodPost, c.path, c.body, http.Header{"Client-Request-Id": {"mine"}})
			var answer struct {
				Error struct {
					Code, Message string
					InnerError    map[string]string
				}
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			got := answer.Error
			if response.StatusCode != c.status || got.Code != c.code || got.Message == "" {
				t.Errorf("%d %+v, want %d %s", response.StatusCode, got, c.status, c.code)
			}
			if got.InnerError["client-request-id"] != "mine" || got.InnerError["request-id"] != response.Header.Get("Request-Id") || got.InnerError["date"] == "" {
				t.Errorf("inner error %v", got.InnerError)
			}
			if wants := response.Header.Get("WWW-Authenticate") != ""; wants != (c.status == 401) {
				t.Errorf("WWW-Authenticate %q", response.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

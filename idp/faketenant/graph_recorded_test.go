package faketenant_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// graphAlone asks a Graph that is mounted at its own host, with the real one's name, and returns the answer without the
// ids of the moment.
func graphAlone(t *testing.T, handler http.Handler, token, method, target, body string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.TLS = &tls.ConnectionState{}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("ConsistencyLevel", "eventual")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	var answer map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, recorder.Body)
	}
	if e, refused := answer["error"].(map[string]any); refused {
		delete(e, "innerError")
	}
	return recorder.Code, answer
}

func TestGraphAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	const bob, host = "22e4f6a8-3b5d-47f9-81c3-e5a7b9d1f202", "https://graph.microsoft.com"
	const one, two, three = faketenant.GroupOne, faketenant.GroupTwo, "d1000003-aaaa-4bbb-8ccc-000000000003"
	full := s.tokenFor(t, faketenant.APIClientID, graphScope)
	s.GrantGraph(faketenant.APIClientID, "User.ReadBasic.All")
	limited := s.tokenFor(t, faketenant.APIClientID, graphScope)
	handler := s.Graph()
	for name, c := range map[string]struct {
		groups []string
		token  string
		target string // of what has no request of its own in the collection
		body   string
	}{
		"getMemberGroups":          {[]string{one, two}, full, "", ""},
		"checkMemberGroups":        {[]string{one, three}, full, "", ""},
		"transitiveMemberOf_page1": {[]string{one, two, three}, full, "GET /v1.0/users/" + bob + "/transitiveMemberOf/microsoft.graph.group?$select=id&$count=true&$top=2", ""},
	} {
		var golden struct {
			Request  json.RawMessage
			Response map[string]any
		}
		if err := json.Unmarshal(collected(t).Graph[name], &golden); err != nil {
			t.Fatal(err)
		}
		var request struct {
			Method, Path string
			Body         json.RawMessage
		}
		if c.target == "" {
			if err := json.Unmarshal(golden.Request, &request); err != nil {
				t.Fatal(err)
			}
		} else {
			request.Method, request.Path, _ = strings.Cut(c.target, " ")
		}
		s.SetGroups(bob, c.groups...)
		status, got := graphAlone(t, handler, c.token, request.Method, host+request.Path, string(request.Body))
		wantNext, gotNext := golden.Response["@odata.nextLink"], got["@odata.nextLink"]
		delete(golden.Response, "@odata.nextLink")
		delete(got, "@odata.nextLink")
		if diff := cmp.Diff(golden.Response, got); diff != "" || status != http.StatusOK {
			t.Errorf("%s: %d (-want +got):\n%s", name, status, diff)
		}
		if wantNext == nil {
			continue
		}
		sameLink(t, wantNext.(string), gotNext.(string))
		var last struct{ Response map[string]any }
		if err := json.Unmarshal(collected(t).Graph["transitiveMemberOf_page2"], &last); err != nil {
			t.Fatal(err)
		}
		if _, got := graphAlone(t, handler, full, http.MethodGet, gotNext.(string), ""); !cmp.Equal(last.Response, got) {
			t.Errorf("the last page: %v, want %v", got, last.Response)
		}
	}
	_, got := graphAlone(t, handler, limited, http.MethodGet, host+"/v1.0/users/"+oidOf(t, s, "nobody")+"/transitiveMemberOf?$select=id,displayName", "")
	entry := got["value"].([]any)[0].(map[string]any)
	if diff := cmp.Diff(map[string]any{"@odata.type": "#microsoft.graph.directoryRole", "id": entry["id"], "displayName": nil}, entry); diff != "" {
		t.Errorf("with little permission (-want +got):\n%s", diff)
	}
}

// sameLink compares next links but for the token, which is the server's own affair.
func sameLink(t *testing.T, want, got string) {
	t.Helper()
	w, err1 := url.Parse(want)
	g, err2 := url.Parse(got)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	wq, gq := w.Query(), g.Query()
	if gq.Get("$skiptoken") == "" {
		t.Error("the next link has no $skiptoken")
	}
	wq.Del("$skiptoken")
	gq.Del("$skiptoken")
	if w.Host != g.Host || w.Path != g.Path || !cmp.Equal(wq, gq) {
		t.Errorf("next link %s, want %s", got, want)
	}
}

func TestGraphRefusesInTheRecordedWords(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	full := s.tokenFor(t, faketenant.APIClientID, graphScope)
	powerless := s.tokenFor(t, faketenant.DaemonClientID, graphScope)
	s.SetTokenLifetime(1)
	expired := s.tokenFor(t, faketenant.APIClientID, graphScope)
	guest := oidOf(t, s, "guest")
	s.Remove(guest)
	provoke := map[int][3]string{
		401: {expired, "/v1.0/users/" + guest + "/getMemberGroups", `{}`},
		403: {powerless, "/v1.0/users/" + guest + "/getMemberGroups", `{}`},
		404: {full, "/v1.0/users/" + guest + "/getMemberGroups", `{}`},
		400: {full, "/v1.0/users/" + oidOf(t, s, "editor") + "/getMemberGroups", `{}`},
	}
	s.SetGroups(oidOf(t, s, "editor"), make([]string, 11_001)...)
	var errors []recorded
	if err := json.Unmarshal(collected(t).Graph["errors"], &errors); err != nil {
		t.Fatal(err)
	}
	var tooMany recorded
	if err := json.Unmarshal(collected(t).Graph["getMemberGroups_too_many"], &tooMany); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(errors, tooMany) {
		how, ours := provoke[want.Status]
		if !ours {
			continue // weather
		}
		var golden map[string]any
		if err := json.Unmarshal(want.Body, &golden); err != nil {
			t.Fatal(err)
		}
		delete(golden["error"].(map[string]any), "innerError")
		status, got := graphAlone(t, s.Graph(), how[0], http.MethodPost, "https://graph.microsoft.com"+how[1], how[2])
		if diff := cmp.Diff(golden, got); diff != "" || status != want.Status {
			t.Errorf("%d, want %d (-want +got):\n%s", status, want.Status, diff)
		}
	}
}

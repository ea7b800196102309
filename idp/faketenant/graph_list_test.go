package faketenant_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestGraphPagesThroughMemberships(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token, crowded := s.tokenFor(t, faketenant.APIClientID, graphScope), "/users/"+oidOf(t, s, "crowded")
	eventual := http.Header{"Consistencylevel": {"eventual"}}
	for name, c := range map[string]struct {
		path  string
		sizes []int
	}{
		"the usual page":        {crowded + "/transitiveMemberOf", []int{100, 100, 50}},
		"the largest page":      {crowded + "/transitiveMemberOf?$select=id&$top=999", []int{250}},
		"pages of 120":          {crowded + "/transitiveMemberOf/microsoft.graph.group?$select=id&$top=120&$count=true", []int{120, 120, 10}},
		"pages that just fit":   {crowded + "/transitiveMemberOf?$top=125", []int{125, 125}},
		"roles and units, too":  {"/users/" + oidOf(t, s, "nobody") + "/transitiveMemberOf", []int{2}},
		"but not with the cast": {"/users/" + oidOf(t, s, "nobody") + "/transitiveMemberOf/microsoft.graph.group", []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen, sizes := map[string]bool{}, []int{}
			for next := c.path; next != ""; {
				response, body := s.graph(t, token, http.MethodGet, next, "", eventual)
				if response.StatusCode != http.StatusOK {
					t.Fatalf("%s: %d %s", next, response.StatusCode, body)
				}
				ids := values(t, body)
				sizes = append(sizes, len(ids))
				for _, id := range ids {
					seen[id] = true
				}
				var links map[string]any
				if err := json.Unmarshal(body, &links); err != nil {
					t.Fatal(err)
				}
				next, _ = links["@odata.nextLink"].(string)
				if next != "" && !strings.HasPrefix(next, s.url+"/graph/v1.0/users/") {
					t.Errorf("a next link that leads elsewhere: %s", next)
				}
				if _, counted := links["@odata.count"]; counted != (strings.Contains(c.path, "$count") && len(sizes) == 1) {
					t.Errorf("@odata.count %v on page %d", links["@odata.count"], len(sizes))
				}
			}
			if diff := cmp.Diff(c.sizes, sizes); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
			if strings.HasPrefix(c.path, crowded) && (len(seen) != 250 || !seen[faketenant.GroupOne]) {
				t.Errorf("%d different groups, GroupOne among them: %t", len(seen), seen[faketenant.GroupOne])
			}
		})
	}
}

func TestGraphRefusesQueriesThatItDoesNotServe(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token, list := s.tokenFor(t, faketenant.APIClientID, graphScope), "/users/"+oidOf(t, s, "crowded")+"/transitiveMemberOf"
	for query, code := range map[string]string{
		"$top=1000":                 "Request_UnsupportedQuery",
		"$top=0":                    "Request_UnsupportedQuery",
		"$top=many":                 "Request_UnsupportedQuery",
		"$count=true":               "Request_UnsupportedQuery", // without ConsistencyLevel
		"$skiptoken=!":              "Directory_InvalidPageToken",
		"$skiptoken=c2tpcDotMQ":     "Directory_InvalidPageToken", // skip:-1
		"$skiptoken=c2tpcDo5OTk5OQ": "Directory_ExpiredPageToken", // skip:99999
	} {
		response, body := s.graph(t, token, http.MethodGet, list+"?"+query, "", nil)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"`+code+`"`) {
			t.Errorf("%s: %d %s, want %s", query, response.StatusCode, body, code)
		}
	}
}

func TestGraphTakesNoTokenOfAWithdrawnKey(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token, list := s.tokenFor(t, faketenant.APIClientID, graphScope), "/users/"+oidOf(t, s, "editor")+"/transitiveMemberOf"
	s.Rotate()
	if response, body := s.graph(t, token, http.MethodGet, list, "", nil); response.StatusCode != http.StatusOK {
		t.Errorf("after a rotation: %d %s", response.StatusCode, body)
	}
	s.Withdraw(faketenant.KeySecond)
	if response, _ := s.graph(t, token, http.MethodGet, list, "", nil); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the withdrawal: %d", response.StatusCode)
	}
}

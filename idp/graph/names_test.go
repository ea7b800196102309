package graph_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestUsersAndGroupsAreFoundByName(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := s.open(t)
	mark := uuid.NewString()[:8] // the tenant is shared with other tests
	user, one, two, odd := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	s.SetUserName(user, "O'Hara_"+mark+"@Contoso.example")
	s.SetGroupName(one, "Twins "+mark)
	s.SetGroupName(two, "Twins "+mark)
	s.SetGroupName(odd, "it's &,?#+%2C (odd) ü "+mark)
	users, err := client.UsersByName(t.Context(), strings.ToUpper(faketenant.TenantID), []string{"o'hara_" + mark + "@contoso.example", "nobody_" + mark + "@contoso.example"})
	if diff := cmp.Diff(map[string]string{"o'hara_" + mark + "@contoso.example": user}, users); diff != "" || err != nil {
		t.Errorf("users: %v (-want +got):\n%s", err, diff)
	}
	groups, err := client.GroupsByName(t.Context(), faketenant.TenantID, []string{"Twins " + mark, "twins " + mark, "it's &,?#+%2C (odd) ü " + mark, "TWINS"})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 2 || len(groups["Twins "+mark]) != 2 || cmp.Diff([]string{odd}, groups["it's &,?#+%2C (odd) ü "+mark]) != "" {
		t.Errorf("groups: %v", groups)
	}
	if len(s.strayed) != 0 {
		t.Errorf("other hosts were asked: %q", s.strayed)
	}
}

func TestManyNamesAreAskedForInFewQuestions(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := s.open(t)
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("user%d@contoso.example", i))
	}
	if _, err := client.UsersByName(t.Context(), faketenant.TenantID, names); err != nil {
		t.Fatal(err)
	}
	if n := s.requests["users"]; n != 7 {
		t.Errorf("%d questions, want 7", n)
	}
	long := []string{strings.Repeat("ü", 256), strings.Repeat("é", 256), "short"}
	if _, err := client.GroupsByName(t.Context(), faketenant.TenantID, long); err != nil {
		t.Fatal(err)
	}
	if n := s.requests["groups"]; n != 3 {
		t.Errorf("%d questions for long names, want 3", n)
	}
	if got, err := client.GroupsByName(t.Context(), faketenant.TenantID, nil); err != nil || len(got) != 0 || s.requests["groups"] != 3 {
		t.Errorf("no names: %v, %v", got, err)
	}
}

// TestWhatGraphMustNotSayIsNoAnswer: a part of an answer could make one of two namesakes the only one.
func TestWhatGraphMustNotSayIsNoAnswer(t *testing.T) {
	t.Parallel()
	object := func(id string) string { return `{"id":"` + id + `","userPrincipalName":"a@b.c","displayName":"a@b.c"}` }
	one, two := uuid.NewString(), uuid.NewString()
	for name, c := range map[string]struct {
		answer string
		users  bool // only of users is it none
	}{
		"a second page":          {`{"value":[` + object(one) + `],"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?a"}`, false},
		"an object without id":   {`{"value":[{"displayName":"a@b.c","userPrincipalName":"a@b.c"}]}`, false},
		"an id that is none":     {`{"value":[` + object("me") + `]}`, false},
		"an object without name": {`{"value":[{"id":"` + one + `"}]}`, false},
		"no list":                {`{"value":{}}`, false},
		"no value":               {`{}`, false},
		"no JSON":                {canary, false},
		"two users of one name":  {`{"value":[` + object(one) + `,` + object(two) + `]}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.graphAnswers(func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, c.answer) })
			client := s.open(t)
			users, err := client.UsersByName(t.Context(), faketenant.TenantID, []string{"a@b.c"})
			if len(users) != 0 {
				t.Errorf("users: %v", users)
			}
			s.refused(t, nil, err)
			groups, err := client.GroupsByName(t.Context(), faketenant.TenantID, []string{"a@b.c"})
			if c.users != (err == nil) || len(groups) != 0 && !c.users {
				t.Errorf("groups: %v, %v", groups, err)
			}
		})
	}
	s := newStage(t)
	s.graphAnswers(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, `{"value":[`+object(one)+`,{"id":"`+two+`","userPrincipalName":"other@b.c"}]}`)
	})
	users, err := s.open(t).UsersByName(t.Context(), faketenant.TenantID, []string{"a@b.c"})
	if diff := cmp.Diff(map[string]string{"a@b.c": one}, users); diff != "" || err != nil {
		t.Errorf("somebody nobody asked for: %v (-want +got):\n%s", err, diff)
	}
}

func TestThatNamesCannotBeLookedUpIsSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := s.open(t)
	for name, answer := range map[string]http.HandlerFunc{
		"no permission": func(w http.ResponseWriter, _ *http.Request) {
			graphError(w, http.StatusForbidden, "Authorization_RequestDenied")
		},
		"a bad filter": func(w http.ResponseWriter, _ *http.Request) {
			graphError(w, http.StatusBadRequest, "Request_UnsupportedQuery")
		},
	} {
		s.graphAnswers(answer)
		_, err := client.GroupsByName(t.Context(), faketenant.TenantID, []string{"a", "b"})
		if s.refused(t, nil, err); !strings.Contains(err.Error(), "answered 40") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := client.UsersByName(t.Context(), "contoso", []string{"a@b.c"}); err == nil {
		t.Error("a tenant by name is accepted")
	}
}

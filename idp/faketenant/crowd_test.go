package faketenant_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestGroupsAreLeftOutWhereTheyAreTooMany(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	reader := oidOf(t, s, "reader")
	var groups []string
	for i := range 201 {
		groups = append(groups, fmt.Sprintf("d6000000-aaaa-4bbb-8ccc-%012d", i))
	}
	for _, claims := range []func(string) map[string]any{s.Claims, s.V1Claims} {
		s.SetGroups(reader, groups[:200]...)
		if got := claims("reader"); len(got["groups"].([]string)) != 200 || got["_claim_names"] != nil {
			t.Errorf("200 groups: %v, %v", got["groups"], got["_claim_names"])
		}
		s.SetGroups(reader, groups...)
		got := claims("reader")
		want := map[string]any{
			"_claim_names":   map[string]any{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.windows.net/" + faketenant.TenantID + "/users/" + reader + "/getMemberObjects"}},
		}
		if diff := cmp.Diff(want, map[string]any{"_claim_names": got["_claim_names"], "_claim_sources": got["_claim_sources"]}); diff != "" || got["groups"] != nil {
			t.Errorf("201 groups: %v (-want +got):\n%s", got["groups"], diff)
		}
		s.SetGroups(reader)
		if got := claims("reader"); got["groups"] != nil || got["_claim_names"] != nil {
			t.Error("no groups, but a claim of them")
		}
	}
}

func TestCrowdedIsInAGroupThatItsTokenDoesNotName(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	at := slices.IndexFunc(s.Personas(), func(p faketenant.Persona) bool { return p.Name == "crowded" })
	crowded := s.Personas()[at]
	if len(crowded.Groups) != 250 || !slices.Contains(crowded.Groups, faketenant.GroupOne) || slices.Contains(crowded.Groups, faketenant.GroupTwo) {
		t.Errorf("%d groups", len(crowded.Groups))
	}
	if s.Claims("crowded")["groups"] != nil {
		t.Error("the token has groups")
	}
}

func TestProgramsHaveNoGroupsInTheirTokens(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	s.SetGroups(oidOf(t, s, "daemon"), faketenant.GroupOne)
	if got := s.Claims("daemon"); got["groups"] != nil {
		t.Errorf("groups %v", got["groups"])
	}
}

package graph_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

func TestGroupsOfACaller(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	five, crowd := s.user(groups(0, 5)...), s.user(groups(0, 11_001)...)
	shouting := graph.Caller{TenantID: strings.ToUpper(five.TenantID), ObjectID: strings.ToUpper(five.ObjectID)}
	program := graph.Caller{TenantID: faketenant.TenantID, ObjectID: uuid.NewString(), App: true}
	s.SetGroups(program.ObjectID, groups(3, 1)...)
	s.AddServicePrincipal(program.ObjectID)
	officer := s.officer(t)
	type requests map[string]int
	for name, c := range map[string]struct {
		caller   graph.Caller
		among    []string
		want     []string
		requests requests
	}{
		"those that matter":             {five, groups(3, 4), groups(3, 2), requests{"checkMemberGroups": 1}},
		"none of those that matter":     {five, groups(7, 2), []string{}, requests{"checkMemberGroups": 1}},
		"whatever the case":             {shouting, upper(groups(3, 4)), groups(3, 2), requests{"checkMemberGroups": 1}},
		"named twice":                   {five, append(groups(4, 1), groups(4, 1)...), groups(4, 1), requests{"checkMemberGroups": 1}},
		"what is no group is nobody's":  {five, []string{"admins", "", groups(4, 1)[0]}, groups(4, 1), requests{"checkMemberGroups": 1}},
		"only what is no group":         {five, []string{"admins"}, []string{}, requests{}},
		"no group matters":              {five, []string{}, []string{}, requests{}},
		"a hundred in chunks of twenty": {five, groups(2, 100), groups(2, 3), requests{"checkMemberGroups": 5}},
		"more than a hundred":           {five, groups(2, 101), groups(2, 3), requests{"getMemberGroups": 1}},
		"all":                           {five, nil, groups(0, 5), requests{"getMemberGroups": 1}},
		"all of somebody in none":       {s.user(), nil, []string{}, requests{"getMemberGroups": 1}},
		"some of a crowd":               {crowd, groups(11_000, 3), groups(11_000, 1), requests{"checkMemberGroups": 1}},
		"all of a crowd":                {crowd, nil, groups(0, 11_001), requests{"getMemberGroups": 1, "transitiveMemberOf": 12}},
		"many of a crowd":               {crowd, groups(10_950, 120), groups(10_950, 51), requests{"getMemberGroups": 1, "transitiveMemberOf": 12}},
		"a program's":                   {program, groups(0, 9), groups(3, 1), requests{"checkMemberGroups": 1}},
		"all of a program's":            {program, nil, groups(3, 1), requests{"getMemberGroups": 1}},
		"no roles and units in a list":  {officer, nil, groups(0, 1), requests{"getMemberGroups": 1, "transitiveMemberOf": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine := newStage(t)
			if name == "no roles and units in a list" {
				mine.answer(tooMany)
			}
			got, err := mine.open(t).Groups(t.Context(), c.caller, c.among)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
			made := requests{}
			for _, last := range []string{"checkMemberGroups", "getMemberGroups", "transitiveMemberOf"} {
				if n := mine.count(last); n > 0 {
					made[last] = n
				}
			}
			if diff := cmp.Diff(c.requests, made); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if signIns := min(1, len(made)); mine.count("token") != signIns {
				t.Errorf("%d sign-ins, want %d", mine.count("token"), signIns)
			}
		})
	}
}

// officer is the persona with a directory role and an administrative unit, put into one group.
func (s *stage) officer(t *testing.T) graph.Caller {
	t.Helper()
	for _, p := range s.Personas() {
		if p.Name == "nobody" {
			s.SetGroups(p.ObjectID, groups(0, 1)...)
			return graph.Caller{TenantID: faketenant.TenantID, ObjectID: p.ObjectID}
		}
	}
	t.Fatal("no such persona")
	return graph.Caller{}
}

// tooMany makes everybody somebody with more than 11,000 groups.
func tooMany(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/getMemberGroups") {
		return false
	}
	graphError(w, http.StatusBadRequest, "Directory_ResultSizeLimitExceeded")
	return true
}

func upper(texts []string) []string {
	all := slices.Clone(texts)
	for i := range all {
		all[i] = strings.ToUpper(all[i])
	}
	return all
}

func TestEachTenantIsAskedWithItsOwnToken(t *testing.T) {
	t.Parallel()
	tenant, err := faketenant.New(faketenant.Options{TenantIDs: []string{faketenant.TenantID, faketenant.OtherTenantID}, Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	s.Tenant, s.graph = tenant, tenant.Graph()
	tenant.Register(faketenant.App{ID: s.app, GraphRoles: permissions})
	s.secret = tenant.AddSecret(s.app, fresh)
	client := s.open(t)
	id := uuid.NewString()
	for i, tid := range []string{faketenant.TenantID, faketenant.OtherTenantID} {
		tenant.SetGroupsIn(tid, id, groups(i, 1)...)
		got, err := client.Groups(t.Context(), graph.Caller{TenantID: tid, ObjectID: id}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(groups(i, 1), got); diff != "" {
			t.Errorf("groups in tenant %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestACallerWithoutIDsIsNobody(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := s.open(t)
	id := uuid.NewString()
	for name, caller := range map[string]graph.Caller{
		"no tenant":             {ObjectID: id},
		"no object":             {TenantID: id},
		"a tenant by its name":  {TenantID: "contoso.example", ObjectID: id},
		"a path for an object":  {TenantID: id, ObjectID: "../groups"},
		"a GUID in braces":      {TenantID: id, ObjectID: "{" + id + "}"},
		"a GUID without dashes": {TenantID: id, ObjectID: strings.ReplaceAll(id, "-", "")},
	} {
		got, err := client.Groups(t.Context(), caller, nil)
		s.refused(t, got, err)
		if err := client.Check(t.Context(), caller.TenantID); err == nil && caller.TenantID != id {
			t.Errorf("%s: the check passes", name)
		}
	}
	if s.count("getMemberGroups") != 0 {
		t.Error("Graph was asked about nobody")
	}
}

package issuer_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// scene is one caller at one time, with grants of few roles, principals and variables, so that they meet.
type scene struct {
	subject idp.Subject
	grants  []rolestore.Grant
	terms   issuer.Terms
	ttl     time.Duration
	now     time.Time
}

func drawScene(t *rapid.T) scene {
	s := scene{subject: user(), now: noon.Add(time.Duration(rapid.Int64Range(0, 5e9).Draw(t, "clock")))}
	s.subject.Expiry = s.now.Add(time.Duration(rapid.Int64Range(1e9, 700e9).Draw(t, "subject token")))
	s.ttl = time.Duration(rapid.Int64Range(1, 600).Draw(t, "ttl")) * time.Second
	s.terms = issuer.NewTerms(s.ttl, issuer.SessionClaim{Variable: "x-hasura-user-id", Claim: "oid"}, issuer.SessionClaim{Variable: "x-hasura-v1", Claim: "none"})
	ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 11), 1, 8, rapid.ID[int]).Draw(t, "grants")
	for _, id := range ids {
		s.grants = append(s.grants, drawGrant(t, s.now, id))
	}
	return s
}

// drawGrant draws what a grant says; who and which role follow from id, so that no two have the same identity.
func drawGrant(t *rapid.T, now time.Time, id int) rolestore.Grant {
	moment := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" open") {
			return time.Time{}
		}
		return now.Add(time.Duration(rapid.Int64Range(-5e9, 300e9).Draw(t, name)))
	}
	principals := []rolestore.Principal{{Kind: rolestore.KindUser, ID: objectID}, {Kind: rolestore.KindGroup, ID: "d1"}, {Kind: rolestore.KindGroup, ID: "d2"}}
	g := rolestore.Grant{
		Tenant: tenantID, Principal: principals[id%3], Role: fmt.Sprintf("role%d", id/3),
		Priority: rapid.IntRange(0, 2).Draw(t, "priority"), From: moment("from"), Until: moment("until"),
		Session: map[string]rolestore.Value{},
	}
	if !g.From.IsZero() {
		g.From = now.Add(now.Sub(g.From) / 20)
	}
	for v := range rapid.IntRange(0, 3).Draw(t, "variables") {
		g.Session[fmt.Sprintf("x-hasura-v%d", v)] = rolestore.Text(fmt.Sprint("of grant ", id))
	}
	return g
}

func (s scene) entitle(wish []string) (issuer.Entitlement, error) {
	return issuer.Entitle(s.subject, rolestore.Answer{Grants: s.grants}, wish, s.terms, s.now)
}

func TestANarrowedTokenNeverHoldsMoreThanTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		whole, err := s.entitle(nil)
		if err != nil {
			t.Skip("nothing is held")
		}
		wish := rapid.SliceOfN(rapid.SampledFrom(whole.Roles), 1, 4).Draw(t, "wish")
		narrow, err := s.entitle(wish)
		if err != nil {
			t.Fatalf("the roles %v are held, and refused: %v", wish, err)
		}
		if distinct := slices.Compact(slices.Sorted(slices.Values(wish))); !slices.Equal(distinct, slices.Sorted(slices.Values(narrow.Roles))) {
			t.Fatalf("wished %v, got %v", distinct, narrow.Roles)
		}
		if kept := slices.DeleteFunc(slices.Clone(whole.Roles), func(r string) bool { return !slices.Contains(wish, r) }); !slices.Equal(kept, narrow.Roles) {
			t.Fatalf("the order changed from %v to %v", kept, narrow.Roles)
		}
		for name := range narrow.Session {
			if _, ok := whole.Session[name]; !ok {
				t.Fatalf("narrowing brought the variable %s", name)
			}
		}
		if narrow.Expiry.Before(whole.Expiry) {
			t.Fatalf("with fewer grants the end came nearer, from %s to %s", whole.Expiry, narrow.Expiry)
		}
	})
}

func TestTheOrderOfGrantsMeansNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		one, oneErr := s.entitle(nil)
		s.grants = rapid.Permutation(s.grants).Draw(t, "order")
		other, otherErr := s.entitle(nil)
		if (oneErr == nil) != (otherErr == nil) {
			t.Fatalf("errors %v and %v", oneErr, otherErr)
		}
		if diff := cmp.Diff(one, other); diff != "" {
			t.Fatalf("(-one +other):\n%s", diff)
		}
	})
}

func TestATokenOutlivesNothingItRestsOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		e, err := s.entitle(nil)
		if err != nil {
			t.Skip("nothing is held")
		}
		if e.Expiry.Nanosecond() != 0 || e.Expiry.Unix() <= s.now.Unix() {
			t.Fatalf("the end %s is no whole second ahead of %s", e.Expiry, s.now)
		}
		if e.Expiry.After(s.subject.Expiry) || e.Expiry.After(s.now.Add(s.ttl)) {
			t.Fatalf("the end %s lies behind the subject token's %s or the lifetime's", e.Expiry, s.subject.Expiry)
		}
		for _, g := range s.grants {
			inForce := !g.From.After(s.now) && (g.Until.IsZero() || g.Until.Unix() > s.now.Unix())
			if inForce && !g.Until.IsZero() && e.Expiry.After(g.Until) {
				t.Fatalf("the end %s lies behind that of %s, %s", e.Expiry, g.Role, g.Until)
			}
		}
	})
}

func TestATokenHoldsWhatIsGrantedNowAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		roles, values := map[string]int{}, map[string][]string{}
		for _, g := range s.grants {
			if g.From.After(s.now) || !g.Until.IsZero() && g.Until.Unix() <= s.now.Unix() {
				continue
			}
			if best, ok := roles[g.Role]; !ok || g.Priority > best {
				roles[g.Role] = g.Priority
			}
			for name, v := range g.Session {
				values[name] = append(values[name], v.Text())
			}
		}
		e, err := s.entitle(nil)
		if (err != nil) != (len(roles) == 0) {
			t.Fatalf("roles %v, error %v", roles, err)
		}
		if err != nil {
			return
		}
		if got := slices.Sorted(slices.Values(e.Roles)); !slices.Equal(got, slices.Sorted(maps.Keys(roles))) {
			t.Fatalf("roles %v, want %v", got, roles)
		}
		for i, role := range e.Roles[1:] {
			if before := e.Roles[i]; roles[before] < roles[role] || roles[before] == roles[role] && before > role {
				t.Fatalf("%s stands before %s in %v, with priorities %v", before, role, e.Roles, roles)
			}
		}
		for name, v := range e.Session {
			if name != "x-hasura-user-id" && !slices.Contains(values[name], v.Text()) {
				t.Fatalf("%s is %q, which no grant says: %v", name, v.Text(), values[name])
			}
		}
		if _, set := e.Session["x-hasura-v1"]; set || e.Session["x-hasura-user-id"].Text() != s.subject.ObjectID {
			t.Fatalf("what comes from claims came from elsewhere: %v", e.Session)
		}
	})
}

package rolecache_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// saying is a store that always says the same.
type saying struct{ answer rolestore.Answer }

func (s saying) Look(context.Context, rolestore.Query) (rolestore.Answer, rolestore.Revision, error) {
	return s.answer, rolestore.Revision{}, nil
}

func (s saying) NamedGroupsAt(context.Context, string, int) (rolestore.NamedGroups, rolestore.Revision, error) {
	return rolestore.NamedGroups{}, rolestore.Revision{}, nil
}

func (s saying) Revision(context.Context) (rolestore.Revision, error) {
	return rolestore.Revision{}, nil
}

func drawTime(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "none") {
		return time.Time{}
	}
	return time.UnixMicro(rapid.Int64Range(0, 253402300799999999).Draw(t, "time")).UTC()
}

func drawPrincipal(t *rapid.T) rolestore.Principal {
	kinds := []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup, rolestore.KindAppRole, rolestore.KindApp, rolestore.KindEveryone}
	return rolestore.Principal{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), ID: rapid.String().Draw(t, "id")}
}

func drawSession(t *rapid.T) map[string]rolestore.Value {
	value := rapid.OneOf(
		rapid.Map(rapid.String(), rolestore.Text),
		rapid.Map(rapid.SliceOf(rapid.String()), func(items []string) rolestore.Value { return rolestore.List(items...) }),
	)
	if session := rapid.MapOfN(rapid.String(), value, 0, 3).Draw(t, "session"); len(session) > 0 {
		return session
	}
	return nil
}

func drawAnswer(t *rapid.T) rolestore.Answer {
	var a rolestore.Answer
	for range rapid.IntRange(0, 4).Draw(t, "grants") {
		a.Grants = append(a.Grants, rolestore.Grant{
			Tenant: rapid.String().Draw(t, "tenant"), Principal: drawPrincipal(t), Role: rapid.String().Draw(t, "role"),
			Priority: int(rapid.Int32().Draw(t, "priority")), Session: drawSession(t), From: drawTime(t), Until: drawTime(t),
			Reason: rapid.String().Draw(t, "reason"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "blocks") {
		a.Blocks = append(a.Blocks, rolestore.Block{
			Tenant: rapid.String().Draw(t, "tenant"), Principal: drawPrincipal(t), Until: drawTime(t), Reason: rapid.String().Draw(t, "reason"),
		})
	}
	return a
}

func TestAnAnswerComesOutAsItWentIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawAnswer(t)
		c := rolecache.New(rolecache.Config{Store: saying{want}, TTL: ttl, Stale: stale, Callers: 1})
		for range 2 { // as it is asked for, and from memory
			got, err := c.Grants(t.Context(), caller(1))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("error %v, answer (-want +got):\n%s", err, diff)
			}
		}
	})
}

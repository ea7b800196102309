package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// countedStore answers from a document, and counts the questions about callers. What grants of a tenant name is found out
// in the background, once.
type countedStore struct {
	roles *rolestore.Memory
	asked atomic.Int64
}

func (s *countedStore) Look(ctx context.Context, q rolestore.Query) (rolestore.Answer, rolestore.Revision, error) {
	s.asked.Add(1)
	answer, err := s.roles.Grants(ctx, q)
	return answer, rolestore.Revision{Number: 1}, err
}

func (s *countedStore) NamedGroupsAt(ctx context.Context, tenantID string, most int) (rolestore.NamedGroups, rolestore.Revision, error) {
	groups, err := s.roles.NamedGroups(ctx, tenantID, most)
	return groups, rolestore.Revision{Number: 1}, err
}

func (s *countedStore) Revision(context.Context) (rolestore.Revision, error) {
	return rolestore.Revision{Number: 1}, errors.New("nobody runs the cache here")
}

// household is an issuer on the real parts: what each of them does not remember is counted.
type household struct {
	*issuer.Issuer
	tenant *faketenant.Tenant
	store  *countedStore
}

func newHousehold(tb testing.TB, groups int) (h household, token string) {
	tb.Helper()
	tenant, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(tenant)
	tb.Cleanup(server.Close)
	tenant.SetAuthority(server.URL)
	verifier, err := idp.New(idp.Config{
		Authority: server.URL, Tenants: []string{faketenant.TenantID}, Audiences: []string{faketenant.APIClientID}, Scopes: []string{"access_as_user"}, CacheSize: 100,
	})
	if err != nil {
		tb.Fatal(err)
	}
	ids := make([]string, groups)
	document := rolestore.Document{}
	for i := range ids {
		ids[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	for i := range min(groups, 4) {
		document.Grants = append(document.Grants, rolestore.Grant{
			Tenant: faketenant.TenantID, Principal: rolestore.Principal{Kind: rolestore.KindGroup, ID: ids[i]}, Role: fmt.Sprint("role_", i),
			Session: map[string]rolestore.Value{"x-hasura-org-id": rolestore.Text("42"), "x-hasura-regions": rolestore.List("eu", "us")},
		})
	}
	h = household{tenant: tenant, store: &countedStore{roles: rolestore.NewMemory(document)}}
	cache := rolecache.New(rolecache.Config{Store: h.store, TTL: time.Minute, Stale: time.Minute, Callers: 100})
	ring, err := keys.NewRing(keys.RingConfig{Store: keystore.NewMemory(time.Now), Policy: keys.Policy{
		Period: 24 * time.Hour, TTL: time.Hour, Lead: time.Hour, MaxAge: 5 * time.Minute, Alg: keys.ES256,
	}, Auto: true})
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(ring.Sync(tb.Context()), verifier.Refresh(tb.Context())); err != nil {
		tb.Fatal(err)
	}
	h.Issuer, err = issuer.New(issuer.Config{
		URL: "https://auth.example.com", Audience: "hasura", TTL: 5 * time.Minute, ClaimsNamespace: "https://hasura.io/jwt/claims",
		ArrayFormat: issuer.ArrayPostgres, SessionClaims: []issuer.SessionClaim{{Variable: "x-hasura-user-id", Claim: "oid"}}, Remember: 100,
	}, verifier, nil, cache, ring)
	if err != nil {
		tb.Fatal(err)
	}
	claims := tenant.Claims("reader")
	claims["groups"] = ids
	return h, tenant.Sign(claims)
}

// doors are the ways to ask about a caller.
func (h household) doors() map[string]func(context.Context, string) (issuer.Decision, error) {
	return map[string]func(context.Context, string) (issuer.Decision, error){
		issuer.DoorToken: func(ctx context.Context, token string) (issuer.Decision, error) {
			return h.Exchange(ctx, issuer.Request{SubjectToken: token, Door: issuer.DoorToken})
		},
		issuer.DoorWebhook: func(ctx context.Context, token string) (issuer.Decision, error) {
			return h.Decide(ctx, issuer.Request{SubjectToken: token, Door: issuer.DoorWebhook})
		},
		issuer.DoorForwardAuth: func(ctx context.Context, token string) (issuer.Decision, error) {
			return h.Exchange(ctx, issuer.Request{SubjectToken: token, Reuse: true, Door: issuer.DoorForwardAuth})
		},
	}
}

// TestNobodyIsAskedAboutACallerWhoIsKnown: the engine and the gateway wait for this at every request.
func TestNobodyIsAskedAboutACallerWhoIsKnown(t *testing.T) {
	t.Parallel()
	h, token := newHousehold(t, 8)
	doors := h.doors()
	if _, err := doors[issuer.DoorWebhook](t.Context(), token); err != nil {
		t.Fatal(err)
	}
	entra, store := h.tenant.Hits(""), h.store.asked.Load()
	if entra == 0 || store != 1 {
		t.Fatalf("of a stranger Entra was asked %d times and the store %d times", entra, store)
	}
	for name, door := range doors {
		for range 3 {
			d, err := door(t.Context(), token)
			if err != nil || !slices.Equal(d.Roles, []string{"role_0", "role_1", "role_2", "role_3"}) {
				t.Errorf("%s: %v, %v", name, d.Roles, err)
			}
		}
	}
	if h.tenant.Hits("") != entra || h.store.asked.Load() != store {
		t.Errorf("Entra was asked %d times more, the store %d times", h.tenant.Hits("")-entra, h.store.asked.Load()-store)
	}
}

// BenchmarkAKnownCaller is what each door costs without its HTTP; small has 8 groups and large 200, as in Entra's.
func BenchmarkAKnownCaller(b *testing.B) {
	for size, groups := range map[string]int{"small": 8, "large": 200} {
		h, token := newHousehold(b, groups)
		for name, door := range h.doors() {
			b.Run(name+"/"+size, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := door(b.Context(), token); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

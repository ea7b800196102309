package graph_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

const (
	cluster  = "https://cluster.example/"
	workload = "system:serviceaccount:default:issuer"
)

// served is a tenant behind real TLS, with Graph below a path of the same host.
func served(t *testing.T) (*faketenant.Tenant, graph.Config) {
	t.Helper()
	tenant, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(tenant)
	server.TLS = tenant.TLS()
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one test trusts nobody
	server.StartTLS()
	t.Cleanup(server.Close)
	tenant.SetAuthority(server.URL)
	client := tenant.Client()
	t.Cleanup(client.CloseIdleConnections)
	return tenant, graph.Config{
		Authority: server.URL, GraphURL: server.URL + "/graph/", ClientID: faketenant.APIClientID,
		TTL: fresh, Stale: stale, HTTPClient: client,
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func trusting(pool *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// assertion is the token of a workload, as Kubernetes would write it.
func assertion(t *testing.T, key *ecdsa.PrivateKey, life time.Duration) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: cluster, Subject: workload, Audience: jwt.Audience{"api://AzureADTokenExchange"},
		Expiry: jwt.NewNumericDate(time.Now().Add(life)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func tokenFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEveryCredentialSignsInOverTLS(t *testing.T) {
	t.Parallel()
	tenant, config := served(t)
	key := newKey(t)
	tenant.Federate(faketenant.APIClientID, faketenant.FederatedCredential{Issuer: cluster, Subject: workload, Key: key.Public()})
	certificate, err := tenant.NewCertificate(faketenant.APIClientID)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"a secret": 11_000} // so many that they come on pages
	for name, c := range map[string]func(*graph.Config){
		"a secret":                    func(c *graph.Config) { c.ClientSecret = tenant.ClientSecret(faketenant.APIClientID) },
		"a certificate":               func(c *graph.Config) { c.ClientCertificate = certificate },
		"a federated token in a file": func(c *graph.Config) { c.FederatedTokenFile = tokenFile(t, assertion(t, key, time.Hour)+"\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine := config
			c(&mine)
			caller := graph.Caller{TenantID: faketenant.TenantID, ObjectID: uuid.NewString()}
			tenant.SetGroups(caller.ObjectID, groups(0, 1+sizes[name])...)
			client, err := graph.New(mine)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Check(t.Context(), faketenant.TenantID); err != nil {
				t.Errorf("check: %v", err)
			}
			got, err := client.Groups(t.Context(), caller, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(groups(0, 1+sizes[name]), got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

// Kubernetes replaces the file while we run.
func TestTheFederatedTokenIsReadAtEachSignIn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	key := newKey(t)
	s.Federate(s.app, faketenant.FederatedCredential{Issuer: cluster, Subject: workload, Key: key.Public()})
	clock := newClock()
	file := tokenFile(t, assertion(t, key, -time.Hour))
	client := s.open(t, func(c *graph.Config) { c.ClientSecret, c.FederatedTokenFile, c.Now = "", file, clock.now })
	caller := s.user(groups(0, 1)...)
	got, err := client.Groups(t.Context(), caller, nil)
	if problem := s.refused(t, got, err); problem.Code != "AADSTS700024" {
		t.Errorf("an expired assertion: %v", err)
	}
	if err := os.WriteFile(file, []byte(assertion(t, key, time.Hour)), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Minute)
	if _, err := client.Groups(t.Context(), caller, nil); err != nil {
		t.Error(err)
	}
}

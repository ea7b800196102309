package faketenant_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const (
	graphScope = "https://graph.microsoft.com/.default"
	cluster    = "https://cluster.example/"
	workload   = "system:serviceaccount:default:issuer"
)

// msal is a confidential client as a Go program has it, with no options but those that a fake calls for.
func (s served) msal(t *testing.T, app string, credential confidential.Credential) confidential.Client {
	t.Helper()
	client, err := confidential.New(s.url+"/"+faketenant.TenantID, app, credential,
		confidential.WithInstanceDiscovery(false), confidential.WithHTTPClient(s.client))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func bySecret(t *testing.T, secret string) confidential.Credential {
	t.Helper()
	credential, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func byCertificate(t *testing.T, file []byte) confidential.Credential {
	t.Helper()
	certificates, key, err := confidential.CertFromPEM(file, "")
	if err != nil {
		t.Fatal(err)
	}
	credential, err := confidential.NewCredFromCert(certificates, key)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// byWorkload is a credential whose assertions another issuer signs.
func byWorkload(t *testing.T, key *ecdsa.PrivateKey, subject string) confidential.Credential {
	t.Helper()
	return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
		if err != nil {
			return "", err
		}
		return jwt.Signed(signer).Claims(jwt.Claims{
			Issuer: cluster, Subject: subject, Audience: jwt.Audience{"api://AzureADTokenExchange"},
			Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour)),
		}).Serialize()
	})
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newCertificate(t *testing.T, s served, app string) []byte {
	t.Helper()
	file, err := s.NewCertificate(app)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// plainClaims reads a token without judging it.
func plainClaims(t *testing.T, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := json.Unmarshal(part(t, token, 1), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestMSALForGoGetsTokensWithEveryCredential(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	key := newECKey(t)
	s.Federate(faketenant.APIClientID, faketenant.FederatedCredential{Issuer: cluster, Subject: workload, Key: key.Public()})
	for name, c := range map[string]struct {
		credential confidential.Credential
		acr        string
	}{
		"a secret":              {bySecret(t, s.ClientSecret(faketenant.APIClientID)), "1"},
		"a second secret":       {bySecret(t, s.AddSecret(faketenant.APIClientID, time.Hour)), "1"},
		"a certificate":         {byCertificate(t, newCertificate(t, s, faketenant.APIClientID)), "2"},
		"a federated assertion": {byWorkload(t, key, workload), "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := s.msal(t, faketenant.APIClientID, c.credential)
			result, err := client.AcquireTokenByCredential(t.Context(), []string{graphScope})
			if err != nil {
				t.Fatal(err)
			}
			claims := plainClaims(t, result.AccessToken)
			if claims["appidacr"] != c.acr || claims["aud"] != "https://graph.microsoft.com" || claims["ver"] != "1.0" || claims["appid"] != faketenant.APIClientID {
				t.Errorf("claims %v, want those of a Graph token of the app with appidacr %s", claims, c.acr)
			}
			response, body := s.graph(t, result.AccessToken, http.MethodPost, "/users/"+oidOf(t, s, "editor")+"/getMemberGroups", `{}`, nil)
			if response.StatusCode != http.StatusOK {
				t.Errorf("Graph refuses the token: %s", body)
			}
		})
	}
}

func TestMSALForGoGetsATokenForTheAPI(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	client := s.msal(t, faketenant.DaemonClientID, bySecret(t, s.ClientSecret(faketenant.DaemonClientID)))
	result, err := client.AcquireTokenByCredential(t.Context(), []string{"api://" + faketenant.APIClientID + "/.default"})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := s.verify(t, result.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	persona := s.Claims("daemon")
	for _, name := range []string{"aud", "iss", "azp", "azpacr", "oid", "sub", "idtyp", "ver", "tid"} {
		if claims[name] != persona[name] {
			t.Errorf("%s is %v, the persona's is %v", name, claims[name], persona[name])
		}
	}
	if _, scope := claims["scp"]; scope || !slices.Equal(claims["roles"].([]any), []any{"Hasura.Exchange"}) {
		t.Errorf("scp %v, roles %v", claims["scp"], claims["roles"])
	}
}

func TestMSALForGoActsOnBehalfOfAPerson(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	client := s.msal(t, faketenant.APIClientID, byCertificate(t, newCertificate(t, s, faketenant.APIClientID)))
	token, err := s.Token("editor")
	if err != nil {
		t.Fatal(err)
	}
	result, err := client.AcquireTokenOnBehalfOf(t.Context(), token, []string{"https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/GroupMember.Read.All"})
	if err != nil {
		t.Fatal(err)
	}
	if got := plainClaims(t, result.AccessToken)["scp"]; got != "User.Read GroupMember.Read.All" {
		t.Errorf("scp %v", got)
	}
	if len(result.DeclinedScopes) != 0 || !strings.HasPrefix(result.Account.HomeAccountID, oidOf(t, s, "editor")+".") {
		t.Errorf("declined %v, home account %s", result.DeclinedScopes, result.Account.HomeAccountID)
	}
	response, body := s.graph(t, result.AccessToken, http.MethodPost, "/me/getMemberGroups", `{"securityEnabledOnly":true}`, nil)
	if response.StatusCode != http.StatusOK || !strings.Contains(string(body), faketenant.GroupTwo) {
		t.Errorf("Graph about the person: %d %s", response.StatusCode, body)
	}
}

func TestMSALForGoReportsRefusals(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	s.Federate(faketenant.APIClientID, faketenant.FederatedCredential{Issuer: cluster, Subject: workload, Key: newECKey(t).Public()})
	for name, c := range map[string]struct {
		app        string
		credential confidential.Credential
		scope      string
		status     int
		want       string
	}{
		"a wrong secret":           {faketenant.APIClientID, bySecret(t, "wrong"), graphScope, 401, "AADSTS7000215"},
		"an expired secret":        {faketenant.APIClientID, bySecret(t, s.AddSecret(faketenant.APIClientID, -time.Hour)), graphScope, 401, "AADSTS7000222"},
		"an app nobody registered": {faketenant.OtherTenantID, bySecret(t, "wrong"), graphScope, 400, "AADSTS700016"},
		"a page with a secret":     {faketenant.SPAClientID, bySecret(t, "wrong"), graphScope, 401, "AADSTS700025"},
		"another app's certificate": {
			faketenant.APIClientID, byCertificate(t, newCertificate(t, s, faketenant.DaemonClientID)), graphScope, 401, "AADSTS700027",
		},
		"a workload nobody knows": {faketenant.APIClientID, byWorkload(t, newECKey(t), "other"), graphScope, 400, "AADSTS70021"},
		"a workload's forgery":    {faketenant.APIClientID, byWorkload(t, newECKey(t), workload), graphScope, 401, "AADSTS700027"},
		"a scope of people":       {faketenant.APIClientID, bySecret(t, s.ClientSecret(faketenant.APIClientID)), "https://graph.microsoft.com/User.Read", 400, "AADSTS1002012"},
		"a resource nobody knows": {faketenant.APIClientID, bySecret(t, s.ClientSecret(faketenant.APIClientID)), "api://nobody/.default", 400, "AADSTS500011"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.msal(t, c.app, c.credential).AcquireTokenByCredential(t.Context(), []string{c.scope})
			var call msalerrors.CallErr
			if !errors.As(err, &call) {
				t.Fatalf("no CallErr: %v", err)
			}
			if call.Resp.StatusCode != c.status || !strings.Contains(call.Error(), c.want+":") {
				t.Errorf("status %d, %v; want %d, %s", call.Resp.StatusCode, call, c.status, c.want)
			}
		})
	}
}

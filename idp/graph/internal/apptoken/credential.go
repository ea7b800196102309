package apptoken

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

// Credential is a way to be somebody at the sign-in: App or ManagedIdentity.
type Credential interface {
	// token asks for another token than the last when anew says so. An error that is no *wire.Problem is MSAL-go's, and
	// not fit to be shown: it may quote an answer.
	token(ctx context.Context, via *courier, tenant, scope string, anew bool) (value string, ends time.Time, err error)
}

// App is an app registration with a credential of its own, or with a workload's token in a file.
type App struct {
	Authority wire.Base // the sign-in host
	ClientID  string
	Secret    confidential.Credential
	TokenFile string // instead of Secret; read at each sign-in, since it is replaced
}

// token makes a client each time, so that nothing is kept that could go stale or was not checked (MSAL-go's issues 653
// and 663). Only the authority is asked: no other host is to vouch for it, and no variable of the environment to send us
// to a region.
func (a App) token(ctx context.Context, via *courier, tenant, scope string, _ bool) (string, time.Time, error) {
	secret := a.Secret
	if a.TokenFile != "" {
		assertion, problem := readAssertion(a.TokenFile)
		if problem != nil {
			return "", time.Time{}, problem
		}
		secret = confidential.NewCredFromAssertionCallback(
			func(context.Context, confidential.AssertionRequestOptions) (string, error) { return assertion, nil })
	}
	via.home = a.Authority
	client, err := confidential.New(a.Authority.String()+"/"+tenant, a.ClientID, secret, confidential.WithHTTPClient(via),
		confidential.WithInstanceDiscovery(false), confidential.WithAzureRegion("DisableMsalForceRegion"))
	if err != nil {
		return "", time.Time{}, err
	}
	result, err := client.AcquireTokenByCredential(ctx, []string{scope})
	return result.AccessToken, result.ExpiresOn, err
}

// Certificate makes a credential of PEM with a certificate and its RSA key. The error says nothing of what was read: it
// may be a key.
func Certificate(pem []byte) (confidential.Credential, error) {
	fault := errors.New("client certificate: want PEM with a certificate and its RSA key, unencrypted")
	certificates, key, err := confidential.CertFromPEM(pem, "")
	if err != nil {
		return confidential.Credential{}, fault
	}
	made, err := confidential.NewCredFromCert(certificates, key)
	if err != nil {
		return confidential.Credential{}, fault
	}
	return made, nil
}

// maxAssertion is well beyond any token of a Kubernetes service account.
const maxAssertion = 32 << 10

func readAssertion(name string) (string, *wire.Problem) {
	fault := &wire.Problem{
		Err:  errors.New("the federated token file " + name + " cannot be read or holds no token"),
		Hint: "check that it is mounted and that this user may read it",
	}
	file, err := os.Open(name) //nolint:gosec // G304: the name comes from the settings
	if err != nil {
		return "", fault
	}
	defer file.Close()
	doc, err := io.ReadAll(io.LimitReader(file, maxAssertion+1))
	text := strings.TrimSpace(string(doc))
	if err != nil || text == "" || len(doc) > maxAssertion {
		return "", fault
	}
	return text, nil
}

// ManagedIdentity is the identity that Azure gives to a machine.
type ManagedIdentity struct {
	Tenant   string // where it lives, a lower-case GUID
	ClientID string // of a user-assigned one; "" is the system-assigned one
}

func (m ManagedIdentity) token(ctx context.Context, via *courier, tenant, scope string, anew bool) (string, time.Time, error) {
	if tenant != m.Tenant {
		return "", time.Time{}, &wire.Problem{
			Err:  errors.New("a managed identity cannot ask about callers of another tenant than its own"),
			Hint: "use an app registration that is known in every tenant",
		}
	}
	id := managedidentity.SystemAssigned()
	if m.ClientID != "" {
		id = managedidentity.UserAssignedClientID(m.ClientID)
	}
	via.who = machine
	client, err := managedidentity.New(id, managedidentity.WithHTTPClient(via))
	if err != nil {
		return "", time.Time{}, err
	}
	var options []managedidentity.AcquireTokenOption
	if anew { // MSAL-go keeps these tokens for the whole process; claims make it ask anew
		options = append(options, managedidentity.WithClaims("{}"))
	}
	result, err := client.AcquireToken(ctx, scope, options...)
	return result.AccessToken, result.ExpiresOn, err
}

// Direct is proxy, but for the endpoints that hand out a machine's identity: these speak http, are on the machine or on a
// network of its own, and no proxy reaches them.
func Direct(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme == "http" {
			return nil, nil //nolint:nilnil // how http.Transport is told "no proxy"
		}
		return proxy(r)
	}
}

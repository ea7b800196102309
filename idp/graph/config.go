package graph

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/apptoken"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

// clouds are the sign-in hosts of Entra with their Graph.
var clouds = map[string]string{
	defaultAuthority:                           "https://graph.microsoft.com",
	"https://login.microsoftonline.us":         "https://graph.microsoft.us",
	"https://login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
}

// ErrNoGraphURL means that a Config names no Graph, and its authority is no cloud whose Graph is known.
var ErrNoGraphURL = errors.New("graph URL: want one, since the authority is no cloud that we know")

const defaultAuthority = "https://login.microsoftonline.com"

// Config says as whom Graph is asked, and how long answers count. Of the four credentials exactly one is needed. In
// print it shows no secret.
type Config struct {
	Authority string // base URL of the sign-in host, https; "" is the global cloud
	GraphURL  string // base URL of Graph; "" is that of the authority's cloud. http for loopback hosts only
	ClientID  string // of our app, a GUID; not needed for a managed identity. The app must be known in the callers' tenants

	ClientSecret       string           `json:"-"`
	ClientCertificate  []byte           `json:"-"` // PEM: the certificate and its RSA key, unencrypted
	FederatedTokenFile string           // the token of a workload identity; read at each sign-in, since it is replaced
	ManagedIdentity    *ManagedIdentity // that of the machine we run on

	TTL   time.Duration // how long an answer is fresh; 0: every call reads
	Stale time.Duration // how old an answer may be while Graph cannot be asked; at least TTL

	Shared     Cache            // what other processes read; nil: nothing is shared
	Observer   Observer         // nil: nobody
	HTTPClient *http.Client     // nil: idp.NewHTTPClient(). Redirects are not followed, whatever it says
	Now        func() time.Time // nil: time.Now
	// Around goes around the transport of questions to Graph, and never of sign-ins; nil: nothing does.
	Around func(http.RoundTripper) http.RoundTripper
}

// ManagedIdentity is the identity that Azure gives to a machine. It can ask about callers of its own tenant only.
type ManagedIdentity struct {
	TenantID string // where the identity lives, a GUID
	ClientID string // of a user-assigned identity, a GUID; "" is the system-assigned one
}

// Format writes whose it is and where, whatever the verb, and never a secret.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client %q at %q", c.ClientID, c.Authority)
}

// Format writes where the client asks, whatever the verb, and never a secret.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client of %q", c.graph.String())
}

// settings are a Config that was checked.
type settings struct {
	graph      wire.Base
	credential apptoken.Credential
	signIns    *http.Client
	questions  *http.Client
}

// compile checks everything at once; the error names each fault. It repeats no value that may be a secret in the wrong
// place.
func (c Config) compile() (settings, error) {
	authority, authorityErr := c.authority()
	graph, graphErr := c.graphURL(authority)
	credential, credentialErr := c.credential(authority)
	err := errors.Join(authorityErr, graphErr, credentialErr, c.checkTimes())
	s := settings{graph: graph, credential: credential, signIns: c.httpClient()}
	s.questions = s.signIns
	if c.Around != nil {
		wrapped := *s.signIns
		wrapped.Transport = c.Around(wrapped.Transport)
		s.questions = &wrapped
	}
	return s, err
}

func (c Config) authority() (wire.Base, error) {
	raw := c.Authority
	if raw == "" {
		raw = defaultAuthority
	}
	authority, ok := wire.ParseBase(raw)
	if !ok || !authority.IsHost() {
		return wire.Base{}, errors.New("authority: want https://host, without path or query")
	}
	return authority, nil
}

func (c Config) graphURL(authority wire.Base) (wire.Base, error) {
	raw := c.GraphURL
	if raw == "" {
		if raw = clouds[authority.String()]; raw == "" && authority != (wire.Base{}) {
			return wire.Base{}, ErrNoGraphURL
		}
	}
	graph, ok := wire.ParseBase(raw)
	if !ok && raw != "" {
		return wire.Base{}, errors.New("graph URL: want https://host, without query (http only for a loopback host)")
	}
	return graph, nil
}

func (c Config) checkTimes() error {
	if c.TTL < 0 {
		return fmt.Errorf("TTL: %s is less than nothing", c.TTL)
	}
	if c.Stale < c.TTL {
		return fmt.Errorf("stale: %s is less than the TTL, %s", c.Stale, c.TTL)
	}
	return nil
}

// credential makes the one that is set.
func (c Config) credential(authority wire.Base) (apptoken.Credential, error) {
	ways := 0
	for _, set := range []bool{c.ClientSecret != "", len(c.ClientCertificate) > 0, c.FederatedTokenFile != "", c.ManagedIdentity != nil} {
		if set {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, errors.New("credential: want exactly one of client secret, client certificate, federated token file " +
			"and managed identity")
	case c.ManagedIdentity != nil:
		return c.managed()
	default:
		return c.app(authority)
	}
}

func (c Config) app(authority wire.Base) (apptoken.Credential, error) {
	app := apptoken.App{Authority: authority, ClientID: c.ClientID, TokenFile: c.FederatedTokenFile}
	var secretErr, idErr error
	switch {
	case c.ClientSecret != "":
		app.Secret, secretErr = confidential.NewCredFromSecret(c.ClientSecret)
	case len(c.ClientCertificate) > 0:
		app.Secret, secretErr = apptoken.Certificate(c.ClientCertificate)
	}
	if _, ok := wire.GUID(c.ClientID); !ok {
		idErr = errors.New("client id: want a GUID")
	}
	return app, errors.Join(secretErr, idErr)
}

func (c Config) managed() (apptoken.Credential, error) {
	tenant, ok := wire.GUID(c.ManagedIdentity.TenantID)
	if !ok {
		return nil, errors.New("managed identity: want the id of the tenant it lives in, a GUID")
	}
	if id := c.ManagedIdentity.ClientID; id != "" {
		if _, ok := wire.GUID(id); !ok {
			return nil, errors.New("managed identity: want a GUID as its client id")
		}
	}
	return apptoken.ManagedIdentity{Tenant: tenant.String(), ClientID: c.ManagedIdentity.ClientID}, nil
}

// httpClient follows no redirects: a sign-in's body holds the secret, a question's header our token.
func (c Config) httpClient() *http.Client {
	client := idp.NewHTTPClient()
	if c.HTTPClient != nil {
		*client = *c.HTTPClient
	} else if transport, ok := client.Transport.(*http.Transport); ok && c.ManagedIdentity != nil {
		transport.Proxy = apptoken.Direct(transport.Proxy)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

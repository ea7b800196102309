package keyvault

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Config says as whom the vault is asked. Everything but HTTPClient is needed,
// and of ClientSecret and FederatedTokenFile exactly one. In print it shows no
// secret.
type Config struct {
	// Authority is where the identity signs in: https://login.microsoftonline.com,
	// https://login.partner.microsoftonline.cn or https://login.microsoftonline.us.
	Authority string
	TenantID  string // of the directory that the vault trusts, a GUID
	ClientID  string // of the identity, a GUID

	// ClientSecret is one of the identity's passwords.
	ClientSecret string `json:"-"`
	// FederatedTokenFile holds the token of a workload identity, as Kubernetes
	// writes it where AZURE_FEDERATED_TOKEN_FILE says. It is read at each call,
	// because Kubernetes replaces it.
	FederatedTokenFile string

	// HTTPClient carries the requests; nil means one of its own with Go's usual
	// transport. Redirects are never followed, whatever it says: none is right
	// here, and a body holds the secret.
	HTTPClient *http.Client
}

// Format writes whose it is and where, whatever the verb, and never the secret.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client %q of tenant %q at %q", c.ClientID, c.TenantID, c.Authority)
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// check says what is wrong in one sentence. It repeats no value: what stands in
// the wrong place may be the secret.
func (c Config) check() error {
	authority, err := url.Parse(c.Authority)
	switch {
	case c.Authority == "":
		return errors.New("the authority is missing; the public cloud's is https://login.microsoftonline.com")
	case err != nil || authority.Scheme != "https" || authority.Host == "" || authority.User != nil,
		strings.Trim(authority.Path, "/") != "", strings.ContainsAny(c.Authority, "?#"):
		return errors.New("the authority must be https:// and a host, as in https://login.microsoftonline.com")
	case !guid.MatchString(c.TenantID):
		return errors.New("the tenant id must be a GUID in lower case, as on the overview page of the directory")
	case !guid.MatchString(c.ClientID):
		return errors.New("the client id must be a GUID in lower case, as on the overview page of the identity")
	case c.ClientSecret == "" && c.FederatedTokenFile == "":
		return errors.New("a client secret or a federated token file is needed to sign in")
	case c.ClientSecret != "" && c.FederatedTokenFile != "":
		return errors.New("a client secret and a federated token file are both given; remove one")
	}
	return nil
}

// client never follows a redirect: the sign-in's body holds the client secret,
// and wrapping sends the secret itself.
func (c Config) client() *http.Client {
	client := &http.Client{}
	if c.HTTPClient != nil {
		*client = *c.HTTPClient
	} else if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		client.Transport = usual.Clone()
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

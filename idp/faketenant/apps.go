package faketenant

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Platform says how an app signs people in, which decides who may redeem its codes.
type Platform int

// PlatformWeb redeems codes on a server, with a credential. PlatformSPA redeems them in a page, without one, by a
// cross-origin request only. PlatformNative redeems them on a desktop, without one.
const (
	PlatformWeb Platform = iota
	PlatformSPA
	PlatformNative
)

// App is an app registration with its service principal, the same in all directories of the tenant.
type App struct {
	ID        string // lower-case GUID
	ObjectID  string // the service principal's, lower-case GUID; Register makes one where it is empty
	Platform  Platform
	Redirects []string // redirect URIs, besides all those on loopback

	Exposes    []string // delegated permissions of its own API, whose App ID URI is api://ID
	APIRoles   []string // app roles of APIClientID that an administrator gave to it
	GraphRoles []string // application permissions on Microsoft Graph that an administrator consented to
	Consented  []string // delegated permissions that were consented to for on-behalf-of, such as https://graph.microsoft.com/User.Read
}

// FederatedCredential lets tokens of another issuer stand for a secret, as workload identity does.
type FederatedCredential struct {
	Issuer, Subject string
	Audience        string // empty: api://AzureADTokenExchange
	Key             crypto.PublicKey
}

type secret struct {
	value   string
	expires time.Time
}

type registration struct {
	App
	secrets      []secret
	certificates []*x509.Certificate
	federated    []FederatedCredential
}

// registry holds the app registrations.
type registry struct {
	mu   sync.Mutex
	apps map[string]registration // by ID; the slices within are never altered, only replaced
}

func (r *registry) app(id string) (registration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app, known := r.apps[strings.ToLower(id)]
	return app, known
}

// change panics for an app that is not registered: a mistake in the test.
func (r *registry) change(id string, how func(*registration)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	app, known := r.apps[id]
	if !known {
		panic(fmt.Sprintf("faketenant: no app %s is registered", id))
	}
	how(&app)
	r.apps[id] = app
}

// Register adds an app, or replaces what is registered of it; its credentials stay.
func (t *Tenant) Register(app App) {
	if app.ObjectID == "" {
		app.ObjectID = guid()
	}
	t.registry.mu.Lock()
	defer t.registry.mu.Unlock()
	known := t.registry.apps[app.ID]
	known.App = app
	t.registry.apps[app.ID] = known
}

// App is the registration of the app id, for a caller to alter and Register again.
func (t *Tenant) App(id string) (app App, known bool) {
	registered, known := t.registry.app(id)
	return registered.App, known
}

// GrantGraph sets the app's application permissions on Microsoft Graph, in place of those it had. Tokens it already has
// keep theirs. Like the other methods that change an app, it panics for one that is not registered.
func (t *Tenant) GrantGraph(appID string, permissions ...string) {
	t.registry.change(appID, func(r *registration) { r.GraphRoles = slices.Clone(permissions) })
}

// AddSecret makes a client secret for the app, good for life, beside those it has. A life of zero or less makes one that
// has expired.
func (t *Tenant) AddSecret(appID string, life time.Duration) string {
	made := secret{opaque(30), t.now().Add(life)}
	t.registry.change(appID, func(r *registration) { r.secrets = append(slices.Clone(r.secrets), made) })
	return made.value
}

// ClientSecret is the oldest secret of the app. APIClientID and DaemonClientID have one from the start, made at random.
func (t *Tenant) ClientSecret(appID string) string {
	app, _ := t.registry.app(appID)
	if len(app.secrets) == 0 {
		panic(fmt.Sprintf("faketenant: the app %s has no secret", appID))
	}
	return app.secrets[0].value
}

// AddCertificate lets the app authenticate with assertions signed by the key of certificate.
func (t *Tenant) AddCertificate(appID string, certificate *x509.Certificate) {
	t.registry.change(appID, func(r *registration) { r.certificates = append(slices.Clone(r.certificates), certificate) })
}

// NewCertificate makes an RSA key with a certificate, adds it to the app, and returns both as one PEM file.
func (t *Tenant) NewCertificate(appID string) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate RSA key: %w", err)
	}
	der, err := selfSigned(key, pkix.Name{CommonName: appID}, t.now())
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write RSA key: %w", err)
	}
	t.AddCertificate(appID, certificate)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// Federate adds a federated credential to the app. Its key must be an RSA or ECDSA one.
func (t *Tenant) Federate(appID string, credential FederatedCredential) {
	switch credential.Key.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
	default:
		panic(fmt.Sprintf("faketenant: a federated credential with a key of type %T", credential.Key))
	}
	if credential.Audience == "" {
		credential.Audience = "api://AzureADTokenExchange"
	}
	t.registry.change(appID, func(r *registration) { r.federated = append(slices.Clone(r.federated), credential) })
}

// Package fakevault is an Azure Key Vault, and the part of Microsoft Entra that
// hands out tokens for it, in the process and over TLS. It wraps with real RSA
// keys, speaks as the real ones do, and refuses what they refuse. It lets in
// whoever knows the constants below, so it must never stand in a network that
// others can reach.
package fakevault

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The one identity that is let in, and its credentials.
const (
	TenantID       = "3e1f0a52-6f0b-4a3e-8a4d-90c1b2d3e401"
	ClientID       = "8d2c4b6a-1357-4f9e-b0a1-c2d3e4f50602"
	ClientSecret   = "fake~secret.of-the-client_01"
	FederatedToken = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhOmIifQ.ZmFrZQ" //nolint:gosec // made up
)

// Calls counts what was done. Requests that were refused count only where it is
// said.
type Calls struct {
	Challenges int // requests without a token, answered 401
	SignIns    int // tokens handed out
	Wraps      int
	Unwraps    int
	Requests   int // all, answered or not
}

// Vault is the fake. All its methods may be called concurrently.
type Vault struct {
	server   *http.Server
	listener net.Listener
	cert     certificate
	mux      *http.ServeMux // of the sign-in
	newKey   func() (*rsa.PrivateKey, error)

	mu        sync.Mutex // guards what follows
	keys      map[string][]*version
	tokens    map[string]*token
	denied    map[string]bool // by operation
	hook      func(http.ResponseWriter, *http.Request) bool
	down      bool
	throttled bool
	stale     bool // tokens are born expired
	calls     Calls
}

type version struct {
	id       string
	private  *rsa.PrivateKey
	disabled bool
}

type token struct {
	resource string
	expired  bool
}

// Start begins to serve on a free port of 127.0.0.1. The vault holds no key yet;
// those to come are newKey's, which is called concurrently.
func Start(newKey func() (*rsa.PrivateKey, error)) (*Vault, error) {
	cert, err := newCertificate()
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	v := &Vault{
		listener: listener,
		cert:     cert,
		newKey:   newKey,
		keys:     map[string][]*version{},
		tokens:   map[string]*token{},
		denied:   map[string]bool{},
	}
	v.mux = v.signIn()
	v.server = &http.Server{Handler: http.HandlerFunc(v.serve), ReadHeaderTimeout: time.Minute, ErrorLog: silent()}
	go func() { _ = v.server.Serve(cert.wrap(listener)) }()
	return v, nil
}

// Close ends it and every connection.
func (v *Vault) Close() { _ = v.server.Close() }

// URL is where it is reached without Client: as the vault's base URL, and as
// the authority to sign in at.
func (v *Vault) URL() string { return "https://" + v.listener.Addr().String() }

// Rotate makes a new version of a key, the first one too, and returns its id.
// Versions before it go on unwrapping.
func (v *Vault) Rotate(name string) (string, error) {
	private, err := v.newKey()
	if err != nil {
		return "", fmt.Errorf("make an RSA key: %w", err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	made := &version{id: fmt.Sprintf("%x", id), private: private}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[name] = append(v.keys[name], made)
	return made.id, nil
}

// PublicKey is that of a version, or of the current one if id is empty; nil if
// there is none.
func (v *Vault) PublicKey(name, id string) *rsa.PublicKey {
	found := v.find(name, id)
	if found == nil {
		return nil
	}
	return &found.private.PublicKey
}

// Calls returns the counts so far.
func (v *Vault) Calls() Calls {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls
}

// find returns a version, the current one for an empty id, or nil.
func (v *Vault) find(name, id string) *version {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range slices.Backward(v.keys[name]) {
		if id == "" || one.id == id {
			return one
		}
	}
	return nil
}

// Package faketenant is a Microsoft Entra tenant that lives in the process: it publishes discovery documents and
// signing keys, signs made-up people in, hands out tokens at a token endpoint, and answers Microsoft Graph's questions
// about groups. Tests use it over real TLS, and `issuer dev` shows the whole product with it. Its documents, tokens and
// errors have the members, spellings and quirks of Entra's own, so that MSAL takes it for the real one. It checks apps,
// but no people: whoever reaches it gets a token for whom they ask, so it must never stand in a network that others can
// reach.
package faketenant

import (
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Ids of the invented directories and app registrations, lower-case GUIDs. Only ConsumerTenantID exists outside: it is
// where Microsoft keeps personal accounts.
const (
	TenantID         = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	OtherTenantID    = "c41b9a70-58de-4f0b-8a37-61d2e9f3b802"
	ConsumerTenantID = "9188040d-6c67-4c5b-b112-36a304b66dad"
	APIClientID      = "b1c2d3e4-5f60-4718-92a3-c4d5e6f70811" // the audience of every persona's token
	SPAClientID      = "0a9b8c7d-6e5f-4a3b-8c1d-2e3f4a5b6c22" // the caller of the people's tokens
	NativeClientID   = "6e5d4c3b-2a19-4807-8f6e-5d4c3b2a1944" // a program on a desktop, which people sign in to
	DaemonClientID   = "5d4c3b2a-1908-47f6-9e5d-4c3b2a190833" // the caller of the daemon's tokens
)

// Options say which tenant to play. The zero value is good.
type Options struct {
	// TenantIDs are the directories that are known here, lower-case GUIDs; the personas live in the first.
	// Empty: TenantID alone.
	TenantIDs []string
	// Authority is the base URL the tenant is reached by, such as "https://127.0.0.1:8443"; SetAuthority can name it
	// later, when the listener is up. Empty: Entra's own, for clients whose transport leads here.
	Authority string
	// Now is the clock of tokens and certificates. Nil: time.Now.
	Now func() time.Time
	// Key gives the next RSA key to sign with, another than the last dozen; called concurrently. Its kid is fresh, whatever the
	// key. Nil: each is made, which takes some hundred milliseconds.
	Key func() (*rsa.PrivateKey, error)
	// Chaos adds the routes below /chaos, by which whoever reaches the tenant can break it.
	Chaos bool
}

// Tenant is the fake. It is an http.Handler; all its methods may be called concurrently.
type Tenant struct {
	tenantIDs []string
	now       func() time.Time
	rsaKey    func() (*rsa.PrivateKey, error)
	mux       *http.ServeMux
	// spare makes KeyOtherCloud and KeyStranger when they are first asked for, so that New need not wait for them.
	spare        map[Key]func() *signingKey
	certificates func() *authority // made at the first call
	registry     registry
	directory    directory
	sessions     sessions
	devices      devices

	mu         sync.Mutex // guards what follows; never held while a key is made or a signature is computed
	authority  string
	lifetime   time.Duration // of all tokens; zero: Entra's own
	keys       map[Key]*signingKey
	retired    []*signingKey   // pushed out by Rotate, still published
	withdrawn  map[string]bool // by kid
	intercept  func(http.ResponseWriter, *http.Request) bool
	hits       map[string]int // requests by path
	weather    map[Part]Weather
	dateOffset time.Duration
	graphLoad  float64
}

// New makes a tenant with fresh keys, which takes a few hundred milliseconds. It listens nowhere: serve it, and tell it
// with SetAuthority where. The only error is a key or a certificate that could not be made.
func New(o Options) (*Tenant, error) {
	t := &Tenant{
		tenantIDs: o.TenantIDs,
		now:       o.Now,
		rsaKey:    o.Key,
		keys:      map[Key]*signingKey{},
		withdrawn: map[string]bool{},
		hits:      map[string]int{},
		weather:   map[Part]Weather{},
		sessions:  sessions{codes: map[string]codeGrant{}, refresh: map[string]signIn{}},
		devices:   devices{grants: map[string]*deviceGrant{}},

		certificates: sync.OnceValue(mustMakeAuthority),
	}
	if len(t.tenantIDs) == 0 {
		t.tenantIDs = []string{TenantID}
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.rsaKey == nil {
		t.rsaKey = freshKey
	}
	if o.Authority == "" {
		o.Authority = "https://login.microsoftonline.com"
	}
	t.SetAuthority(o.Authority)
	t.registerApps()
	t.fillDirectory()
	t.mux = t.routes()
	if o.Chaos {
		t.chaosRoutes(t.mux)
	}
	t.spare = map[Key]func() *signingKey{
		KeyOtherCloud: sync.OnceValue(t.mustMakeKey),
		KeyStranger:   sync.OnceValue(t.mustMakeKey),
	}
	if err := t.makeFirstKeys(); err != nil {
		return nil, fmt.Errorf("make signing keys: %w", err)
	}
	return t, nil
}

func (t *Tenant) makeFirstKeys() error {
	var group errgroup.Group
	for _, k := range []Key{KeyFirst, KeySecond, KeyConsumer} {
		group.Go(func() error {
			made, err := t.makeKey()
			t.mu.Lock()
			defer t.mu.Unlock()
			t.keys[k] = made
			return err
		})
	}
	return group.Wait()
}

// SetAuthority names the base URL the tenant is reached by, with or without a trailing slash. Documents and tokens made
// from now on speak of it.
func (t *Tenant) SetAuthority(url string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.authority = strings.TrimSuffix(url, "/")
}

func (t *Tenant) base() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.authority
}

// V2Issuer is the iss of v2.0 tokens of the directory tid: on the authority's host, without a trailing slash.
func (t *Tenant) V2Issuer(tid string) string { return t.base() + "/" + tid + "/v2.0" }

// V1Issuer is the iss of v1.0 tokens of the directory tid: on the global cloud's token service whatever the authority,
// with a trailing slash.
func (t *Tenant) V1Issuer(tid string) string { return "https://sts.windows.net/" + tid + "/" }

// Intercept lets answer see every request before the tenant does: true means that it has answered, false leaves the
// request to the tenant. Nil ends the interception. answer is called from many goroutines at once.
func (t *Tenant) Intercept(answer func(http.ResponseWriter, *http.Request) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.intercept = answer
}

func (t *Tenant) allHits() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.hits)
}

// Hits counts the requests so far, intercepted ones too, whose path contains substring.
func (t *Tenant) Hits(substring string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := 0
	for path, n := range t.hits {
		if strings.Contains(path, substring) {
			sum += n
		}
	}
	return sum
}

package idp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	maxLeeway    = 2 * time.Minute
	maxCacheSize = 1_000_000
)

// Config is the policy tokens are held against. Every list is compared byte by byte, GUIDs without regard to case.
type Config struct {
	Authority string   // base URL of the sign-in host; "" is the global cloud. http for loopback hosts only
	Tenants   []string // ids of the authority's tenants that may call, GUIDs
	Issuers   []Issuer // issuers beside them that are trusted by name; at least one of both lists is not empty
	Audiences []string // accepted `aud` values; at least one. Not those of Microsoft Graph and Azure Resource Manager
	Clients   []string // app ids that may fetch tokens for callers, GUIDs; empty: any
	Scopes    []string // a user's token needs one of these; empty: no user is let in
	AppRoles  []string // an app-only token needs one of these; empty: no app is let in by itself

	// V1Issuer and V2Issuer replace the issuers of the authority's cloud, with "{tenantid}" where the tenant belongs; "":
	// as they are. An authority that is no known cloud and has none given is asked for them.
	V1Issuer, V2Issuer string

	// SigningKeyAppID is the client id of an API whose tokens are signed with a key of its own (claims mapping): Entra
	// shows that key only to who asks with ?appid=. "" for all others.
	SigningKeyAppID string

	RefuseGuests bool
	Leeway       time.Duration // on nbf and iat, at most two minutes; exp has none
	KeepClaims   []string      // names of claims to hand on in Subject.Claims, ASCII; at most 4 KiB each

	// CacheSize is how many verified tokens are remembered; 0: none. Together they take 4 KiB for each at
	// most, so a few large ones push out many.
	CacheSize int

	HTTPClient *http.Client     // nil: NewHTTPClient(). Redirects are not followed, whatever it says
	Now        func() time.Time // nil: time.Now
}

// ConfigError is one fault of a Config. New returns every fault there is, joined (errors.Join).
type ConfigError struct {
	Field string // of Config, such as "KeepClaims"
	Err   error  // what is wrong with it
}

// Error names the field in words.
func (e *ConfigError) Error() string {
	var name strings.Builder
	for i, r := range e.Field {
		if i > 0 && unicode.IsUpper(r) {
			name.WriteByte(' ')
		}
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String() + ": " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

// wrong is a ConfigError of a field, nil without a fault.
func wrong(field string, err error) error {
	if err == nil {
		return nil
	}
	return &ConfigError{field, err}
}

// policy is a Config that was checked, in the form the checks read it.
type policy struct {
	audiences, clients, scopes, appRoles []string
	refuseGuests                         bool
	leeway                               time.Duration
	keep                                 keepList
}

// compile checks everything at once; the error names each fault.
func (c Config) compile() (policy, error) {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, wrong(field, fmt.Errorf(format, args...)))
	}

	if len(c.Tenants)+len(c.Issuers) == 0 {
		fault("Tenants", "want at least one, or an issuer")
	}
	if len(c.Audiences) == 0 {
		fault("Audiences", "want at least one")
	}
	for _, audience := range c.Audiences {
		if !isWord(audience) {
			fault("Audiences", "%q is empty or holds a space", audience)
		} else if reason := audienceOfOthers(audience); reason != "" {
			fault("Audiences", "%q belongs to a Microsoft API; its tokens are not meant for us", audience)
		}
	}
	faults = append(faults, words("Scopes", c.Scopes), words("AppRoles", c.AppRoles))
	clients, err := guids("Clients", c.Clients)
	faults = append(faults, err)
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		fault("Leeway", "%s is not between 0s and %s", c.Leeway, maxLeeway)
	}
	if c.CacheSize < 0 || c.CacheSize > maxCacheSize {
		fault("CacheSize", "%d is not between 0 and %d", c.CacheSize, maxCacheSize)
	}
	keep, err := newKeepList(c.KeepClaims)
	faults = append(faults, err)

	return policy{
		audiences: slices.Clone(c.Audiences), clients: clients, scopes: slices.Clone(c.Scopes),
		appRoles: slices.Clone(c.AppRoles), refuseGuests: c.RefuseGuests, leeway: c.Leeway, keep: keep,
	}, errors.Join(faults...)
}

// words returns a fault for each text that is none, or nil.
func words(field string, texts []string) error {
	var faults []error
	for _, text := range texts {
		if !isWord(text) {
			faults = append(faults, wrong(field, fmt.Errorf("%q is empty or holds a space", text)))
		}
	}
	return errors.Join(faults...)
}

func guids(field string, texts []string) ([]string, error) {
	var faults []error
	lower := make([]string, 0, len(texts))
	for _, text := range texts {
		id, ok := guid(text)
		if !ok {
			faults = append(faults, wrong(field, fmt.Errorf("%q is not a GUID", text)))
		}
		lower = append(lower, id)
	}
	return lower, errors.Join(faults...)
}

func isWord(text string) bool { return text != "" && !strings.ContainsAny(text, " \t\r\n") }

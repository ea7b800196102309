package issuer

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
)

// Config says what tokens look like.
type Config struct {
	URL      string        // iss, byte for byte what engines and clients compare; no trailing slash
	Audience string        // the one aud
	TTL      time.Duration // lifetime at most: whole seconds, 1 s to 1 h

	ClaimsNamespace     string // the member that holds Hasura's claims, or
	ClaimsNamespacePath string // a path to them such as $.hasura; see NamespaceSegments
	StringifiedClaims   bool   // the namespace is JSON text in a string (v2: claims_format stringified_json)
	ArrayFormat         ArrayFormat
	SessionClaims       []SessionClaim

	Remember int // how many decisions are remembered, with the tokens that were minted by them: 0 (none) to 1000000

	Limiter Limiter          // nil: nothing is too often
	Policy  Policy           // asked before a token is minted; nil: nobody is
	Journal Journal          // keeps account; nil: nobody does
	Now     func() time.Time // nil: time.Now
}

// ConfigError is one fault of a Config.
type ConfigError struct {
	Field string // of Config, such as "ClaimsNamespacePath"
	Err   error  // what is wrong, a sentence
}

// Error is the sentence.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

func wrong(field, format string, args ...any) error {
	return &ConfigError{field, fmt.Errorf(format, args...)}
}

// Validate returns all faults, each a *ConfigError, joined (errors.Join); nil when there is none.
func (c Config) Validate() error {
	_, err := c.compile()
	return err
}

// compile returns the segments that lead to Hasura's claims.
func (c Config) compile() ([]string, error) {
	segments, err := c.segments()
	return segments, errors.Join(err, c.check(), c.checkSessionClaims())
}

// segments is NamespaceSegments, and wants a member for stringified claims to stand in.
func (c Config) segments() ([]string, error) {
	segments, err := NamespaceSegments(c.ClaimsNamespace, c.ClaimsNamespacePath)
	switch {
	case err != nil && c.ClaimsNamespacePath != "":
		return nil, &ConfigError{"ClaimsNamespacePath", err}
	case err != nil:
		return nil, &ConfigError{"ClaimsNamespace", err}
	case len(segments) == 0 && c.StringifiedClaims:
		return nil, wrong("StringifiedClaims", "stringified claims need a member to stand in: the namespace path cannot be $")
	}
	return segments, nil
}

// New checks the whole configuration and returns an Issuer. Without groups (nil) a caller whose token leaves groups out
// gets ReasonGroupsUnavailable, if grants speak of groups at all. The error names every fault, a sentence each, as Validate
// does.
func New(c Config, verifier Verifier, groups Groups, roles Roles, signer Signer) (*Issuer, error) {
	segments, err := c.compile()
	if err != nil {
		return nil, err
	}
	if verifier == nil || roles == nil || signer == nil {
		return nil, errors.New("a verifier, roles and a signer are needed")
	}
	now := c.Now
	if now == nil {
		now = time.Now
	}
	limiter := c.Limiter
	if limiter == nil {
		limiter = noLimits{}
	}
	if groups == nil {
		groups = noGroups{}
	}
	return &Issuer{
		audience: c.Audience,
		terms:    terms{ttl: c.TTL, sessionClaims: c.SessionClaims},
		form:     c.form(segments),
		limiter:  limiter,
		policy:   c.Policy,
		journal:  c.Journal,
		now:      now, verifier: verifier, groups: groups, roles: roles, signer: signer,
		earlier: bounded.New[earlier](c.Remember, c.Remember*bytesPerDecision),
	}, nil
}

func (c Config) form(segments []string) form {
	return form{issuer: c.URL, audience: c.Audience, segments: segments, stringified: c.StringifiedClaims, arrays: c.ArrayFormat}
}

func (c Config) check() error {
	var faults []error
	want := func(ok bool, field, sentence string) {
		if !ok {
			faults = append(faults, &ConfigError{field, errors.New(sentence)})
		}
	}
	want(c.URL != "" && !strings.HasSuffix(c.URL, "/"), "URL", "the issuer's URL must be set and must not end in a slash")
	want(c.Audience != "", "Audience", "the token audience must be set")
	want(c.TTL >= time.Second && c.TTL <= time.Hour && c.TTL%time.Second == 0, "TTL", "the token lifetime must be whole seconds, from 1s to 1h")
	want(c.ArrayFormat == ArrayPostgres || c.ArrayFormat == ArrayJSON, "ArrayFormat", "the array format must be postgres or json")
	want(c.Remember >= 0 && c.Remember <= 1_000_000, "Remember", fmt.Sprintf("%d is not between 0 and 1000000", c.Remember))
	return errors.Join(faults...)
}

func (c Config) checkSessionClaims() error {
	var faults []error
	seen := map[string]bool{}
	for _, s := range c.SessionClaims {
		switch {
		case !isVariable(s.Variable):
			faults = append(faults, wrong("SessionClaims", "%q cannot be a session variable: it must be x-hasura- and lower-case letters, digits and -, and not one of the reserved names", s.Variable))
		case seen[s.Variable]:
			faults = append(faults, wrong("SessionClaims", "the session variable %s is set from two claims", s.Variable))
		case s.Claim == "":
			faults = append(faults, wrong("SessionClaims", "the session variable %s names no claim", s.Variable))
		}
		seen[s.Variable] = true
	}
	return errors.Join(faults...)
}

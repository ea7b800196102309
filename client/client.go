// Package client calls Hasura for a program that holds Microsoft Entra tokens: it exchanges them at a hasura-issuer, keeps the
// Hasura token in memory for as long as it is good, and puts it on requests to the engine.
//
//	source, err := client.New(client.Config{
//		Issuer:       "https://auth.example.com",
//		SubjectToken: client.FromOAuth2(entra.TokenSource(ctx)), // such as clientcredentials.Config's
//	})
//	engine := &http.Client{Transport: &client.Transport{Source: source, Host: "graphql.example.com"}}
//
// A [Source] is also an [oauth2.TokenSource], for libraries that want one.
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Config says where tokens come from.
type Config struct {
	// Issuer is the base URL of the hasura-issuer, https://auth.example.com. Plain http is for this machine only.
	Issuer string
	// SubjectToken returns an Entra access token for the issuer's API (RFC 8693 §2.1). It is called for each exchange, never twice at
	// a time, with a ctx that ends after 30 s; of a call that takes longer, the next exchange waits for the token. It keeps what it
	// holds by its own rules. [FromOAuth2] makes one.
	SubjectToken func(ctx context.Context) (string, error)
	// Roles narrows the token to these. None: all that the caller holds.
	Roles []string
	// HTTPClient reaches the issuer; nil: one with a time limit of 15 s. Redirects are never followed: the next server would get
	// the subject token.
	HTTPClient *http.Client
	// Patience is how long a call may wait in all where the issuer asks to come back later (429, 503); zero: 10 s, less than
	// zero: not at all.
	Patience time.Duration
}

// FromOAuth2 has subject tokens come from an [oauth2.TokenSource], such as that of the client credentials flow.
func FromOAuth2(source oauth2.TokenSource) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
}

// Source has a Hasura token ready. It is safe for concurrent use: however many ask, one exchange is under way at a time.
//
// A token is renewed when four fifths of its life are over, a little earlier or later so that many programs do not come at once.
// Who asks then gets the old one, which is still good, while the new one is fetched. No goroutine runs while nobody asks.
type Source struct {
	config   Config
	endpoint string
	http     *http.Client
	asking   chan subject // the call of SubjectToken that has not been answered; the flight's

	mu      sync.Mutex
	token   *oauth2.Token
	since   time.Time // the token is there
	renewAt time.Time
	flight  *flight
	failure error     // of the last exchange; nil: it succeeded
	pause   time.Time // before which no other try is made
	inARow  int       // failures
}

// flight is an exchange that is under way.
type flight struct{ landed chan struct{} }

// New checks a Config and returns a Source. It does no I/O: the first call for a token does.
func New(config Config) (*Source, error) {
	endpoint, err := endpointOf(config.Issuer)
	if err != nil {
		return nil, err
	}
	if config.SubjectToken == nil {
		return nil, errors.New("client: SubjectToken is nil; it wants a function that returns an Entra access token")
	}
	for _, role := range config.Roles {
		if role == "" || strings.ContainsAny(role, " \t\r\n") {
			return nil, fmt.Errorf("client: Roles has %q; it wants names of roles", role)
		}
	}
	switch {
	case config.Patience == 0:
		config.Patience = defaultPatience
	case config.Patience < 0:
		config.Patience = 0
	}
	return &Source{config: config, endpoint: endpoint, http: unredirected(config.HTTPClient)}, nil
}

const (
	defaultPatience = 10 * time.Second
	defaultTimeout  = 15 * time.Second
)

// endpointOf returns the token endpoint of an issuer.
func endpointOf(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("client: Issuer is no base URL; it wants one such as https://auth.example.com")
	case u.Scheme != "https" && (u.Scheme != "http" || !isThisMachine(u.Hostname())):
		return "", errors.New("client: Issuer wants https, since Entra tokens are sent there; http is for this machine only")
	}
	return strings.TrimRight(issuer, "/") + "/oauth2/token", nil
}

func isThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// unredirected returns a client that goes where it is sent and no further.
func unredirected(given *http.Client) *http.Client {
	own := http.Client{Timeout: defaultTimeout}
	if given != nil {
		own = *given
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

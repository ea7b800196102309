package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/hasura/probe"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

const (
	sampleRole = "issuer_check" // no engine gives it anything
	sampleLife = time.Minute    // of the tokens that an engine is tried with
	sampleLate = 1 * time.Hour  // how long ago the one ran out that did
	nowhere    = "https://issuer-check.invalid"
)

// engineTry is the engine to be tried.
type engineTry struct {
	url       string // "": none
	role      string // of the tokens
	knowsRole bool
}

func (c *checkCmd) engineTry(s settings) (engineTry, error) {
	if c.HasuraRole == "" {
		return engineTry{c.HasuraURL, sampleRole, false}, nil
	}
	if _, err := issuerConfig(s).Sample(c.HasuraRole, "", time.Now()); err != nil {
		return engineTry{}, usageError{fmt.Errorf("--hasura-role: %w", err)}
	}
	return engineTry{c.HasuraURL, c.HasuraRole, true}, nil
}

// checkEngine holds the flags for an engine against each other, and what they name to its form.
func (c *checkCmd) checkEngine() error {
	switch {
	case c.HasuraRole != "" && c.HasuraURL == "":
		return usagef("--hasura-role says with which role to try the engine of --hasura-url, which is missing")
	case c.HasuraURL != "" && !c.Online:
		return usagef("--hasura-url asks a running engine, which only --online does")
	case c.HasuraURL == "":
		return nil
	}
	u, err := url.Parse(c.HasuraURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return usagef("--hasura-url wants the engine's base URL, such as https://hasura.example.com, without credentials or a query; an admin secret is never asked for")
	}
	return nil
}

// hasura tries a running engine with tokens that the ring signs for nobody.
func (a *attempt) hasura(ctx context.Context, pool *pgxpool.Pool, ring *keys.State) []finding {
	if a.engine.url == "" {
		return nil
	}
	var all []finding
	var tokens *probe.Tokens
	if ring != nil {
		var minted finding
		tokens, minted = a.samples(ctx, pool)
		all = append(all, minted)
	}
	engine := probe.Engine{URL: a.engine.url, Client: idp.NewHTTPClient(), KnowsRole: a.engine.knowsRole}
	for _, f := range engine.Check(ctx, tokens) {
		all = append(all, finding{Name: "hasura", Of: f.Of, Status: status(f.Status), Detail: f.Detail, Code: f.Code, Cure: f.Cure})
	}
	return all
}

// samples mints what an engine is tried with, and says so: whoever reads the engine's log can tell them by their jti.
func (a *attempt) samples(ctx context.Context, pool *pgxpool.Pool) (*probe.Tokens, finding) {
	tokens := &probe.Tokens{Role: a.engine.role}
	name := "issuer-check-" + rand.Text()[:12]
	kid, err := a.mint(ctx, pool, tokens, name)
	if err != nil {
		return nil, found("hasura", "tokens", "", fmt.Errorf("none could be minted: %w", err))
	}
	return tokens, found("hasura", "tokens", fmt.Sprintf("minted 4 for the role %s of nobody (all ids are zeros), signed by %s, whose jti begins with %s; they live for %v at most, and only one is to be taken",
		tokens.Role, kid, name, sampleLife), nil)
}

// mint has the ring sign the tokens, and names the key.
func (a *attempt) mint(ctx context.Context, pool *pgxpool.Pool, tokens *probe.Tokens, name string) (kid string, err error) {
	ring, err := a.signer(ctx, pool)
	if err != nil {
		return "", err
	}
	usual, now := issuerConfig(a.settings), time.Now()
	usual.TTL = sampleLife
	elsewhere, others := usual, usual
	elsewhere.URL, others.Audience = nowhere, nowhere
	for _, sample := range []struct {
		as     string
		config issuer.Config
		at     time.Time
		into   *string
	}{
		{"good", usual, now, &tokens.Good},
		{"issuer", elsewhere, now, &tokens.OtherIssuer},
		{"audience", others, now, &tokens.OtherAudience},
		{"expiry", usual, now.Add(-sampleLate), &tokens.Expired},
	} {
		payload, err := sample.config.Sample(tokens.Role, name+"-"+sample.as, sample.at)
		if err != nil {
			return "", err
		}
		if *sample.into, kid, err = ring.Sign(ctx, payload); err != nil {
			return "", err
		}
	}
	return kid, nil
}

// signer is the ring as a replica holds it that leaves no trace. It needs no longer promises than its own tokens do.
func (a *attempt) signer(ctx context.Context, pool *pgxpool.Pool) (*keys.Ring, error) {
	sealer, err := a.settings.newSealer(a.program.azure)
	if err != nil {
		return nil, err
	}
	if err := sealer.Fetch(ctx); err != nil {
		return nil, err
	}
	store := readOnly{func(ctx context.Context) (keys.State, error) { return a.loadRing(ctx, pool) }}
	policy := a.settings.keysPolicy()
	policy.TTL = sampleLife
	ring, err := keys.NewRing(keys.RingConfig{Store: store, Sealer: sealer, Policy: policy})
	if err != nil {
		return nil, err
	}
	return ring, ring.Sync(ctx)
}

// readOnly is the ring's store for a command that must not change it.
type readOnly struct {
	load func(context.Context) (keys.State, error)
}

// Load is keys.Store's.
func (s readOnly) Load(ctx context.Context) (keys.State, error) { return s.load(ctx) }

// Update is keys.Store's. A ring only wants it here for a promise that no replica has made with these settings yet.
func (readOnly) Update(context.Context, func(keys.State) (keys.Change, error)) (keys.State, error) {
	return keys.State{}, errors.New("no replica has signed with these settings yet: start the service first")
}

// Witness is keys.Store's.
func (readOnly) Witness(context.Context, []keys.Witness) error { return nil }

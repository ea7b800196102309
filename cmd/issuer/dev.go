package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

type devCmd struct {
	TLS   string `name:"tls" placeholder:"FILE" help:"Serve the fake tenant over TLS, as Microsoft's libraries want it, and write the certificate of its authority to FILE."`
	Chaos bool   `help:"Let whoever reaches the fake tenant break it, by requests to /chaos: slow, failing and truncated answers, key rollovers, a wrong clock and more."`
}

// devRoles is the roles file that `issuer dev` grants its personas.
//
//go:embed dev_roles.yaml
var devRoles []byte

func (c *devCmd) Run(ctx context.Context, p *program) error {
	address, err := devListenAddress(p.environ)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, "ISSUER_LISTEN", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	entra, err := listenBeside(ctx, "the fake tenant", listener.Addr().(*net.TCPAddr), 1)
	if err != nil {
		return err
	}
	defer entra.Close()
	admin, err := devAdmin(ctx, p.environ, listener.Addr().(*net.TCPAddr))
	if err != nil {
		return err
	}
	defer admin.Close()
	d := dev{out: p.stdout, ownURL: "http://" + listener.Addr().String(), entraURL: "http://" + entra.Addr().String(), adminURL: "http://" + admin.Addr().String(), chaos: c.Chaos}
	if c.TLS != "" {
		d.entraURL = "https://" + entra.Addr().String()
	}
	d.settings, err = devSettings(p.environ, d.ownURL, d.entraURL)
	if err != nil {
		return err
	}
	d.level = openLog(d.settings, p.stderr, p.colour)
	d.log = d.level.logger().Hook(&d.greeted)
	d.loops = append(d.loops, d.level.loop(p.toggles))
	if d.tenant, err = faketenant.New(faketenant.Options{Authority: d.entraURL, Chaos: c.Chaos, Key: p.rsaKey}); err != nil {
		return fmt.Errorf("fake tenant: %w", err)
	}
	if c.TLS != "" {
		entra = d.overTLS(entra)
		if err := d.writeCA(c.TLS); err != nil {
			return err
		}
	}
	defer d.close()
	if err := d.build(ctx); err != nil {
		return err
	}
	return d.run(ctx, listener, entra, admin)
}

// devTenant are the settings that name the tenant, and us in it. That is the fake one whatever they say.
var devTenant = []string{
	"ISSUER_ENTRA_AUTHORITY", "ISSUER_ENTRA_TENANTS", "ISSUER_ENTRA_AUDIENCES", "ISSUER_ENTRA_ISSUERS", "ISSUER_ENTRA_ISSUER_V1",
	"ISSUER_ENTRA_ISSUER_V2", "ISSUER_ENTRA_SIGNING_KEY_APP", "ISSUER_ENTRA_CLIENT_ID", "ISSUER_ENTRA_MANAGED_IDENTITY",
	"ISSUER_ENTRA_CLIENT_SECRET", "ISSUER_ENTRA_CLIENT_SECRET_FILE", "ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE",
}

// devOwn are the settings that dev answers itself: its stores live in memory and its tenant is the fake one. To set one
// of them is a mistake worth a word.
var devOwn = []string{"ISSUER_DATABASE_URL", "ISSUER_DATABASE_URL_FILE", "ISSUER_REDIS_URL", "ISSUER_REDIS_URL_FILE", "ISSUER_KEYS_FILE", "ISSUER_ROLES_FILE"}

// devUnlimited are the limits that dev has only where they are set: one developer's tests are many callers at one address.
var devUnlimited = []string{"ISSUER_RATE_LIMIT_IP", "ISSUER_RATE_LIMIT_FAILURES", "ISSUER_RATE_LIMIT_SUBJECT"}

// devSettings reads the listen, token, claims and policy settings of environ and fills in the rest.
func devSettings(environ []string, baseURL, entraURL string) (settings, error) {
	given := env.ToMap(environ)
	for _, name := range devOwn {
		if given[name] != "" {
			return settings{}, usagef("%s is set, but issuer dev keeps roles and keys in memory; unset it, or run issuer serve", name)
		}
	}
	own := []string{
		"ISSUER_ENTRA_AUTHORITY=" + entraURL,
		"ISSUER_ENTRA_TENANTS=" + faketenant.TenantID,
		"ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID + ",api://" + faketenant.APIClientID,
	}
	if given["ISSUER_ENTRA_APP_ROLES"] == "" {
		own = append(own, "ISSUER_ENTRA_APP_ROLES=Hasura.Exchange")
	}
	if given["ISSUER_URL"] == "" {
		own = append(own, "ISSUER_URL="+baseURL)
	}
	if given["ISSUER_LOG_FORMAT"] == "" {
		own = append(own, "ISSUER_LOG_FORMAT=console")
	}
	for _, name := range devUnlimited {
		if given[name] == "" {
			own = append(own, name+"=0")
		}
	}
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(devTenant, name) {
			own = append(own, pair)
		}
	}
	s, err := load(own, needURL|needEntra)
	if err != nil {
		return settings{}, err
	}
	s.DrainDelay = 0 // nobody waits for Ctrl-C
	if !isLoopbackURL(s.URL) {
		return settings{}, usagef("ISSUER_URL is %s, but issuer dev runs on loopback only; unset it", shown(s.URL))
	}
	return s, nil
}

// dev is the whole development program: a service on the fake tenant, and the words it greets with.
type dev struct {
	service
	tenant   *faketenant.Tenant
	ownURL   string // where it listens, whatever ISSUER_URL calls it
	entraURL string
	adminURL string
	caFile   string // the certificate of the authority behind entraURL; "" without TLS
	chaos    bool
	out      io.Writer
	greeted  quietUntil
}

// quietUntil is a hook that holds a log's everyday lines back until it is set: the greeting comes first, and the exchange
// that it shows is our own.
type quietUntil struct{ atomic.Bool }

// Run is zerolog.Hook's.
func (q *quietUntil) Run(e *zerolog.Event, level zerolog.Level, _ string) {
	if level <= zerolog.InfoLevel && !q.Load() {
		e.Discard()
	}
}

func (d *dev) build(ctx context.Context) error {
	d.replica, d.metrics = replicaName(), newMetrics(d.settings.RelyingParties)
	if err := d.openTracing(ctx); err != nil {
		return err
	}
	document, err := rolestore.ParseDocument(devRoles, d.settings.roleRules())
	if err != nil {
		return fmt.Errorf("roles of issuer dev: %w", err)
	}
	memory := rolestore.NewMemory(document)
	d.roles, d.source = memory, memory
	if err := d.openPolicy(ctx); err != nil {
		return err
	}
	if err := d.openAudit(ctx, nil); err != nil {
		return err
	}
	config := idpConfig(d.settings)
	config.HTTPClient = d.azure
	verifier, err := idp.New(config)
	if err != nil {
		return usageError{err}
	}
	ring := newDevRing(d.settings.keysPolicy())
	d.now = ring.clock.now
	if err := d.assemble(verifier, ring.store, nil); err != nil {
		return err
	}
	ring.sync = d.ring.Sync
	if err := d.openAdmin(nil, ring.store); err != nil {
		return err
	}
	return d.openPlayground(document, ring)
}

// run serves the tenant and the issuer until ctx ends; it greets once both answer.
func (d *dev) run(ctx context.Context, listener, entra, admin net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 3)
	start := func(f func() error) {
		go func() {
			err := f()
			if err != nil {
				cancel(err)
			}
			ended <- err
		}()
	}
	quiet := zerolog.Nop()
	start(func() error {
		return serveHTTP(ctx, seats{Listener: entra}, newServer(adminapi.ByOurName(d.tenant), quiet), noDrain)
	})
	if err := errors.Join(d.ring.Sync(ctx), d.verifier.Refresh(ctx)); err != nil {
		return err
	}
	start(func() error { return d.service.run(ctx, listener, admin) })
	start(func() error { return d.greet(ctx) })
	return errors.Join(<-ended, <-ended, <-ended)
}

// greet exchanges one token over HTTP as a stranger would, and prints how.
func (d *dev) greet(ctx context.Context) error {
	text, err := d.greeting(ctx, &http.Client{Timeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("first exchange: %w", err)
	}
	_, err = d.out.Write([]byte(text))
	d.greeted.Store(true)
	return err
}

// isLoopbackURL reports whether the host of raw, a base URL that was checked, is this machine.
func isLoopbackURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && isLoopback(u.Hostname())
}

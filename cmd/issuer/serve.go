package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"
)

type serveCmd struct{}

func (c *serveCmd) Run(ctx context.Context, p *program) error {
	go readRoots()
	pace := paced(p.environ)
	s, err := loadService(p.environ)
	if err != nil {
		return err
	}
	svc, err := newService(ctx, s, p)
	if err != nil {
		return err
	}
	defer svc.close()
	svc.loops = append(svc.loops, svc.level.loop(p.toggles))
	svc.loops = append(svc.loops, pace...)
	listener, err := listen(ctx, "ISSUER_LISTEN", s.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	admin, err := listen(ctx, "ISSUER_ADMIN_LISTEN", s.AdminListen)
	if err != nil {
		return err
	}
	b := thisBuild()
	svc.log.Info().Str("address", listener.Addr().String()).Str("admin_address", admin.Addr().String()).Str("url", s.URL).
		Str("replica", svc.replica).Str("version", b.Version).Str("commit", b.Commit).Msg("listening")
	err = svc.run(ctx, listener, admin)
	svc.log.Info().Msg("stopped")
	return err
}

// readRoots has this machine's certificates read and kept by crypto/x509, beside the rest of the start. The first connection
// to Entra would do that otherwise, and everybody's first request would wait for it. That connection fails by the same error.
func readRoots() { _, _ = x509.SystemCertPool() }

// maxConnections bounds what strangers can make us hold at once, before any of them is known: a request costs some 250 KiB, of
// 32 KiB of head in maxLines, 64 KiB of body and what grows around them. Who comes later waits in the kernel's queue; see
// maxQuiet for who makes way. It also lies below the usual limit of open files, so that Postgres and Entra can always be reached.
const maxConnections = 2048

// listen opens the address that a setting names.
func listen(ctx context.Context, setting, address string) (net.Listener, error) {
	return listenAtMost(ctx, maxConnections, setting, address)
}

// listenAtMost is listen for so many connections at once.
func listenAtMost(ctx context.Context, most int, setting, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %w; set %s to move it", setting, err, setting)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return netutil.LimitListener(listener, most), nil
}

// run serves on listener, and for operators on admin if there is one, until ctx ends. Then it stops in reverse: not ready
// any more, open requests finished, loops ended, the metrics of that last.
func (svc *service) run(ctx context.Context, listener, admin net.Listener) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	for _, l := range svc.loops {
		loops.Go(func() {
			l.run(background, func(err error) { svc.report(l, err) })
		})
	}
	if admin != nil {
		handler := svc.api.AdminHandler(svc.metricsOn(admin), svc.operationsOn(admin, background.Done()))
		loops.Go(func() {
			if err := serveHTTP(background, seats{Listener: admin}, newServer(svc.withConsole(admin, handler), svc.log), noDrain); err != nil {
				svc.log.Error().Err(err).Msg("admin listener")
			}
		})
	}
	defer loops.Wait()
	defer stop()
	drain := func() time.Duration {
		svc.api.Drain()
		svc.log.Info().Dur("delay_ms", svc.settings.DrainDelay).Msg("draining")
		return svc.settings.DrainDelay
	}
	return serveHTTP(ctx, seats{listener, svc.api.TurnAway}, newServer(svc.before(svc.api.Handler()), svc.log, svc.settings.proxies()...), drain)
}

// before has the front answer first, where there is one.
func (svc *service) before(next http.Handler) http.Handler {
	if svc.front == nil {
		return next
	}
	return svc.front(next)
}

// report logs what a loop has to say.
func (svc *service) report(l loop, err error) {
	if err == nil {
		svc.log.Info().Str("part", l.name).Msg("all is well again")
		return
	}
	svc.log.Warn().Err(err).Str("part", l.name).Msg(l.trouble)
}

// drainTime bounds how long open requests may take once we were told to stop. It lies above the handlers' own deadline.
const drainTime = 10 * time.Second

// noDrain is for a server that no balancer looks at.
func noDrain() time.Duration { return 0 }

// serveHTTP serves until ctx ends, calls drain, goes on for as long as that says, so that balancers see that we are not
// ready before we are gone, and waits for open requests. A server that dies by itself is an error.
func serveHTTP(ctx context.Context, listener net.Listener, server *http.Server, drain func() time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(drain()):
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop: %w", err), server.Close())
	}
	return nil
}

// The times that a server gives its clients.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 15 * time.Second // lies above the handlers' own deadline, which is 8 s
	idleTimeout       = 75 * time.Second // longer than the 60 s of most balancers, which must not send into a closing connection
)

// newServer bounds what a client may cost before a handler sees it: slow headers, slow bodies, idle connections and long
// headers; a seat bounds their number.
func newServer(handler http.Handler, log zerolog.Logger, trusted ...netip.Prefix) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    28 << 10, // net/http reads 4 KiB more than it is told
		// OPTIONS * is answered like any other path that is none.
		DisableGeneralOptionsHandler: true,
		ConnState:                    (&quiet{room: maxQuiet, last: lastQuiet, trusted: trusted}).changed,
		ErrorLog:                     stdlog.New(serverLog{log}, "", 0),
	}
}

// serverLog takes what net/http itself has to complain of: a client that vanished in its request as a debug line, and a panic
// that no route has caught as an error.
type serverLog struct{ log zerolog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("http: panic serving ")) {
		l.log.Error().Strs("places", places(string(line))).Msg("panic outside of a route")
		return len(line), nil
	}
	l.log.Debug().Str("detail", string(bytes.TrimSpace(line))).Msg("http server")
	return len(line), nil
}

// places are the files and lines of a stack as the runtime writes it. Beside them are what the panic holds and the words that
// functions were called with: of a request, or of a key.
func places(trace string) []string {
	_, stack, _ := strings.Cut(trace, "\ngoroutine ")
	var list []string
	for line := range strings.Lines(stack) {
		if place, is := strings.CutPrefix(line, "\t"); is {
			list = append(list, strings.TrimSpace(place))
		}
	}
	return list
}

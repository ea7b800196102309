package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ward holds the servers of a client that were given up, and asks each of them
// from time to time, in a goroutine of its own, whether it is back.
type ward struct {
	report func(error) // called under mu, so that reports come in order
	pace   pace
	ctx    context.Context // ends with the client
	cancel context.CancelFunc
	pings  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	sick   map[*breaker]error // and what was wrong with it last
}

func newWard(report func(error), p pace) *ward {
	ctx, cancel := context.WithCancel(context.Background())
	return &ward{report: report, pace: p, ctx: ctx, cancel: cancel, sick: make(map[*breaker]error)}
}

// breaker returns a hook for a server.
func (w *ward) breaker(server *redis.Client) *breaker { return &breaker{ward: w, server: server} }

// giveUp notes why a server is given up and waits for it in the background.
func (w *ward) giveUp(b *breaker, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.sick[b] = err
	w.report(fmt.Errorf("%s (%s); commands fail at once until it answers a PING: %w", sentence(err), b.server.Options().Addr, err))
	w.pings.Go(func() { w.await(b) })
}

// await returns when the server answers, or is no longer one of the client's.
func (w *ward) await(b *breaker) {
	for w.sleep() {
		err := b.ping(w.ctx)
		if err == nil || errors.Is(err, redis.ErrClosed) {
			w.release(b)
			return
		}
		w.mu.Lock()
		w.sick[b] = err
		w.mu.Unlock()
	}
}

// sleep waits for a pause and tells whether the client is still open.
func (w *ward) sleep() bool {
	timer := time.NewTimer(w.pace.pause())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ctx.Done():
		return false
	}
}

func (w *ward) release(b *breaker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.trust()
	delete(w.sick, b)
	if len(w.sick) == 0 {
		w.report(nil)
	}
}

func (w *ward) health() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sick) == 0 {
		return nil
	}
	var sentences []string
	for _, err := range w.sick {
		sentences = append(sentences, sentence(err))
	}
	slices.Sort(sentences)
	return errors.New(strings.Join(slices.Compact(sentences), ", "))
}

func (w *ward) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	w.pings.Wait()
}

// sentence says of an error what anybody may read.
func sentence(err error) string {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, answer := errors.AsType[redis.Error](err)
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case redis.IsAuthError(err):
		return "Redis refuses the user or password"
	case redis.IsLoadingError(err):
		return "Redis is loading its data"
	case certificate:
		return "the certificate of Redis is not trusted"
	case answer:
		return "Redis refuses the connection"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), isNetwork && network.Timeout():
		return "Redis does not answer in time"
	}
	return "Redis cannot be reached"
}

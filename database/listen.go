package database

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNoNotifications is reported by Listen when Postgres takes LISTEN and then
// nothing arrives. Its text is for the operator.
var ErrNoNotifications = errors.New("notifications do not come through, as behind a transaction pooler: " +
	"changes are seen within 15 s instead of at once; connect to Postgres itself or use session pooling")

// Listen calls wake with the name of a channel when somebody has notified it
// (Postgres NOTIFY), until ctx ends; then it returns. It listens on a connection
// of its own, beside those of the pool, and renews it when it is lost.
//
// A notification is a hint that may come late, twice or not at all: after every
// connection wake is called once for each channel, since something may have been
// missed, and while there is none it is not called. So whoever is woken asks the
// database what is new, and also asks it from time to time without being woken.
// Payloads are not handed on: anybody who may connect can send them.
//
// report is told why the connection was lost or could not be made, once for each
// reason in a row, and ErrNoNotifications once until notifications come through
// again. Both are called by the goroutine of Listen and must return at once, or
// they hold up what follows.
func Listen(ctx context.Context, pool *pgxpool.Pool, channels []string, wake func(channel string), report func(error)) {
	listen(ctx, pool, channels, wake, report, usualPace)
}

// pace is how long a listener waits for what.
type pace struct {
	silence time.Duration // without a notification, before the connection is tried
	answer  time.Duration // for each step of connecting, and for the answer to a trial
	deaf    time.Duration // before the next attempt where notifications do not come through
	retry   time.Duration // before the first attempt to connect again; doubles up to maxRetry
	max     time.Duration
}

var usualPace = pace{
	silence: 15 * time.Second,
	answer:  5 * time.Second,
	deaf:    time.Minute,
	retry:   time.Second,
	max:     15 * time.Second,
}

// pause returns how long to wait after so many failures in a row: between half
// and all of retry doubled each time, so that replicas do not come all at once.
func (p pace) pause(failures int) time.Duration {
	longest := p.retry
	for range failures - 1 {
		if longest *= 2; longest >= p.max {
			longest = p.max
			break
		}
	}
	return longest/2 + rand.N(longest/2) //nolint:gosec // G404: spreads load, keeps no secret
}

func listen(ctx context.Context, pool *pgxpool.Pool, channels []string, wake func(string), report func(error), p pace) {
	l := &listener{
		pool: pool, channels: channels, wake: wake, report: report, pace: p,
		private: "issuer_listener_" + newNonce(),
	}
	for ctx.Err() == nil {
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		l.tell(err)
		wait := p.deaf
		if !errors.Is(err, ErrNoNotifications) {
			l.failures++
			wait = p.pause(l.failures)
		}
		sleep(ctx, wait)
	}
}

// listener is one call of Listen. Only its goroutine uses it.
type listener struct {
	pool     *pgxpool.Pool
	channels []string
	wake     func(string)
	report   func(error)
	pace     pace
	private  string // the channel of trials, which no other process listens on

	failures int    // to connect, in a row
	told     string // the last error that was reported, until all is well
	deaf     bool   // ErrNoNotifications was reported, and nothing came through since
}

// tell reports an error unless that is what was reported last.
func (l *listener) tell(err error) {
	if errors.Is(err, ErrNoNotifications) {
		if !l.deaf {
			l.report(err)
		}
		l.deaf = true
		return
	}
	if err.Error() != l.told {
		l.report(err)
	}
	l.told = err.Error()
}

// heard notes that notifications come through.
func (l *listener) heard() { l.failures, l.told, l.deaf = 0, "", false }

// newNonce returns what nobody else can have said, also fit for an identifier.
func newNonce() string { return strings.ToLower(cryptorand.Text()) }

// sleep waits, or less long if ctx ends.
func sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

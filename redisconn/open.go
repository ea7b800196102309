// Package redisconn answers one question: is Redis there? It reads the URL,
// bounds what a command may cost, and stops asking a server that does not
// answer until it does again. What is kept in Redis is known to its users alone.
package redisconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// pace is how long may be waited for what.
type pace struct {
	// command bounds a command with all that belongs to it: waiting for a
	// connection, opening one, asking a cluster for its nodes, being redirected.
	command time.Duration
	// dial bounds opening a connection, TLS included. It goes on when the command
	// that wanted it has given up, and serves the next one.
	dial time.Duration
	// io bounds one write, one read and the wait for a free connection.
	io time.Duration
	// pause is the wait before each PING to a server that was given up.
	pause func() time.Duration
}

var usualPace = pace{
	command: 250 * time.Millisecond,
	dial:    250 * time.Millisecond,
	io:      100 * time.Millisecond,
	pause: func() time.Duration {
		const longest = time.Second
		return longest/2 + rand.N(longest/2) //nolint:gosec // G404: spreads load, keeps no secret
	},
}

const (
	// connMaxIdleTime is below the ten minutes after which Azure closes an idle connection.
	connMaxIdleTime = 5 * time.Minute
	// connMaxLifetime lets a pool follow a failover or a new password within the
	// hour; the jitter keeps replicas from reconnecting all at once.
	connMaxLifetime       = 30 * time.Minute
	connMaxLifetimeJitter = 5 * time.Minute
	// reloadInterval is how old a cluster's list of nodes may get. A node that is
	// given up is not asked, so it cannot say either that it was replaced.
	reloadInterval = 10 * time.Second
)

// Client is a connection to Redis, of whichever kind, that costs its users
// little when Redis is ill. Every command ends within a quarter of a second;
// and after a few failures in a row commands fail at once, without a connection,
// until a PING in the background is answered. In a cluster this goes node by
// node. Commands are never repeated, and those that wait on purpose (BLPOP, …)
// do not work here. It may be used concurrently, and shows nothing of itself in print.
type Client struct {
	redis.UniversalClient
	ward *ward
}

// Open makes a client from a URL, of which parse says the forms. It does not
// connect, so it also succeeds while Redis is down; the caller closes the client.
// The error holds nothing of the URL, which may be a password in the wrong place.
//
// report is told when a server is given up, with the reason and the address, and
// nil when all answer again. It is called by the goroutine of a command, one call
// at a time, and must return at once without asking the client anything.
//
// What go-redis itself would write to standard error, here and in the rest of the
// process, is switched off: whatever matters of it comes back as an error.
func Open(redisURL string, report func(error)) (*Client, error) {
	return open(redisURL, report, usualPace)
}

// OpenPatiently is Open for those who want a late answer more than none, which a
// service does not: a command has a minute. Tests do, since a machine that is
// busy with tests may be slower than a Redis that is any use.
func OpenPatiently(redisURL string, report func(error)) (*Client, error) {
	return open(redisURL, report, patientPace(usualPace.pause))
}

func patientPace(pause func() time.Duration) pace {
	return pace{command: time.Minute, dial: time.Minute, io: time.Minute, pause: pause}
}

func open(redisURL string, report func(error), p pace) (*Client, error) {
	o, err := parse(redisURL)
	if err != nil {
		return nil, err
	}
	logging.Disable()
	limit(o, p)
	ward := newWard(report, p)
	return &Client{UniversalClient: connect(o, ward), ward: ward}, nil
}

// limit sets what the URL does not.
func limit(o *redis.UniversalOptions, p pace) {
	o.DialTimeout, o.DialerRetries = p.dial, 1
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = p.io, p.io, p.io
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1  // none: a miss costs less
	o.MaxRedirects = 2 // to the node that has the key, and the one it is moving to
	o.ConnMaxIdleTime = connMaxIdleTime
	o.ConnMaxLifetime, o.ConnMaxLifetimeJitter = connMaxLifetime, connMaxLifetimeJitter
	o.DisableIdentity = true // one command less for each connection, and one less to permit
	// They tell of planned failovers, which only Redis' own cloud sends, and
	// loosen the timeouts meanwhile.
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// connect makes the client, with a breaker for each server of its own.
func connect(o *redis.UniversalOptions, ward *ward) redis.UniversalClient {
	if o.IsClusterMode {
		cluster := o.Cluster()
		cluster.ClusterStateReloadInterval = reloadInterval
		client := redis.NewClusterClient(cluster)
		client.AddHook(budget{ward.pace.command})
		client.OnNewNode(func(node *redis.Client) { node.AddHook(ward.breaker(node)) })
		return client
	}
	var client *redis.Client
	if o.MasterName != "" {
		client = redis.NewFailoverClient(o.Failover())
	} else {
		client = redis.NewClient(o.Simple())
	}
	client.AddHook(budget{ward.pace.command})
	client.AddHook(ward.breaker(client))
	return client
}

// Health returns nil unless a server is given up; then it is a short sentence
// that says why, without a secret or an address. It does not ask: it knows what
// the last commands met.
func (c *Client) Health() error { return c.ward.health() }

// Close ends the client and all it does in the background, and returns then.
// Closing twice is fine.
func (c *Client) Close() error {
	c.ward.close()
	if err := c.UniversalClient.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("close the connection to Redis: %w", err)
	}
	return nil
}

// Format writes what it is, whatever the verb: inside is the password.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Redis client") }

// budget is a hook that bounds the time of a command.
type budget struct{ time time.Duration }

func (budget) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b budget) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, cancel := context.WithTimeout(ctx, b.time)
		defer cancel()
		return next(ctx, cmd)
	}
}

func (b budget) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, cancel := context.WithTimeout(ctx, b.time)
		defer cancel()
		return next(ctx, cmds)
	}
}

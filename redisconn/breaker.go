package redisconn

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// patience is how many commands in a row may fail before a server is given up.
const patience = 3

// errGivenUp is what a command gets that was not sent.
var errGivenUp = errors.New("commands fail at once until Redis answers a PING again")

// breaker is a hook that counts the failures of one server and gives it up.
type breaker struct {
	ward     *ward
	server   *redis.Client // which has this hook
	failures atomic.Int32  // in a row
	givenUp  atomic.Bool
}

// attempt is one command on its way. It travels in the context, by which the
// hook knows the commands of a handshake, and those of its own: they are part of
// what is being tried, so they are let through and are no success by themselves.
type attempt struct {
	refused bool // the server took no part of the handshake that it must take
}

type attemptKey struct{}

func (b *breaker) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if _, within := ctx.Value(attemptKey{}).(*attempt); within {
			return next(ctx, cmd)
		}
		return b.try(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if a, within := ctx.Value(attemptKey{}).(*attempt); within {
			err := next(ctx, cmds)
			a.refused = err != nil
			return err
		}
		return b.try(ctx, func(ctx context.Context) error { return next(ctx, cmds) })
	}
}

// try sends a command, unless the server is given up, and counts how it went.
// Being called off says nothing about the server, nor does the end of the client.
func (b *breaker) try(ctx context.Context, send func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.givenUp.Load() {
		return errGivenUp
	}
	err := b.send(ctx, send)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, redis.ErrClosed):
	case !isFailure(err):
		if b.failures.Load() != 0 {
			b.failures.Store(0)
		}
	case b.failures.Add(1) >= patience && b.givenUp.CompareAndSwap(false, true):
		b.ward.giveUp(b, err)
	}
	return err
}

// ping asks whether the server is there.
func (b *breaker) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.ward.pace.command)
	defer cancel()
	return b.send(ctx, func(ctx context.Context) error { return b.server.Ping(ctx).Err() })
}

// trust sends commands to the server again.
func (b *breaker) trust() {
	b.failures.Store(0)
	b.givenUp.Store(false)
}

func (b *breaker) send(ctx context.Context, send func(context.Context) error) error {
	var a attempt
	err := send(context.WithValue(ctx, attemptKey{}, &a))
	if err != nil && a.refused {
		return handshakeError{err}
	}
	return err
}

// handshakeError is an error that a command met before it was sent.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// isFailure tells whether an error means that the server is of no use, and not
// that it answered something: redis.Nil, MOVED, a key of the wrong type. Such an
// answer costs nothing, and a PING would not tell when it is over.
func isFailure(err error) bool {
	if err == nil {
		return false
	}
	_, handshake := errors.AsType[handshakeError](err)
	_, answer := errors.AsType[redis.Error](err)
	return handshake || !answer || redis.IsAuthError(err) || redis.IsLoadingError(err)
}

package redisconn_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

func TestACommandThatWasCalledOffSaysNothingAboutTheServer(t *testing.T) {
	t.Parallel()
	c := openPatiently(t, redistest.New(t), never)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	over, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for range 10 {
		for _, ctx := range []context.Context{cancelled, over} {
			if err := c.Get(ctx, "x").Err(); err == nil {
				t.Error("a command that was called off succeeded")
			}
		}
	}
	if err := c.ask(t); err != nil || c.Health() != nil {
		t.Errorf("given up: %v, %v", err, c.Health())
	}
}

// waiting returns when the client has reported that all is well.
func (c conn) waitWell(t *testing.T) {
	t.Helper()
	for err := c.next(t); err != nil; {
		err = c.next(t)
	}
}

func TestAServerThatIsBackIsAskedAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := openPatiently(t, server.URL(), soon)
	if err := c.ask(t); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		server.Stop()
		err := c.wantGivenUp(t)
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(server.URL(), "unix://")) {
			t.Errorf("reported %v, want the address", err)
		}
		server.Restart()
		c.waitWell(t)
		if i == 0 {
			continue // without a success since
		}
		if err := c.ask(t); err != nil || c.Health() != nil {
			t.Errorf("after it is back: %v, %v", err, c.Health())
		}
	}
	if len(c.reports) > 0 {
		t.Errorf("also reported %v", <-c.reports)
	}
}

// fails is a hook nearer to the server than ours, which lets no command through.
type fails struct{ err error }

func (fails) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f fails) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { return f.err }
}

func (f fails) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return f.err }
}

func TestBeingCalledOffOnTheWayIsNoFailureAndBeingLateIs(t *testing.T) {
	t.Parallel()
	for err, givenUp := range map[error]bool{
		context.Canceled: false, redis.ErrClosed: false, redis.Nil: false,
		context.DeadlineExceeded: true, redis.ErrPoolTimeout: true, errors.New("something else"): true,
	} {
		c := open(t, "unix:///nowhere/socket", never)
		c.AddHook(fails{err})
		for range 10 {
			_ = c.ask(t)
		}
		if (c.Health() != nil) != givenUp {
			t.Errorf("after many times %q: Health = %v", err, c.Health())
		}
	}
}

func TestAFailureAfterCloseIsNotReported(t *testing.T) {
	t.Parallel()
	c := open(t, "unix:///nowhere/socket", never)
	c.AddHook(fails{errors.New("a command that was under way")})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		_ = c.ask(t)
	}
	if len(c.reports) > 0 {
		t.Errorf("reported %v", <-c.reports)
	}
}

func TestHealthFollowsWhatIsWrong(t *testing.T) {
	t.Parallel()
	var later atomic.Bool
	server := play(t, listen(t), func(conn net.Conn) {
		if later.Load() {
			silent(conn)
		}
	})
	c := open(t, "redis://"+server.address(), soon)
	_ = c.wantGivenUp(t)
	c.waitHealth(t, "Redis cannot be reached")
	later.Store(true)
	c.waitHealth(t, "Redis does not answer in time")
	later.Store(false)
	c.waitHealth(t, "Redis cannot be reached")
}

func (c conn) waitHealth(t *testing.T, want string) {
	t.Helper()
	deadline := time.Now().Add(far)
	for err := c.Health(); err == nil || err.Error() != want; err = c.Health() {
		if time.Now().After(deadline) {
			t.Fatalf("Health stays %v, want %s", err, want)
		}
	}
}

// A node that left its cluster is closed by go-redis, and nobody misses it.
func TestTheNodesOfAClusterAreGivenUpOneByOne(t *testing.T) {
	t.Parallel()
	one, other := play(t, listen(t), cutOff), play(t, listen(t), cutOff)
	c := openPatiently(t, "redis://"+one.address()+"?addr="+other.address(), soon)
	var nodes []*redis.Client
	cluster, _ := c.UniversalClient.(*redis.ClusterClient)
	cluster.OnNewNode(func(node *redis.Client) { nodes = append(nodes, node) })
	for len(c.reports) < 2 {
		if err := c.ask(t); err == nil {
			t.Fatal("a command succeeded")
		}
	}
	if first, second := c.next(t), c.next(t); first == nil || second == nil {
		t.Errorf("reported %v and %v", first, second)
	}
	if err := c.Health(); err == nil || err.Error() != "Redis cannot be reached" {
		t.Errorf("Health = %v", err)
	}
	for i, node := range nodes {
		if c.Health() == nil {
			t.Errorf("all is well with %d of %d nodes given up", len(nodes)-i, len(nodes))
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.next(t); err != nil || c.Health() != nil {
		t.Errorf("reported %v, Health = %v", err, c.Health())
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if len(c.reports) > 0 {
		t.Errorf("also reported %v", <-c.reports)
	}
}

func TestHealthNamesAllThatIsWrongAlwaysInTheSameOrder(t *testing.T) {
	t.Parallel()
	one, other := play(t, listen(t), cutOff), play(t, listen(t), loading)
	c := openPatiently(t, "redis://"+one.address()+"?addr="+other.address(), never)
	for len(c.reports) < 2 {
		if err := c.ask(t); err == nil {
			t.Fatal("a command succeeded")
		}
	}
	for range 100 {
		if err := c.Health(); err == nil || err.Error() != "Redis cannot be reached, Redis is loading its data" {
			t.Fatalf("Health = %v", err)
		}
	}
}

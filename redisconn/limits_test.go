package redisconn_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/hasura-issuer/hasura-issuer/redisconn"
)

// deadlines is a hook that notes how long a command may take.
type deadlines struct{ left chan time.Duration }

func (deadlines) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d deadlines) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, _ redis.Cmder) error { return d.note(ctx) }
}

func (d deadlines) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, _ []redis.Cmder) error { return d.note(ctx) }
}

func (d deadlines) note(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Hour)
	}
	d.left <- time.Until(deadline)
	return nil
}

func TestACommandMayTakeAQuarterOfASecondInAll(t *testing.T) {
	t.Parallel()
	for _, redisURL := range []string{"redis://redis", "redis://redis?cluster=true", "redis://redis?master_name=issuer"} {
		c := open(t, redisURL, never)
		hook := deadlines{make(chan time.Duration, 2)}
		c.AddHook(hook)
		c.Get(t.Context(), "x")
		if _, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error { return p.Get(t.Context(), "x").Err() }); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if left := <-hook.left; left > 250*time.Millisecond {
				t.Errorf("a command to %s may take %v", redisURL, left)
			}
		}
	}
}

// holder has a client where fmt does not look for methods.
type holder struct {
	client *redisconn.Client
	copied redisconn.Client
}

func TestPrintingAClientShowsNoPassword(t *testing.T) {
	t.Parallel()
	for _, redisURL := range []string{
		"redis://user:" + secret + "@redis:6379/1",
		"rediss://user:" + secret + "@redis:6379?addr=other:6379",
		"redis://user:" + secret + "@redis:26379?master_name=issuer&password=" + secret,
	} {
		c := open(t, redisURL, never).Client
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			for _, value := range []any{c, *c, holder{c, *c}, &holder{c, *c}, []*redisconn.Client{c}} {
				if strings.Contains(fmt.Sprintf(verb, value), secret) {
					t.Errorf("%s of a %T shows the password", verb, value)
				}
			}
		}
		if got := fmt.Sprintf("%v", c); got != "Redis client" {
			t.Errorf("printed as %q", got)
		}
	}
}

// What go-redis does by itself must not take longer than what it is asked for.
func TestGoRedisIsHeldShort(t *testing.T) {
	t.Parallel()
	for _, redisURL := range []string{
		"redis://redis?pool_size=7", "unix:///nowhere/socket?pool_size=7", "redis://redis?cluster=true&pool_size=7",
		"redis://redis?master_name=issuer&pool_size=7",
	} {
		var o *redis.Options
		switch client := open(t, redisURL, never).UniversalClient.(type) {
		case *redis.Client:
			o = client.Options()
		case *redis.ClusterClient:
			if every := client.Options().ClusterStateReloadInterval; every > 10*time.Second {
				t.Errorf("the nodes of a cluster are asked for every %v", every)
			}
			client.OnNewNode(func(node *redis.Client) { o = node.Options() })
			_ = client.Ping(t.Context())
		}
		for what, d := range map[string]time.Duration{"dial": o.DialTimeout, "read": o.ReadTimeout, "write": o.WriteTimeout, "pool": o.PoolTimeout} {
			if d <= 0 || d > 250*time.Millisecond {
				t.Errorf("%s: the %s timeout is %v", redisURL, what, d)
			}
		}
		if !o.ContextTimeoutEnabled || o.MaxRetries > 0 || o.DialerRetries > 1 {
			t.Errorf("%s: deadlines do not count, or things are tried again", redisURL)
		}
		if o.MaintNotificationsConfig.Mode != maintnotifications.ModeDisabled {
			t.Errorf("%s: maintenance notifications are %s", redisURL, o.MaintNotificationsConfig.Mode)
		}
		if o.PoolSize != 7 {
			t.Errorf("%s: a pool of %d", redisURL, o.PoolSize)
		}
	}
}

func TestAPortThatIsMissingIsTheUsualOne(t *testing.T) {
	t.Parallel()
	for redisURL, want := range map[string]string{
		"redis://127.0.0.9":                    "127.0.0.9:6379",
		"redis://127.0.0.9?master_name=issuer": "127.0.0.9:26379",
	} {
		if report := openPatiently(t, redisURL, never).wantGivenUp(t); !strings.Contains(report.Error(), want) {
			t.Errorf("%s: reported %v, want %s", redisURL, report, want)
		}
	}
}

func TestClosedIsClosed(t *testing.T) {
	t.Parallel()
	c := openPatiently(t, "redis://"+play(t, listen(t), cutOff).address(), soon)
	_ = c.wantGivenUp(t)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for range 10 {
		if err := c.ask(t); err == nil {
			t.Error("a command after Close succeeded")
		}
	}
	if len(c.reports) > 0 {
		t.Errorf("reported %v after Close", <-c.reports)
	}
}

// Not in parallel: it looks at all that runs in this process.
func TestCloseLeavesNothingRunning(t *testing.T) {
	c := openPatiently(t, "redis://"+play(t, listen(t), cutOff).address(), never)
	_ = c.wantGivenUp(t)
	const waiting = "redisconn.(*ward)"
	for deadline := time.Now().Add(far); !strings.Contains(stacks(), waiting); {
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for the server that was given up")
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(stacks(), waiting) {
		t.Error("somebody waits after Close")
	}
}

func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

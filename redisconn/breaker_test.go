package redisconn_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// cutOff ends each connection as soon as it is made.
func cutOff(net.Conn) {}

func TestAServerThatDoesNotAnswerIsGivenUpAtTheThirdFailureAndCostsNothingFromThen(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		serve func(net.Conn)
		kind  string // parameters of the URL
		want  string // Health
	}{
		"a black hole":                         {silent, "", "Redis does not answer in time"},
		"a black hole that was a cluster":      {silent, "?cluster=true", "Redis does not answer in time"},
		"a black hole that was a sentinel":     {silent, "?master_name=issuer", "Redis does not answer in time"},
		"one that takes the handshake alone":   {halfDead, "", "Redis does not answer in time"},
		"one that cuts connections off":        {cutOff, "", "Redis cannot be reached"},
		"one that is loading its data":         {loading, "", "Redis is loading its data"},
		"one that is no Redis":                 {gibberish, "", "Redis cannot be reached"},
		"a cluster that cuts connections off":  {cutOff, "?cluster=true", "Redis cannot be reached"},
		"a sentinel that cuts connections off": {cutOff, "?master_name=issuer", "Redis cannot be reached"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := play(t, listen(t), test.serve)
			credentials := "user:" + secret + "@"
			if name == "one that is loading its data" {
				credentials = "" // it would ask for the data of users, too
			}
			opener := openPatiently // so that nothing is late but what is never
			if test.want == "Redis does not answer in time" {
				opener = open
			}
			c := opener(t, "redis://"+credentials+server.address()+test.kind, never)
			if test.kind == "?cluster=true" { // which tries twice by itself
				for c.Health() == nil {
					mustNotShow(t, c.ask(t))
				}
				mustNotShow(t, c.next(t))
			} else {
				report := c.wantGivenUp(t)
				mustNotShow(t, report)
				if test.kind == "" && !strings.Contains(report.Error(), "("+server.address()+")") {
					t.Errorf("reported %v, want the address", report)
				}
			}
			if err := c.Health(); err == nil || err.Error() != test.want {
				t.Errorf("Health = %v, want %s", err, test.want)
			}
			before := server.connections.Load()
			for range 1000 {
				err := c.ask(t)
				if err == nil {
					t.Error("a command succeeded")
				}
				mustNotShow(t, err)
			}
			if more := server.connections.Load() - before; more > 0 {
				t.Errorf("%d connections for 1000 commands to a server that was given up", more)
			}
			if len(c.reports) > 0 {
				t.Errorf("also reported %v", <-c.reports)
			}
		})
	}
}

func loading(conn net.Conn) {
	reply(conn, "-LOADING Redis is loading the dataset in memory\r\n")
}

func gibberish(conn net.Conn) {
	_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	silent(conn)
}

func TestARefusalIsGivenUpToo(t *testing.T) {
	t.Parallel()
	locked := redistest.Start(t, "--requirepass", "other").URL()
	for name, test := range map[string]struct{ url, want string }{
		"of the password":    {strings.Replace(locked, "unix://", "unix://:"+secret+"@", 1), "Redis refuses the user or password"},
		"of the user":        {strings.Replace(locked, "unix://", "unix://nobody:"+secret+"@", 1), "Redis refuses the user or password"},
		"for want of one":    {locked, "Redis refuses the user or password"},
		"of the database":    {redistest.Start(t, "--databases", "1").URL() + "?db=5", "Redis refuses the connection"},
		"for want of a file": {"unix:///nowhere/socket", "Redis cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openPatiently(t, test.url, soon)
			mustNotShow(t, c.wantGivenUp(t))
			if err := c.Health(); err == nil || err.Error() != test.want {
				t.Errorf("Health = %v, want %s", err, test.want)
			}
		})
	}
}

func TestAnAnswerThatIsAnErrorIsNoFailure(t *testing.T) {
	t.Parallel()
	c := openPatiently(t, redistest.New(t), never)
	key := "issuer:test:" + t.Name()
	if err := c.RPush(t.Context(), key, "a list").Err(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := c.Get(t.Context(), key).Err(); !redis.HasErrorPrefix(err, "WRONGTYPE") {
			t.Errorf("Get of a list = %v", err)
		}
		if _, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			p.Get(t.Context(), key)
			return nil
		}); !redis.HasErrorPrefix(err, "WRONGTYPE") {
			t.Errorf("Get of a list in a pipeline = %v", err)
		}
	}
	if err := c.Health(); err != nil {
		t.Errorf("given up for its answers: %v", err)
	}
}

func TestFailuresInARowAreCountedOthersAreForgotten(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := openPatiently(t, server.URL(), never)
	for range 3 {
		server.Stop()
		for range 2 {
			if err := c.ask(t); err == nil {
				t.Error("a command without a server succeeded")
			}
		}
		server.Restart()
		if err := c.ask(t); err != nil {
			t.Errorf("after two failures it was given up: %v", err)
		}
	}
}

func TestAPipelineIsRefusedLikeACommand(t *testing.T) {
	t.Parallel()
	server := play(t, listen(t), cutOff)
	c := openPatiently(t, "redis://"+server.address(), never)
	pipeline := func() error {
		_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			p.Get(t.Context(), "x")
			return nil
		})
		return err
	}
	for range 3 {
		if err := pipeline(); err == nil || c.Health() != nil && server.connections.Load() < 3 {
			t.Errorf("a pipeline = %v, Health = %v", err, c.Health())
		}
	}
	before := server.connections.Load()
	for range 10 {
		if err := pipeline(); err == nil {
			t.Error("a pipeline succeeded")
		}
	}
	if c.Health() == nil || server.connections.Load() != before {
		t.Errorf("Health = %v, and %d more connections", c.Health(), server.connections.Load()-before)
	}
}

func TestManyMayUseAClientWhileItsServerComesAndGoes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := openPatiently(t, server.URL(), soon)
	var users sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = c.Get(t.Context(), "x").Err()
					_ = c.Health()
				}
			}
		})
	}
	for range 3 {
		server.Stop()
		if err := c.next(t); err == nil {
			t.Error("reported that all is well, want that the server is given up")
		}
		server.Restart()
		c.waitWell(t)
	}
	close(stop)
	users.Wait()
	if err := c.ask(t); err != nil {
		t.Error(err)
	}
}

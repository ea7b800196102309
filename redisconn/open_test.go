package redisconn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

func ignore(error) {}

func TestAnUnreadableURLIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"nothing":                                "",
		"a password in the place of the URL":     secret,
		"another service":                        "https://user:" + secret + "@redis:6379",
		"no host":                                "redis://:" + secret + "@:6379",
		"no host at all":                         "redis:///1",
		"a port that is no number":               "redis://:" + secret + "@redis:port",
		"a port out of range":                    "redis://:" + secret + "@redis:99999",
		"port 0":                                 "redis://:" + secret + "@redis:0",
		"a password with a slash":                "redis://user:12/" + secret + "@redis",
		"a password with a question mark":        "redis://user:12?a=" + secret + "@redis",
		"a password that ends in the query":      "redis://user:12?addr=" + secret + "@redis:6379",
		"a password with a hash":                 "redis://user:12#" + secret + "@redis",
		"a password with an at sign":             "redis://user:12@" + secret + "@redis",
		"a password with a lone percent sign":    "redis://user:%zz" + secret + "@redis",
		"a password in the place of the user":    "redis://" + secret + "@redis:6379",
		"a fragment":                             "redis://redis:6379#" + secret,
		"a database that is no number":           "redis://redis:6379/" + secret,
		"a database below zero":                  "redis://redis:6379/-1",
		"two databases":                          "redis://redis:6379/1/2",
		"a database of a cluster":                "redis://redis:6379/1?cluster=true",
		"a cluster that is none":                 "redis://redis:6379?cluster=" + secret,
		"a cluster's second address without one": "redis://redis:6379?addr=" + secret,
		"a cluster behind sentinels":             "redis://redis:6379?cluster=true&master_name=issuer",
		"sentinels without a name":               "redis://redis:26379?master_name=",
		"sentinels with two names":               "redis://redis:26379?master_name=a&master_name=" + secret,
		"a sentinel's user without a password":   "redis://" + secret + "@redis:26379?master_name=issuer",
		"a server's user without a password":     "redis://redis:26379?master_name=issuer&username=" + secret,
		"a plus sign in a query":                 "redis://redis:26379?master_name=issuer&password=a+" + secret,
		"a password in the query of one server":  "redis://redis:6379?password=" + secret,
		"a parameter that loosens the limits":    "redis://redis:6379?read_timeout=5s",
		"a password in a parameter's place":      "redis://redis:6379?" + secret,
		"a query with a lone percent sign":       "redis://redis:6379?pool_size=%zz" + secret,
		"a pool of nothing":                      "redis://redis:6379?pool_size=0",
		"a pool of too many":                     "redis://redis:6379?pool_size=100000",
		"a certificate that is not to be looked": "rediss://redis:6379?skip_verify=true",
		"a socket without a path":                "unix://:" + secret + "@?db=1",
		"a socket on a host":                     "unix://redis/socket",
		"a socket and a cluster":                 "unix:///tmp/socket?cluster=true",
	}
	for name, redisURL := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := redisconn.Open(redisURL, ignore)
			if err == nil || !strings.Contains(err.Error(), "the Redis URL") {
				t.Error("it was taken, or the error does not say what is wrong")
			}
			mustNotShow(t, err)
		})
	}
}

// What the URL says is seen in what a server gets.
func TestTheURLSaysWhichDatabaseAndWhosePassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", secret+"/@?+ü", "--user", "reader", "on", ">"+secret, "~*", "+@all")
	path := strings.TrimPrefix(server.URL(), "unix://")
	encoded := secret + "%2F%40%3F%2B%C3%BC"
	for redisURL, want := range map[string]string{
		"unix://:" + encoded + "@" + path + "?db=3":        "user=default db=3",
		"unix://reader:" + secret + "@" + path:             "user=reader db=0",
		"unix://default:" + encoded + "@" + path:           "user=default db=0",
		"unix://:" + encoded + "@" + path + "?db=15":       "user=default db=15",
		"unix://:" + encoded + "@" + path + "?db=0":        "user=default db=0",
		"unix://:" + encoded + "@" + path + "?pool_size=2": "user=default db=0",
	} {
		c := openPatiently(t, redisURL, never)
		info, err := c.ClientList(t.Context()).Result()
		mustNotShow(t, err)
		user, _, _ := strings.Cut(want, " ")
		if err != nil || !strings.Contains(info, user) || !strings.Contains(info, strings.TrimPrefix(want, user)+" ") {
			t.Errorf("got %q, want %q", info, want)
		}
		if strings.Contains(info, "lib-name=go-redis") {
			t.Error("a connection costs a command more, to name the library")
		}
	}
}

func TestEveryKindOfRedisKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(t *testing.T) string{
		"a server":  func(t *testing.T) string { return redistest.New(t) },
		"a cluster": func(t *testing.T) string { return redistest.StartCluster(t) },
		"a cluster of which more addresses are known": func(t *testing.T) string {
			address := strings.TrimSuffix(strings.TrimPrefix(redistest.StartCluster(t), "redis://"), "?cluster=true")
			return "redis://127.0.0.1:1?addr=" + address // nobody listens on the first one
		},
		"a master that a sentinel knows": func(t *testing.T) string { return redistest.StartSentinel(t, secret) },
		"a master that one of two sentinels knows": func(t *testing.T) string {
			address, parameters, _ := strings.Cut(strings.TrimPrefix(redistest.StartSentinel(t, secret), "redis://:"+secret+"@"), "?")
			return "redis://:" + secret + "@127.0.0.1:1?addr=" + address + "&" + parameters
		},
	}
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openPatiently(t, start(t), never)
			key := "issuer:test:" + t.Name()
			if err := c.Set(t.Context(), key, "kept", time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Get(t.Context(), key).Result(); got != "kept" || err != nil {
				t.Errorf("Get = %q, %v", got, err)
			}
			if _, err := c.Get(t.Context(), key+"none").Result(); err != redis.Nil { //nolint:errorlint // users compare it so
				t.Errorf("Get of nothing = %v, want redis.Nil", err)
			}
			if err := c.Health(); err != nil {
				t.Errorf("Health = %v", err)
			}
		})
	}
}

func TestOpenDoesNotConnect(t *testing.T) {
	t.Parallel()
	server := play(t, listen(t), silent)
	for _, parameters := range []string{"", "?cluster=true", "?addr=" + server.address(), "?master_name=issuer"} {
		c := open(t, "redis://"+server.address()+parameters, soon)
		if err := c.Health(); err != nil {
			t.Errorf("Health before the first command = %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := server.connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

package redisconn

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// errForms stands for all that can be wrong with the shape of a URL: what is
// wrong with it in particular may show a password that is in the wrong place.
var errForms = errors.New("the Redis URL cannot be read: " +
	"want redis://user:password@host:port/db, unix://user:password@/path?db=0, " +
	"redis://host:port?cluster=true or …?addr=host:port&addr=… for a cluster, " +
	"redis://host:port?master_name=name&addr=…&username=…&password=… for sentinels, rediss:// for TLS, and pool_size=… if need be; " +
	"percent-encode the characters @ : / ? # % & + of a password")

// parse reads a Redis URL. The forms are those of go-redis:
//
//   - redis://user:password@host:6379/db is one server, and so is
//     unix://user:password@/path?db=0.
//   - redis://user:password@host:6379?addr=host:port, with more addr if there
//     are, is a cluster that may be asked for its nodes at any of these. The
//     parameter cluster=true says so of a single address, which the cluster
//     services of the clouds have.
//   - redis://host:26379?master_name=name, with more addr if there are, are
//     sentinels, which are asked who is master. User and password before the
//     host are for the sentinels, those in the parameters username and password
//     for the servers.
//
// rediss instead of redis means TLS, at least 1.2, to all of them: the system's
// CAs (or those of SSL_CERT_FILE) must vouch for the name of the first host.
// A port that is missing is 6379, of a sentinel 26379. pool_size is how many
// connections a server gets. Whatever else go-redis reads from a URL is refused:
// it would undo the limits of this package, or the check of certificates.
func parse(redisURL string) (*redis.UniversalOptions, error) {
	u, query, err := split(redisURL)
	if err != nil {
		return nil, err
	}
	if query.Has("skip_verify") {
		return nil, errors.New("the Redis URL wants certificates not to be verified: leave skip_verify out, and name a CA of your own in SSL_CERT_FILE")
	}
	o := &redis.UniversalOptions{MasterName: query.Get("master_name"), IsClusterMode: query.Has("addr") || query.Has("cluster")}
	allowed := []string{"pool_size"}
	switch {
	case u.Scheme == "unix":
		allowed = append(allowed, "db")
	case query.Has("master_name"):
		o.IsClusterMode = false
		allowed = append(allowed, "master_name", "addr", "username", "password")
	default:
		allowed = append(allowed, "addr", "cluster")
	}
	for name, values := range query {
		if !slices.Contains(allowed, name) || name != "addr" && (len(values) > 1 || values[0] == "") {
			return nil, errForms
		}
	}
	for _, step := range []func(*redis.UniversalOptions, *url.URL, url.Values) error{address, database, credentials, poolSize} {
		if err := step(o, u, query); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// split returns the URL and its query. It refuses a second place that could hold
// a password: an @, /, ? or # that was not percent-encoded moves the rest of the
// password to where it would be taken for an address, and turn up in errors. And
// it refuses a + behind the host, which a query would take for a blank.
func split(redisURL string) (*url.URL, url.Values, error) {
	scheme, rest, found := strings.Cut(redisURL, "://")
	if !found || !slices.Contains([]string{"redis", "rediss", "unix"}, scheme) {
		return nil, nil, errForms
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if strings.Count(rest[:end], "@") > 1 || strings.ContainsAny(rest[end:], "@#+") {
		return nil, nil, errForms
	}
	u, err := url.Parse(redisURL)
	if err != nil {
		return nil, nil, errForms
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || query.Has("cluster") && query.Get("cluster") != "true" {
		return nil, nil, errForms
	}
	return u, query, nil
}

// address sets where the servers are, and TLS.
func address(o *redis.UniversalOptions, u *url.URL, query url.Values) error {
	if u.Scheme == "unix" {
		if u.Host != "" || len(u.Path) < 2 {
			return errForms
		}
		o.Addrs = []string{u.Path}
		return nil
	}
	port := u.Port()
	if port == "" && o.MasterName != "" {
		port = "26379"
	} else if port == "" {
		port = "6379"
	}
	o.Addrs = append([]string{net.JoinHostPort(u.Hostname(), port)}, query["addr"]...)
	for _, address := range o.Addrs {
		host, port, err := net.SplitHostPort(address)
		if number, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || host == "" || number == 0 {
			return errForms
		}
	}
	if u.Scheme == "rediss" {
		o.TLSConfig = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	return nil
}

// database sets which of a server's numbered databases is meant.
func database(o *redis.UniversalOptions, u *url.URL, query url.Values) error {
	number := strings.TrimPrefix(u.Path, "/")
	if u.Scheme == "unix" {
		number = query.Get("db")
	}
	if number == "" {
		return nil
	}
	if o.IsClusterMode {
		return errors.New("the Redis URL names a database of a cluster, which has but one: leave the path out")
	}
	db, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return errForms
	}
	o.DB = int(db)
	return nil
}

// credentials sets user and password, which go-redis sends only if there is a password.
func credentials(o *redis.UniversalOptions, u *url.URL, query url.Values) error {
	user := u.User.Username()
	password, _ := u.User.Password()
	o.Username, o.Password = user, password
	if o.MasterName != "" {
		o.SentinelUsername, o.SentinelPassword = user, password
		o.Username, o.Password = query.Get("username"), query.Get("password")
	}
	if o.Username != "" && o.Password == "" || o.SentinelUsername != "" && o.SentinelPassword == "" {
		return errors.New("the Redis URL names a user without a password: want user:password@, or :password@ for the default user")
	}
	return nil
}

func poolSize(o *redis.UniversalOptions, _ *url.URL, query url.Values) error {
	if !query.Has("pool_size") {
		return nil
	}
	size, err := strconv.Atoi(query.Get("pool_size"))
	if err != nil || size < 1 || size > 1000 {
		return errors.New("the pool_size of the Redis URL must be a number from 1 to 1000")
	}
	o.PoolSize = size
	return nil
}

package database

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// errUnreadable stands for what pgx says of a URL. pgx masks passwords as well
// as it can, which in a broken URL is not always; so its text is dropped.
var errUnreadable = errors.New("the database URL cannot be read: want postgres://user:password@host:port/database?sslmode=…")

// parseTransport reads a database URL and sees to it that the way to a server
// elsewhere is one the operator has chosen:
//
//   - without sslmode it is verify-full, for all hosts of the URL as soon as one
//     is remote. PGSSLMODE and the service file count for nothing then: what the
//     URL leaves out must not weaken it.
//   - allow and prefer are refused: whoever sits in between answers that there
//     is no TLS, and gets the password.
//   - disable and require are taken, though neither proves who the server is:
//     they are the operator's own words, for a sidecar or a network that does.
//
// On a socket or the loopback nobody sits in between, and pgx's rules hold.
func parseTransport(databaseURL string, query url.Values) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, errUnreadable
	}
	if len(query["sslmode"]) > 1 {
		return nil, errors.New("the database URL names sslmode more than once")
	}
	if !remote(config.ConnConfig) {
		return config, nil
	}
	switch mode := strings.TrimSpace(query.Get("sslmode")); {
	case mode == "allow" || mode == "prefer":
		return nil, errors.New("sslmode=" + mode + " in the database URL falls back to plaintext unasked: " +
			"want sslmode=verify-full, with sslrootcert for a CA of your own, or sslmode=disable where the network itself is trusted")
	case mode != "", !query.Has("sslmode") && slices.Equal(query["ssl"], []string{"true"}): // which pgx reads as require
		return config, nil
	}
	if config, err = pgxpool.ParseConfig(withParameter(databaseURL, "sslmode=verify-full")); err != nil {
		return nil, errUnreadable
	}
	return config, nil
}

// withParameter adds to the query of a URL that splitURL has taken. Of two
// parameters of one name pgx takes the last.
func withParameter(databaseURL, parameter string) string {
	address, rawQuery, _ := strings.Cut(databaseURL, "?")
	if rawQuery = strings.Trim(rawQuery, "&"); rawQuery != "" {
		parameter = rawQuery + "&" + parameter
	}
	return address + "?" + parameter
}

// remote tells whether any server of the configuration, wherever its name came
// from, is reached over a network.
func remote(config *pgx.ConnConfig) bool {
	hosts := []string{config.Host}
	for _, fallback := range config.Fallbacks {
		hosts = append(hosts, fallback.Host)
	}
	return slices.ContainsFunc(hosts, func(host string) bool { return !isLocal(host) })
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

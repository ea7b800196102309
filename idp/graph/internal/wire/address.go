package wire

import (
	"net"
	"net/url"
	"path"
	"strings"
)

// Base is where a service lives: scheme, host and perhaps a path. The zero value is nowhere.
type Base struct {
	origin string // scheme and host, in the one spelling that is compared
	path   string // "" or /a/path, without a slash at its end
}

// ParseBase reads a base URL. It must be https; http is accepted for a loopback host, where tests and `dev` live.
func ParseBase(raw string) (Base, bool) {
	parsed, err := url.Parse(raw)
	if err != nil || strings.ContainsAny(raw, "?#%") {
		return Base{}, false
	}
	parsed.Path = strings.TrimSuffix(parsed.Path, "/")
	origin, ok := originOf(parsed)
	if !ok || (parsed.Path != "" && (parsed.Path == "/" || parsed.Path != path.Clean(parsed.Path))) {
		return Base{}, false
	}
	return Base{origin: origin, path: parsed.Path}, true
}

// String is the base URL, without a slash at its end.
func (b Base) String() string { return b.origin + b.path }

// IsHost says that the base has no path, and is https.
func (b Base) IsHost() bool { return b.path == "" && strings.HasPrefix(b.origin, "https:") }

// Holds says that an address lies below path on this base: same scheme, host and port.
func (b Base) Holds(address *url.URL, below string) bool {
	origin, ok := originOf(address)
	return ok && origin == b.origin && strings.HasPrefix(address.Path, b.path+below) && address.Path == path.Clean(address.Path)
}

// originOf returns scheme and host in lower case, without the port that goes without saying.
func originOf(address *url.URL) (string, bool) {
	scheme, host := strings.ToLower(address.Scheme), strings.ToLower(address.Host)
	switch {
	case address.Hostname() == "" || address.User != nil:
		return "", false
	case scheme == "https":
		return "https://" + strings.TrimSuffix(host, ":443"), true
	case scheme == "http" && loopback(address.Hostname()):
		return "http://" + strings.TrimSuffix(host, ":80"), true
	default:
		return "", false
	}
}

func loopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || (address != nil && address.IsLoopback())
}

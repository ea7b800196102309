package adminapi

import (
	"net"
	"net/http"
	"net/netip"
)

// handedOn are headers of requests that somebody sends for somebody else: a proxy, or a browser for a page.
var handedOn = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via", "Origin", "Referer"}

// fromThisMachine tells whether a request comes from a program of this machine, for itself. A page in a browser here is none,
// even where its name was made to mean this machine (DNS rebinding): then Host says that name, and a browser that asks for
// a page says so. Nor is a proxy, whose peers are who knows where.
func fromThisMachine(r *http.Request, peer string) bool {
	for _, name := range handedOn {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	if sites := r.Header.Values("Sec-Fetch-Site"); len(sites) > 1 || len(sites) == 1 && sites[0] != "none" { // none: typed in by a person
		return false
	}
	return isLoopback(peer) && isLoopback(hostname(r.Host))
}

// hostname is a Host header without its port, and an address of IPv6 without its brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

// isLoopback tells whether a name or an address is this machine's, to itself.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

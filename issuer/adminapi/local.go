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

// ByOurName returns a handler that answers as h does where this machine is called by a name that means the caller's own, and refuses
// others: a page in a browser here could have had its own name made to mean this machine, and read the answer. It is for what listens
// on loopback and asks for no credentials.
func ByOurName(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(hostname(r.Host)) {
			http.Error(w, "Host is none of this machine's own names: localhost, or an address of loopback.", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
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

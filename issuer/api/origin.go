package api

import (
	"net/http"
	"net/netip"
	"strings"
)

// origin is where a request comes from.
type origin struct {
	peer      netip.Addr // the other end of the connection; not valid for what is no address
	client    netip.Addr // whom a trusted proxy speaks for, or else the peer
	forwarded bool       // a trusted proxy named the client
}

// maxHops is more proxies than anybody has in a row.
const maxHops = 64

// originOf walks from the peer towards the client, through X-Forwarded-For from its right end, for as long as those who
// wrote it are trusted: the client is the first that is not, or the last that there is. What is no address ends the walk,
// since whoever let it through vouches for nothing that stands to its left.
func originOf(r *http.Request, trusted []netip.Prefix) origin {
	at, ok := parsePeer(r.RemoteAddr)
	if !ok {
		return origin{}
	}
	o := origin{peer: at, client: at}
	rest := strings.Join(r.Header["X-Forwarded-For"], ",")
	for hop := 0; hop < maxHops && rest != "" && within(trusted, o.client); hop++ {
		cut := strings.LastIndexByte(rest, ',')
		next, ok := parseAddress(strings.Trim(rest[cut+1:], " \t"))
		if !ok {
			break
		}
		o.client, o.forwarded = next, true
		rest = rest[:max(cut, 0)]
	}
	return o
}

// direct is where the connection comes from, whomever the peer speaks for.
func (o origin) direct() origin { return origin{peer: o.peer, client: o.peer} }

// parsePeer is parseAddress for what nearly always has a port: to find out that there is one after all costs an error.
func parsePeer(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return plain(withPort.Addr()), true
	}
	return parseAddress(text)
}

// parseAddress reads an address with or without a port, as proxies write it (2001:db8::1, or [2001:db8::1]:80), as plain has it.
func parseAddress(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return plain(address), true
}

// plain has an IPv4 address in the form of IPv6 be that IPv4 address, and drops zones, which mean something on one machine
// alone.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func within(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// translated is where NAT64 puts all of IPv4 (RFC 6052 §2.1), in one /64.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// network is for whom limits count the client.
func (o origin) network() string { return Network(o.client) }

// Network is for whom limits by address count an address: itself, or with IPv6 the /64 that it is in, since whoever has one
// address there has all of them. It is empty for what is no address. An address of IPv4 that was translated counts as
// itself; nobody is trusted for such a one.
func Network(address netip.Addr) string {
	address = plain(address)
	switch {
	case !address.Is6():
		return text(address)
	case translated.Contains(address):
		bytes := address.As16()
		return netip.AddrFrom4([4]byte(bytes[12:])).String()
	}
	network, _ := address.Prefix(64) // fails for other lengths than an address has
	return network.String()
}

// text is an address for people, empty for none.
func text(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

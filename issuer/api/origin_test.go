package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// trust makes the proxies of these networks trusted.
func trust(networks ...string) func(*api.Config) {
	return func(c *api.Config) {
		for _, network := range networks {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(network))
		}
	}
}

// from sends a good request as though it came from peer, and returns the address and the origin that the exchange was
// told.
func (s *service) from(peer string, forwarded ...string) (address, origin string) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, token, strings.NewReader(form().Encode()))
	r.RemoteAddr = peer
	r.Header.Set("Content-Type", formType)
	for _, value := range forwarded {
		r.Header.Add("X-Forwarded-For", value)
	}
	s.issuer.asked = nil
	s.api.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if len(s.issuer.asked) != 1 {
		s.t.Fatalf("from %s: %d exchanges were asked for", peer, len(s.issuer.asked))
	}
	return s.issuer.asked[0].Address, s.issuer.asked[0].Origin
}

func TestTheClientIsTheFirstThatNoTrustedProxyVouchesFor(t *testing.T) {
	t.Parallel()
	const gateway, stranger = "10.1.0.2:4711", "198.51.100.9:4711"
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"a stranger":                                      {stranger, nil, "198.51.100.9"},
		"a stranger who claims to be another":             {stranger, []string{"203.0.113.7"}, "198.51.100.9"},
		"a stranger who claims to be a proxy":             {stranger, []string{"203.0.113.7, 10.1.0.2"}, "198.51.100.9"},
		"a proxy that speaks for nobody":                  {gateway, nil, "10.1.0.2"},
		"a proxy that speaks for somebody":                {gateway, []string{"203.0.113.7"}, "203.0.113.7"},
		"what a client wrote before the proxy did":        {gateway, []string{"192.0.2.66, 203.0.113.7"}, "203.0.113.7"},
		"a client that wrote a proxy's address":           {gateway, []string{"10.9.9.9, 203.0.113.7"}, "203.0.113.7"},
		"two proxies in a row":                            {gateway, []string{"192.0.2.66, 203.0.113.7, 10.2.0.3"}, "203.0.113.7"},
		"two headers":                                     {gateway, []string{"192.0.2.66, 203.0.113.7", "10.2.0.3"}, "203.0.113.7"},
		"none but proxies":                                {gateway, []string{"10.3.0.4, 10.2.0.3"}, "10.3.0.4"},
		"a proxy of IPv6":                                 {"[fd00::1]:443", []string{"203.0.113.7"}, "203.0.113.7"},
		"a proxy of IPv4 in the form of IPv6":             {"[::ffff:10.1.0.2]:443", []string{"203.0.113.7"}, "203.0.113.7"},
		"an address with a port":                          {gateway, []string{"203.0.113.7:8443"}, "203.0.113.7"},
		"one of IPv6 with a port":                         {gateway, []string{"[2001:db8::7]:8443"}, "2001:db8::7"},
		"blanks around":                                   {gateway, []string{"192.0.2.66 ,\t203.0.113.7 "}, "203.0.113.7"},
		"a word ends the walk":                            {gateway, []string{"203.0.113.7, unknown"}, "10.1.0.2"},
		"a word ends it where it stands":                  {gateway, []string{"203.0.113.7, _hidden, 10.2.0.3"}, "10.2.0.3"},
		"nothing at the end":                              {gateway, []string{"203.0.113.7,"}, "10.1.0.2"},
		"nothing at all":                                  {gateway, []string{""}, "10.1.0.2"},
		"an empty header behind":                          {gateway, []string{"203.0.113.7", ""}, "10.1.0.2"},
		"a number that is no address":                     {gateway, []string{"203.0.113.7, 256.1.1.1"}, "10.1.0.2"},
		"leading zeros, which some take for octal":        {gateway, []string{"203.0.113.7, 010.2.0.3"}, "10.1.0.2"},
		"a network is no address":                         {gateway, []string{"203.0.113.7, 10.2.0.0/16"}, "10.1.0.2"},
		"more proxies in a row than anybody has":          {gateway, []string{"203.0.113.7" + strings.Repeat(", 10.2.0.3", 5000)}, "10.2.0.3"},
		"a header that is not ours to read":               {gateway, []string{"203.0.113.7\x00"}, "10.1.0.2"},
		"a zone, which means nothing to others":           {gateway, []string{"fe80::1%eth0"}, "fe80::1"},
		"a client of IPv4 in the form of IPv6":            {gateway, []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"the same without a proxy":                        {"[::ffff:203.0.113.7]:99", nil, "203.0.113.7"},
		"a link-local peer":                               {"[fe80::1%eth0]:99", nil, "fe80::1"},
		"a proxy of IPv4 behind NAT64, as anybody may be": {"[64:ff9b::10.1.0.2]:443", []string{"203.0.113.7"}, "64:ff9b::a01:2"},
		"a proxy outside of the networks by one bit":      {"10.16.0.1:99", []string{"203.0.113.7"}, "10.16.0.1"},
	} {
		s := start(t, trust("10.0.0.0/12", "fd00::/64"))
		if got, _ := s.from(c.peer, c.forwarded...); got != c.want {
			t.Errorf("%s: the client is %s, want %s", name, got, c.want)
		}
	}
}

// TestLimitsCountAnIPv6NetworkAsOne: whoever has one address of a /64 has them all.
func TestLimitsCountAnIPv6NetworkAsOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := map[string]string{}
	for _, peer := range []string{
		"203.0.113.7:1", "203.0.113.8:1", "[::ffff:203.0.113.7]:1", "[2001:db8:1:2::7]:1", "[2001:db8:1:2:ffff::9]:1", "[2001:db8:1:3::7]:1", "[fe80::1%eth0]:1",
		"[64:ff9b::203.0.113.7]:1", "[64:ff9b::cb00:7108]:1", "[64:ff9b:0:0:0:1:cb00:7107]:1", "[64:ff9b:1::203.0.113.7]:1",
	} {
		_, got[peer] = s.from(peer)
	}
	if diff := cmp.Diff(map[string]string{
		"203.0.113.7:1": "203.0.113.7", "203.0.113.8:1": "203.0.113.8", "[::ffff:203.0.113.7]:1": "203.0.113.7",
		"[2001:db8:1:2::7]:1": "2001:db8:1:2::/64", "[2001:db8:1:2:ffff::9]:1": "2001:db8:1:2::/64", "[2001:db8:1:3::7]:1": "2001:db8:1:3::/64",
		"[fe80::1%eth0]:1":         "fe80::/64",
		"[64:ff9b::203.0.113.7]:1": "203.0.113.7", "[64:ff9b::cb00:7108]:1": "203.0.113.8", "[64:ff9b:0:0:0:1:cb00:7107]:1": "64:ff9b::/64", "[64:ff9b:1::203.0.113.7]:1": "64:ff9b:1::/64",
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheLogKnowsTheClientBesideTheProxy(t *testing.T) {
	t.Parallel()
	for forwarded, want := range map[string]any{"203.0.113.7": "203.0.113.7", "unknown": nil} {
		s := start(t, trust("127.0.0.0/8"))
		s.exchange(form(), "X-Forwarded-For", forwarded)
		if line := s.line(); line["peer"] != "127.0.0.1" || line["address"] != want {
			t.Errorf("X-Forwarded-For %s: %v", forwarded, line)
		}
	}
}

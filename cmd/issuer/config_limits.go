package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
)

// rate is how often something may happen, written N/s, N/m or N/h; 0 is any number.
type rate struct{ ratelimit.Rate }

// maxRate keeps events further apart than Redis's clock can tell.
const maxRate = 100_000

var (
	rateForm  = regexp.MustCompile(`^([1-9][0-9]{0,5})/([smh])$`)
	rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
	roleName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`) })
)

// UnmarshalText parses a rate.
func (r *rate) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		r.Rate = ratelimit.Rate{}
		return nil
	}
	parts := rateForm.FindStringSubmatch(string(text))
	if parts == nil {
		return errValue
	}
	events, err := strconv.Atoi(parts[1])
	if err != nil || events > maxRate {
		return errValue
	}
	r.Rate = ratelimit.Rate{Events: events, Per: rateUnits[parts[2]]}
	return nil
}

// rates are rates by the names of those that they are for, written name=rate.
type rates struct{ list []namedRate }

type namedRate struct {
	name string
	ratelimit.Rate
}

// UnmarshalText parses the list. Its error names the first wrong item by its place, and repeats nothing of it. A rate of 0
// is wrong here: it could be read as any number, and as none at all.
func (r *rates) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		var one rate
		if err := one.UnmarshalText([]byte(value)); err != nil || one.Events == 0 {
			return sayableError(fmt.Sprintf("item %d is not <name>=<rate>, with a rate such as 30/m: N/s, N/m or N/h with N from 1 to %d", len(r.list)+1, maxRate))
		}
		r.list = append(r.list, namedRate{name, one.Rate})
	}
	return nil
}

// names are those that have a rate, in the order given.
func (r *rates) names() []string {
	names := make([]string, 0, len(r.list))
	for _, one := range r.list {
		names = append(names, one.name)
	}
	return names
}

// of returns the rate for a name, none where there is none.
func (r *rates) of(name string) ratelimit.Rate {
	for _, one := range r.list {
		if one.name == name {
			return one.Rate
		}
	}
	return ratelimit.Rate{}
}

// isProxyNetwork reports whether raw is a network, and not all of them: then anybody could be anybody.
func isProxyNetwork(raw string) bool {
	network, err := netip.ParsePrefix(raw)
	return err == nil && network.Bits() > 0 && !network.Addr().Is4In6()
}

// proxies are the networks whose X-Forwarded-For counts.
func (s *settings) proxies() []netip.Prefix {
	networks := make([]netip.Prefix, 0, len(s.TrustedProxies))
	for _, raw := range s.TrustedProxies {
		if network, err := netip.ParsePrefix(raw); err == nil { // it was checked
			networks = append(networks, network)
		}
	}
	return networks
}

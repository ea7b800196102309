package entrakeys

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// DefaultAuthority is the sign-in host of the global cloud.
const DefaultAuthority = "https://login.microsoftonline.com"

// Authority is the host a tenant's documents are fetched from. The zero value is not usable.
type Authority struct {
	base     string // scheme and host, no trailing slash
	v1Prefix string // what stands before "{tenant}/" in v1.0 issuers; "" when the authority is no known cloud
}

// ParseAuthority reads a base URL: scheme and host and nothing after them but perhaps one slash. It must be https; http
// is accepted for a loopback host, where tests and `dev` live. The error says what is wrong with it.
func ParseAuthority(raw string) (Authority, error) {
	base, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil || base.Host == "" || base.User != nil {
		return Authority{}, errors.New("want https://host")
	}
	base.Scheme, base.Host = strings.ToLower(base.Scheme), strings.ToLower(base.Host)
	authority := Authority{base: base.Scheme + "://" + base.Host}
	if authority.base != base.String() {
		return Authority{}, errors.New("want a scheme and a host, without path, query or fragment")
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())) {
		return Authority{}, errors.New("want https (http only for a loopback host)")
	}
	authority.v1Prefix = v1Prefix(authority.base)
	return authority, nil
}

// Issuers returns the exact `iss` of a tenant's v1.0 and v2.0 tokens, when the authority is a cloud we know. Otherwise
// known is false, and the tenant's own discovery documents have to say.
func (a Authority) Issuers(tenant string) (v1, v2 string, known bool) {
	if a.v1Prefix == "" {
		return "", "", false
	}
	return a.v1Prefix + tenant + "/", a.base + "/" + tenant + "/v2.0", true
}

// ours returns an error unless address lies on this authority: same scheme, host and port.
func (a Authority) ours(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.User != nil || strings.ToLower(parsed.Scheme+"://"+parsed.Host) != a.base {
		return fmt.Errorf("jwks_uri does not lie on %s", a.base)
	}
	return nil
}

// v1Prefix is fixed per cloud: it is never taken from a token or from what a known cloud's document says.
func v1Prefix(base string) string {
	switch base {
	case DefaultAuthority, "https://login.microsoftonline.us":
		return "https://sts.windows.net/"
	case "https://login.partner.microsoftonline.cn":
		return "https://sts.chinacloudapi.cn/"
	default:
		return ""
	}
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || (address != nil && address.IsLoopback())
}

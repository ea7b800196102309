package entrakeys

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// DefaultAuthority is the sign-in host of the global cloud.
const DefaultAuthority = "https://login.microsoftonline.com"

// cloud is a preset: the issuers of one of Microsoft's clouds are fixed here, and never taken from a token, from the
// host a token names or from what a document of the cloud says.
type cloud struct {
	signIn  string   // what v2.0 issuers begin with, and where documents and keys are fetched
	v1      string   // the same of v1.0 issuers
	aliases []string // other names of the sign-in host, by which no issuer goes
}

// clouds holds those of learn.microsoft.com/entra/identity-platform/authentication-national-cloud; the aliases are those
// that MSAL knows (microsoft-authentication-library-for-go, authority.go). No document names the v1.0 issuer of the US
// Government's cloud: tokens seen there had the global one's. Who sees others names them with WithIssuers.
var clouds = []cloud{
	{DefaultAuthority, "https://sts.windows.net/", []string{"https://login.windows.net", "https://login.microsoft.com"}},
	{"https://login.microsoftonline.us", "https://sts.windows.net/", []string{"https://login.usgovcloudapi.net"}},
	{"https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn/", []string{"https://login.chinacloudapi.cn"}},
}

// Authority is the host that tenants' documents are fetched from, with the issuers it speaks for. The zero value is not
// usable.
type Authority struct {
	base   string // scheme and host, no trailing slash
	v1, v2 string // issuers with tenantTemplate in the tenant's place; v2 "" when only documents can tell
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
	if !isSecure(base) {
		return Authority{}, errors.New("want https (http only for a loopback host)")
	}
	for _, cloud := range clouds {
		if authority.base == cloud.signIn || slices.Contains(cloud.aliases, authority.base) {
			return Authority{cloud.signIn, cloud.v1 + tenantTemplate + "/", cloud.signIn + "/" + tenantTemplate + "/v2.0"}, nil
		}
	}
	return authority, nil
}

// WithIssuers returns the authority with other issuers than its cloud's; an empty one stays as it is. Each must be an
// address with "{tenantid}" in it. An authority that is no known cloud needs the v2.0 issuer, and has no v1.0 tokens
// unless that issuer is named too.
func (a Authority) WithIssuers(v1, v2 string) (Authority, error) {
	for _, template := range []string{v1, v2} {
		if template == "" {
			continue
		}
		if _, err := parseAddress(forTenant(template, "tenant")); err != nil || !strings.Contains(template, tenantTemplate) {
			return a, errors.New("want an https address with " + tenantTemplate + " in it")
		}
	}
	if v2 != "" {
		a.v2 = v2
	}
	if v1 != "" {
		a.v1 = v1
	}
	if a.v1 != "" && a.v2 == "" {
		return a, errors.New("the authority is no known cloud, so v1 needs v2 beside it")
	}
	return a, nil
}

// Gives reports whether the authority itself gives such tokens to a tenant (a lower-case GUID) of its own.
func (a Authority) Gives(issuer, tenant string) bool {
	v1, v2 := a.issuers(tenant)
	return issuer == v1 || issuer == v2 || strings.HasPrefix(issuer, a.base+"/"+tenant+"/")
}

// issuers returns the exact `iss` of a tenant's v1.0 and v2.0 tokens, empty where only the tenant's own discovery
// documents can say.
func (a Authority) issuers(tenant string) (v1, v2 string) {
	return forTenant(a.v1, tenant), forTenant(a.v2, tenant)
}

// ofACloud reports whether an address lies on a host of one of the clouds.
func ofACloud(address *url.URL) bool {
	origin := originOf(address)
	return slices.ContainsFunc(clouds, func(c cloud) bool {
		return origin == c.signIn || origin+"/" == c.v1 || slices.Contains(c.aliases, origin)
	})
}

// parseAddress reads an absolute https address (http on a loopback host) without user and fragment. It must be written as
// net/url writes it, the host in lower case, so that no two readers find different hosts in it.
func parseAddress(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" {
		return nil, errors.New("want https://host/…")
	}
	if address.User != nil {
		return nil, errors.New("want no user and password in it (what stands before @)")
	}
	if strings.Contains(text, "#") {
		return nil, errors.New("want no fragment (what stands behind #)")
	}
	if strings.Contains(text, tenantTemplate) {
		return nil, errors.New("want the tenant's id in place of " + tenantTemplate)
	}
	if address.String() != text || strings.ToLower(address.Host) != address.Host {
		return nil, errors.New("want a plain address, the host in lower case")
	}
	if !isSecure(address) {
		return nil, errors.New("want https (http only for a loopback host)")
	}
	return address, nil
}

func isSecure(address *url.URL) bool {
	return address.Scheme == "https" || (address.Scheme == "http" && isLoopback(address.Hostname()))
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || (address != nil && address.IsLoopback())
}

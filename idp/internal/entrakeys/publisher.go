package entrakeys

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	discoveryPath = "/.well-known/openid-configuration"
	appIDName     = "appid" // the query member by which Entra shows the keys of one app
)

// Publisher says where an issuer's documents stand and what they must say. Authority.Tenant and Named make one.
type Publisher struct {
	name       string // for operators
	tenant     string // lower-case GUID
	metadata   string // the discovery document that leads to the keys
	v1Metadata string // the one for v1.0 tokens, which only names their issuer; "" for an issuer that is trusted by name
	origin     string // scheme and host that everything is fetched from
	appID      string // "" unless keys of one app are wanted

	v1Issuer, v2Issuer string // "" where the documents are to say
	named              bool   // trusted by its exact issuer instead of as an authority's tenant
	policy             string // the one whose tokens are meant, in lower case; "" where the issuer says all there is to say
}

// Tenant returns the publisher of an authority's tenant (a lower-case GUID). An app that signs with a key of its own
// (claims mapping) is named by appID, a client id: its key is only in the documents that are asked for with ?appid=
// (learn.microsoft.com/entra/identity-platform/access-tokens, "Validate the signature").
func (a Authority) Tenant(tenant, appID string) Publisher {
	home := a.base + "/" + tenant
	p := Publisher{name: "tenant " + tenant, tenant: tenant, origin: a.base, appID: appID}
	p.metadata = withAppID(home+"/v2.0"+discoveryPath, appID)
	p.v1Metadata = withAppID(home+discoveryPath, appID)
	p.v1Issuer, p.v2Issuer = a.issuers(tenant)
	return p
}

// Named returns the publisher of an issuer that is trusted by its exact name, for a tenant (a lower-case GUID). metadata
// is its discovery document, "" for the one that stands below the issuer (OpenID Connect Discovery section 4). A query
// member appid of metadata is carried on to the keys. Where it names a policy of B2C and the issuer does not, a token must
// name the same: all policies may have one issuer and one key. The error says what is wrong.
func Named(tenant, issuer, metadata string) (Publisher, error) {
	address, err := parseAddress(issuer)
	switch {
	case err != nil:
		return Publisher{}, fmt.Errorf("the issuer: %w", err)
	case strings.ContainsRune(issuer, '?'):
		return Publisher{}, errors.New("the issuer: want no query")
	case strings.HasSuffix(issuer, discoveryPath):
		return Publisher{}, errors.New("the issuer: want the iss of its tokens, and the address of its discovery document behind it, after a blank")
	case ofACloud(address):
		return Publisher{}, errors.New("the issuer is a cloud's: name the authority and the tenant instead")
	case metadata == "" && isOfAllPolicies(address):
		return Publisher{}, errOfAllPolicies
	case metadata == "":
		metadata = strings.TrimSuffix(issuer, "/") + discoveryPath
	}
	document, err := parseAddress(metadata)
	if err != nil {
		return Publisher{}, fmt.Errorf("the discovery document: %w", err)
	}
	if namesAnother(tenant, address) {
		return Publisher{}, errors.New("the issuer: the GUID in it is not the tenant id")
	}
	if namesAnother(tenant, document) {
		return Publisher{}, errors.New("the discovery document: the GUID in its address is not the tenant id")
	}
	policy, err := policyOf(address, document)
	if err != nil {
		return Publisher{}, err
	}
	name := "issuer " + issuer
	if policy != "" {
		name += " policy " + policy
	}
	return Publisher{
		name: name, tenant: tenant, metadata: metadata, origin: originOf(document), policy: policy,
		appID: document.Query().Get(appIDName), v1Issuer: issuer, v2Issuer: issuer, named: true,
	}, nil
}

var aGUID = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// namesAnother reports whether host or path hold the id of another tenant: its users would pass for this one's. A query may
// hold the id of an app.
func namesAnother(tenant string, address *url.URL) bool {
	return slices.ContainsFunc(aGUID.FindAllString(address.Host+address.Path, -1), func(id string) bool {
		return !strings.EqualFold(id, tenant)
	})
}

// knows reports whether the issuers are known before any document was read.
func (p *Publisher) knows() bool { return p.v2Issuer != "" }

// keysAt returns where to fetch the keys that a discovery document tells us of. They must lie on the host the document
// came from: same scheme, host and port.
func (p *Publisher) keysAt(jwksURI string) (string, error) {
	address, err := url.Parse(jwksURI)
	if err != nil || address.User != nil || strings.ToLower(originOf(address)) != p.origin {
		return "", fmt.Errorf("jwks_uri does not lie on %s", p.origin)
	}
	return withAppID(jwksURI, p.appID), nil
}

func originOf(address *url.URL) string { return address.Scheme + "://" + address.Host }

// withAppID sets the query member, unless there is no app to name or it is named already.
func withAppID(raw, appID string) string {
	address, err := url.Parse(raw)
	if appID == "" || err != nil || address.Query().Get(appIDName) == appID {
		return raw
	}
	query := address.Query()
	query.Set(appIDName, appID)
	address.RawQuery = query.Encode()
	return address.String()
}

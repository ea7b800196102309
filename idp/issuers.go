package idp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// Issuer is an issuer that is trusted by its exact name, beside the authority's tenants: that of an External ID tenant or
// of a B2C tenant. It is never worked out from a token or a document: a token belongs to it when its iss is this very
// URL, and its discovery document must name the same.
//
// Such a token may come with ver 1.0 or 2.0. It need not have a tid (those of B2C have none), but one that is there must
// be TenantID, else it is tenant_not_allowed. It must have an oid, as every other: in B2C the user flow has to return
// "User's Object ID". Its sub may be the object id for users too, so only idtyp tells an app. An account of a social
// provider is a guest, as its idp says.
type Issuer struct {
	TenantID string // whose users these are, a GUID; it becomes Subject.TenantID
	URL      string // the exact iss, byte by byte, with or without a trailing slash

	// Metadata is the address of the discovery document; "" for the one below URL. Keys must lie on its host. For an app
	// that signs with a key of its own it has ?appid=.
	Metadata string
}

// errIssuerForm is what ParseIssuer says of a text that has another form.
var errIssuerForm = errors.New("want <tenant id>=<issuer>, or <tenant id>=<issuer> <discovery document>")

// ParseIssuer reads an issuer written as "<tenant id>=<issuer>", with the address of the discovery document after a space
// where it does not stand below the issuer. The error says what is wrong, without repeating text.
func ParseIssuer(text string) (Issuer, error) {
	tenant, rest, found := strings.Cut(strings.TrimSpace(text), "=")
	words := strings.Fields(rest)
	if !found || len(words) < 1 || len(words) > 2 {
		return Issuer{}, errIssuerForm
	}
	issuer := Issuer{TenantID: strings.TrimSpace(tenant), URL: words[0]}
	if len(words) == 2 {
		issuer.Metadata = words[1]
	}
	if _, err := issuer.publisher(); err != nil {
		return Issuer{}, err
	}
	return issuer, nil
}

// publisher checks the issuer.
func (i Issuer) publisher() (entrakeys.Publisher, error) {
	tenant, ok := guid(i.TenantID)
	if !ok {
		return entrakeys.Publisher{}, errors.New("the tenant id is not a GUID")
	}
	return entrakeys.Named(tenant, i.URL, i.Metadata)
}

// sources are where keys come from.
type sources struct {
	tenants map[string]*entrakeys.Source // the authority's tenants, by id
	issuers map[string]*entrakeys.Source // those trusted by name, by iss
	all     []*entrakeys.Source          // in the order of the configuration
}

// sources returns a source for each tenant and each issuer. The error names every fault.
func (c Config) sources() (sources, error) {
	s := sources{tenants: map[string]*entrakeys.Source{}, issuers: map[string]*entrakeys.Source{}}
	authority, authorityErr := c.authority()
	tenants, tenantsErr := guids("Tenants", c.Tenants)
	appID, appErr := c.signingKeyApp()
	faults := []error{authorityErr, tenantsErr, wrong("SigningKeyAppID", appErr)}
	add := func(of map[string]*entrakeys.Source, name string, publisher entrakeys.Publisher) {
		if of[name] == nil {
			of[name] = entrakeys.NewSource(publisher, c.HTTPClient, c.Now)
			s.all = append(s.all, of[name])
		}
	}
	for _, tenant := range tenants {
		add(s.tenants, tenant, authority.Tenant(tenant, appID))
	}
	for _, issuer := range c.Issuers {
		publisher, err := issuer.publisher()
		if err == nil && s.issuers[issuer.URL] != nil {
			err = errors.New("it is there twice")
		}
		if err != nil {
			faults = append(faults, wrong("Issuers", fmt.Errorf("%q: %w", issuer.URL, err)))
			continue
		}
		add(s.issuers, issuer.URL, publisher)
	}
	return s, errors.Join(faults...)
}

func (c Config) authority() (entrakeys.Authority, error) {
	base := c.Authority
	if base == "" {
		base = entrakeys.DefaultAuthority
	}
	authority, err := entrakeys.ParseAuthority(base)
	if err != nil {
		return authority, wrong("Authority", err)
	}
	authority, v2Err := authority.WithIssuers("", c.V2Issuer)
	authority, v1Err := authority.WithIssuers(c.V1Issuer, "")
	return authority, errors.Join(wrong("V2Issuer", v2Err), wrong("V1Issuer", v1Err))
}

func (c Config) signingKeyApp() (string, error) {
	if c.SigningKeyAppID == "" {
		return "", nil
	}
	id, ok := guid(c.SigningKeyAppID)
	if !ok {
		return "", fmt.Errorf("%q is not a GUID", c.SigningKeyAppID)
	}
	return id, nil
}

package idp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// sources are where keys come from.
type sources struct {
	tenants map[string]*entrakeys.Source // the authority's tenants, by id
	issuers map[string]policies          // those trusted by name, by iss
	all     []*entrakeys.Source          // in the order of the configuration
}

// policies are where the keys of one issuer come from that is trusted by name, by the policy that a token must name, in
// lower case. There is nothing but "" where it need not name one.
type policies map[string]*entrakeys.Source

// sources returns a source for each tenant and each issuer. The error names every fault.
func (c Config) sources() (sources, error) {
	s := sources{tenants: map[string]*entrakeys.Source{}, issuers: map[string]policies{}}
	authority, authorityErr := c.authority()
	tenants, tenantsErr := guids("Tenants", c.Tenants)
	appID, appErr := c.signingKeyApp()
	faults := []error{authorityErr, tenantsErr, wrong("SigningKeyAppID", appErr)}
	for _, tenant := range tenants {
		if s.tenants[tenant] == nil {
			s.tenants[tenant] = c.source(authority.Tenant(tenant, appID))
			s.all = append(s.all, s.tenants[tenant])
		}
	}
	for i, issuer := range c.Issuers {
		publisher, err := issuer.publisher()
		if tenant, _ := guid(issuer.TenantID); err == nil && authority.Gives(issuer.URL, tenant) {
			err = errors.New("the issuer is the authority's own: name the tenant among its tenants instead")
		}
		if err == nil {
			err = s.addNamed(issuer.URL, c.source(publisher))
		}
		if err != nil {
			faults = append(faults, wrong("Issuers", fmt.Errorf("item %d: %w", i+1, err)))
		}
	}
	return s, errors.Join(faults...)
}

func (c Config) source(publisher entrakeys.Publisher) *entrakeys.Source {
	return entrakeys.NewSource(publisher, c.HTTPClient, c.Now)
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

// addNamed adds the source of an issuer that is trusted by name, unless a token could belong to another one too, or its
// users pass for those of another directory: grants know callers by tenant and object id.
func (s *sources) addNamed(issuer string, source *entrakeys.Source) error {
	if s.tenants[source.Tenant()] != nil {
		return errors.New("its tenant id is that of one of the authority's tenants too, and a tenant for customers is a directory of its own")
	}
	others := s.issuers[issuer]
	if others == nil {
		others = policies{}
		s.issuers[issuer] = others
	}
	for policy, other := range others {
		switch {
		case other.Tenant() != source.Tenant():
			return errors.New("the same issuer is there already, for another tenant")
		case policy == "", policy == source.Policy(), source.Policy() == "":
			return errors.New("the same issuer is there already")
		}
	}
	others[source.Policy()] = source
	s.all = append(s.all, source)
	return nil
}

// of picks the keys by claims that are not verified yet. That is safe: a wrong choice leads to keys that did not sign the
// token, or to a policy that the signed token does not name. An issuer that is trusted by name goes by iss, and a tid that
// is there must be its tenant's; everybody else goes by tid, which must be there and on the list. Their iss is compared
// later, with what the tenant's must be.
func (s sources) of(c *claims) (*entrakeys.Source, error) {
	if named := s.issuers[c.iss.value]; named != nil { // none has the name ""
		return named.of(c)
	}
	id, err := c.tid.mustGUID("tid")
	if err != nil {
		return nil, err
	}
	tenant, ok := s.tenants[id]
	if !ok {
		return nil, refuse(ReasonTenantNotAllowed, "tid is not on the list of tenants")
	}
	return tenant, nil
}

func (p policies) of(c *claims) (*entrakeys.Source, error) {
	source, err := p.named(c)
	if err != nil || c.tid.state == absent {
		return source, err
	}
	id, err := c.tid.mustGUID("tid")
	if err != nil {
		return nil, err
	}
	if id != source.Tenant() {
		return nil, refuse(ReasonTenantNotAllowed, "tid is not the tenant of its issuer")
	}
	return source, nil
}

// named goes by tfp, or by acr as older policies of B2C call it.
func (p policies) named(c *claims) (*entrakeys.Source, error) {
	if source := p[""]; source != nil {
		return source, nil
	}
	claim := c.tfp
	if claim.state == absent {
		claim = c.acr
	}
	policy, err := claim.must("tfp, or acr in its place,")
	if err != nil {
		return nil, err
	}
	source := p[strings.ToLower(policy)]
	if source == nil {
		return nil, refuse(ReasonIssuerUnknown, "tfp or acr names a policy that is not on the list for this issuer")
	}
	return source, nil
}

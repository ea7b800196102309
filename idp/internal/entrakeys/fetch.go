package entrakeys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

// maxBody bounds every document, counted after decompression. Entra's largest are a few kilobytes.
const maxBody = 512 << 10

var (
	errNotDiscovery = errors.New("not a discovery document")
	errNotFound     = errors.New("answered 404")
)

// discovery is what we need of an OpenID Connect discovery document.
type discovery struct {
	issuer, jwksURI, cloud string
}

// fetch reads the tenant's documents and keys, all within the context's deadline. Whatever is missing, wrong or from
// elsewhere is an error: a set is taken whole or not at all.
func (s *Source) fetch(ctx context.Context) (*Set, error) {
	home := s.authority.base + "/" + s.tenant
	v2, err := s.discover(ctx, home+"/v2.0/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	set := &Set{tenant: s.tenant, cloud: v2.cloud, fetched: s.now()}
	if set.V1Issuer, set.V2Issuer, err = s.issuers(ctx, home, v2); err != nil {
		return nil, err
	}
	if err := s.authority.ours(v2.jwksURI); err != nil {
		return nil, err
	}
	body, err := s.get(ctx, v2.jwksURI)
	if err != nil {
		return nil, err
	}
	if set.keys, err = ParseSet(body); err != nil {
		return nil, fmt.Errorf("read %s: %w", v2.jwksURI, err)
	}
	return set, nil
}

// issuers returns the exact issuers of the tenant's v1.0 and v2.0 tokens. Those of a known cloud are known beforehand,
// and a document that says otherwise is not believed. Those of any other authority are what its documents say; one
// without a v1.0 document has no v1.0 tokens.
func (s *Source) issuers(ctx context.Context, home string, v2 discovery) (string, string, error) {
	v1Issuer, v2Issuer, known := s.authority.Issuers(s.tenant)
	if known {
		if v2.issuer != v2Issuer {
			return "", "", fmt.Errorf("the discovery document below %s names another issuer than its cloud's", home)
		}
		return v1Issuer, v2Issuer, nil
	}
	v1, err := s.discover(ctx, home+"/.well-known/openid-configuration")
	if err != nil && !errors.Is(err, errNotFound) {
		return "", "", err
	}
	return forTenant(v1.issuer, s.tenant), forTenant(v2.issuer, s.tenant), nil
}

func (s *Source) discover(ctx context.Context, address string) (discovery, error) {
	body, err := s.get(ctx, address)
	if err != nil {
		return discovery{}, err
	}
	var found discovery
	if err := strict.Object(body, found.read); err != nil || found.issuer == "" || found.jwksURI == "" {
		return discovery{}, fmt.Errorf("read %s: %w", address, errNotDiscovery)
	}
	return found, nil
}

func (d *discovery) read(name string, value jsontext.Value) error {
	var into *string
	switch name {
	case "issuer":
		into = &d.issuer
	case "jwks_uri":
		into = &d.jwksURI
	case "cloud_instance_name":
		into = &d.cloud
	default:
		return nil
	}
	text, ok := strict.Text(value)
	if !ok {
		return errNotDiscovery
	}
	*into = text
	return nil
}

// get returns the body of a 200. The client follows no redirects, so what comes back is what this address said.
func (s *Source) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err // names method and address already
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", address, errNotFound)
	default:
		return nil, fmt.Errorf("%s answered %d", address, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("read %s: longer than %d bytes", address, maxBody)
	}
	return body, nil
}

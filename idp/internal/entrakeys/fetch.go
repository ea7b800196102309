package entrakeys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/aadsts"
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

// fetch reads the publisher's documents and keys, all within the context's deadline. Whatever is missing, wrong or from
// elsewhere is an error: a set is taken whole or not at all.
func (s *Source) fetch(ctx context.Context) (*Set, error) {
	found, err := s.discover(ctx, s.publisher.metadata)
	if err != nil {
		return nil, err
	}
	set := &Set{Facts: Facts{Named: s.publisher.named, tenant: s.publisher.tenant, cloud: found.cloud}, fetched: s.now()}
	if set.V1Issuer, set.V2Issuer, err = s.issuers(ctx, found); err != nil {
		return nil, err
	}
	address, err := s.publisher.keysAt(found.jwksURI)
	if err != nil {
		return nil, err
	}
	body, err := s.get(ctx, address)
	if err != nil {
		return nil, err
	}
	if set.keys, err = ParseSet(body); err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	set.inherit(s.held.Load())
	return set, nil
}

// issuers returns the exact issuers of v1.0 and v2.0 tokens. Those that are known beforehand are what was configured, and
// a document that says otherwise is not believed. Those of an authority that is no known cloud are what its documents
// say; one without a v1.0 document has no v1.0 tokens.
func (s *Source) issuers(ctx context.Context, found discovery) (v1Issuer, v2Issuer string, err error) {
	p := &s.publisher
	if p.knows() {
		if found.issuer != p.v2Issuer {
			return "", "", fmt.Errorf("%s names another issuer, %.200q, than the one configured, %.200q", p.metadata, found.issuer, p.v2Issuer)
		}
		return p.v1Issuer, p.v2Issuer, nil
	}
	v1, err := s.discover(ctx, p.v1Metadata)
	if err != nil && !errors.Is(err, errNotFound) {
		return "", "", err
	}
	return forTenant(v1.issuer, p.tenant), forTenant(found.issuer, p.tenant), nil
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
	asked := s.now()
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err // names method and address already
	}
	defer response.Body.Close()
	if offset, ok := measure(asked, s.now(), response.Header); ok {
		s.offset.Store(&offset)
	}
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", address, errNotFound)
	default:
		return nil, refused(address, response)
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

// refused says what an answer is that is neither a document nor a 404. Entra's own number and its cure are taken from it,
// and nothing else.
func refused(address string, response *http.Response) error {
	text := fmt.Sprintf("%s answered %d", address, response.StatusCode)
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return errors.New(text)
	}
	_ = strict.Object(body, func(name string, value jsontext.Value) error { // a body that is no JSON says nothing
		description, _ := strict.Text(value)
		if code, cure := aadsts.Find(description); name == "error_description" && code != "" {
			text += " (" + code + ")"
			if cure != "" {
				text += "; " + cure
			}
		}
		return nil
	})
	return errors.New(text)
}

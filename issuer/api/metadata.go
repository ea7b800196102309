package api

import (
	"net/http"
	"time"
)

// mayKeepMetadata is for an hour. The metadata changes with a release or a setting only.
var mayKeepMetadata = publicFor(time.Hour)

// metadata is RFC 8414 §2, with the members that OpenID Connect Discovery §3 asks for besides, so that libraries which
// know only that find the key set too. No ID tokens are issued, and there is no authorization endpoint.
type metadata struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	JWKSURI       string   `json:"jwks_uri"`
	GrantTypes    []string `json:"grant_types_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	SigningAlgs   []string `json:"id_token_signing_alg_values_supported"`
}

// renderMetadata returns the document for both well-known names. The issuer is byte for byte the URL that was configured.
func renderMetadata(url string) []byte {
	return mustMarshal(metadata{
		Issuer: url, TokenEndpoint: url + pathToken, JWKSURI: url + pathJWKS,
		GrantTypes:    []string{grantTokenExchange},
		ResponseTypes: []string{"none"}, // required, and no list may be empty (RFC 8414 §3.2)
		AuthMethods:   []string{"none"}, // the subject token is what counts
		SubjectTypes:  []string{"public"},
		SigningAlgs:   []string{"ES256", "RS256", "EdDSA"}, // during a change of the setting more than one is in use
	})
}

func (a *API) describe(w http.ResponseWriter, r *http.Request, _ *entry) error {
	writePublic(w, r, a.metadata, "", mayKeepMetadata)
	return nil
}

package idp

import (
	"errors"
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
//
// Every policy of a B2C tenant has the same iss, and often the same key, unless it is set to the form with /tfp/. So where
// the address of Metadata names a policy and URL has no /tfp/, tfp (or acr, where tfp is not there) must name it too,
// without regard to case. Issuers that differ in nothing but the policy may stand side by side.
type Issuer struct {
	TenantID string // whose users these are, a GUID; it becomes Subject.TenantID
	URL      string // the exact iss, byte by byte, with or without a trailing slash

	// Metadata is the address of the discovery document; "" for the one below URL. Keys must lie on its host. For an app
	// that signs with a key of its own it has ?appid=.
	Metadata string
}

var errSemicolon = errors.New("want commas between issuers, and no semicolon")

// errIssuerForm is what ParseIssuer says of a text that has another form.
var errIssuerForm = errors.New("want <tenant id>=<issuer>, or <tenant id>=<issuer> <discovery document>")

// ParseIssuer reads an issuer written as "<tenant id>=<issuer>", with the address of the discovery document after a space
// where it does not stand below the issuer. The error says what is wrong, without repeating text.
func ParseIssuer(text string) (Issuer, error) {
	tenant, rest, found := strings.Cut(strings.TrimSpace(text), "=")
	words := strings.Fields(rest)
	if strings.Contains(text, ";") {
		return Issuer{}, errSemicolon
	}
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

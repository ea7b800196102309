package keyvault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// problem is an error for the operator. Its text is made of our own words, the
// settings and a few codes known by heart: what a service answered may repeat
// what it was sent, and the SDK's errors quote it in full.
type problem struct {
	text string
	kind error // ErrUnavailable, an error of the caller's context, or nil
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.kind }

// problem begins with the key's URL, by which the operator knows the setting.
func (c *call) problem(kind error, format string, args ...any) *problem {
	return &problem{kind: kind, text: fmt.Sprintf("%s with %s: ", c.operation, c.key) + fmt.Sprintf(format, args...)}
}

// explain turns the SDK's error into ours. What the transport met comes first,
// as the SDK's error then only repeats it, in part as text.
func (c *call) explain(ctx, limited context.Context, err error) error {
	c.mu.Lock()
	failed := c.failed
	c.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return c.problem(ctx.Err(), "stopped before the vault answered (%v)", ctx.Err())
	case failed != nil:
		return failed
	case limited.Err() != nil:
		return c.problem(ErrUnavailable, "no answer within %v; try again later", patience)
	}
	if refused, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return c.signInRefused(refused.RawResponse)
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return c.vaultRefused(answer.RawResponse)
	}
	return c.problem(nil, "what answers there does not speak as Azure Key Vault does; "+
		"check the URL, and that no proxy answers in its place")
}

// signInRefused shows the numbers of Entra's errors, which can be looked up;
// the sentences beside them name ids and times.
func (c *call) signInRefused(r *http.Response) error {
	who := fmt.Sprintf("signing in as client %s of tenant %s at %s",
		c.config.ClientID, c.config.TenantID, c.config.Authority)
	if r == nil {
		return c.problem(nil, "%s: what answers there does not speak as Entra does; check the authority", who)
	}
	if busy(r.StatusCode) {
		return c.problem(ErrUnavailable, "%s: it answered %d; try again later", who, r.StatusCode)
	}
	var body struct {
		Codes []int `json:"error_codes"`
	}
	_ = decode(r, &body)
	code := fmt.Sprintf("HTTP status %d", r.StatusCode)
	if len(body.Codes) > 0 {
		code = fmt.Sprintf("AADSTS%d", body.Codes[0])
	}
	advice := "check the tenant id, the client id, and that the client secret is right and not expired"
	if c.config.FederatedTokenFile != "" {
		advice = "check the tenant id, the client id, and that the identity has a federated credential for " +
			"the issuer and subject of the token in " + c.config.FederatedTokenFile
	}
	return c.problem(nil, "%s was refused (%s); %s", who, code, advice)
}

// vaultRefused knows the answers of the REST API:
// https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
func (c *call) vaultRefused(r *http.Response) error {
	switch status := r.StatusCode; {
	case busy(status):
		return c.problem(ErrUnavailable, "the vault answered %d; try again later", status)
	case status == http.StatusUnauthorized:
		return c.problem(nil, "the vault does not accept the token of client %s of tenant %s; "+
			"check that the vault belongs to that tenant and cloud", c.config.ClientID, c.config.TenantID)
	case status == http.StatusForbidden:
		return c.forbidden(r)
	case status == http.StatusNotFound:
		return c.problem(nil, "the vault has no such key or version; check the URL, and whether the key was deleted")
	case status == http.StatusBadRequest && c.operation == "unwrapKey":
		return c.problem(nil, "the vault cannot unwrap it; it was altered, or wrapped with another key, version or "+
			"algorithm than %s", wrapAlgorithm)
	case status == http.StatusBadRequest:
		return c.problem(nil, "the vault cannot wrap with it; the key must be an RSA key, for %s", wrapAlgorithm)
	default:
		return c.problem(nil, "the vault answered %d, which is not for this; check the URL", status)
	}
}

// forbidden tells apart what Key Vault has one status for.
func (c *call) forbidden(r *http.Response) error {
	var body struct {
		Error struct {
			Inner struct {
				Code string `json:"code"`
			} `json:"innererror"` // the service also spells it innerError, which the decoder takes as well
		} `json:"error"`
	}
	_ = decode(r, &body)
	role := "Key Vault Crypto User"
	if c.key.managedHSM() {
		role = "Managed HSM Crypto User"
	}
	switch code := body.Error.Inner.Code; {
	case code == "KeyDisabled":
		return c.problem(nil, "this version of the key is disabled; enable it, or wrap anew with another version")
	case code == "KeyOperationForbidden":
		return c.problem(nil, "the key does not permit it; add %s to the key's permitted operations", c.operation)
	case strings.HasPrefix(code, "Key"):
		return c.problem(nil, "the vault refuses this version of the key; check its activation and expiry dates")
	case strings.HasPrefix(code, "ForbiddenBy") && code != "ForbiddenByRbac" && code != "ForbiddenByPolicy":
		return c.problem(nil, "the vault's firewall refuses this address; allow it in the vault's networking settings")
	}
	return c.problem(nil, "the identity (client %s) may not %s with it; grant it the role %s on the vault or the key",
		c.config.ClientID, c.operation, role)
}

// busy are the answers that waiting can cure.
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500
}

// decode reads a body that the transport has bounded and the SDK may have read.
func decode(r *http.Response, into any) error {
	body, err := runtime.Payload(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

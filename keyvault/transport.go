package keyvault

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxBody is some ten times the longest answer that is right, Entra's list of
// clouds.
const maxBody = 128 << 10

// transport carries the requests of a call, to the vault and to the sign-in,
// and remembers in our words why one had no answer.
type transport struct{ call *call }

// Do is what the SDK asks of a transport.
func (t transport) Do(r *http.Request) (*http.Response, error) {
	t.call.forget()
	if p := t.call.astray(r); p != nil {
		return nil, t.call.remember(p)
	}
	r, err := detached(r)
	if err != nil {
		return nil, err
	}
	response, err := t.call.client.Do(r) //nolint:gosec // ParseKey, Config.check and astray say which hosts these can be
	if err != nil {
		return nil, t.call.remember(t.call.unanswered(r, err))
	}
	response.Body = &bounded{body: response.Body, left: maxBody, call: t.call, request: r}
	if response.StatusCode == http.StatusUnauthorized && t.call.toVault(r) {
		if p := t.call.challenged(response.Header.Get("WWW-Authenticate")); p != nil {
			_ = response.Body.Close()
			return nil, t.call.remember(p)
		}
	}
	return response, nil
}

// detached gives the request a body of its own. The SDK sends one reader again
// at each try, while net/http may still be reading it for the try before, as a
// server may answer or hang up before it has the whole body.
func detached(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.WithContext(r.Context()) // a copy
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, err = r.GetBody()
	return r, err
}

// remember returns p as an error for the SDK.
func (c *call) remember(p *problem) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = p
	return p
}

// forget makes room for what the next request meets with.
func (c *call) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = nil
}

// toVault tells the vault's requests from those of the sign-in; a stand-in may
// be both at one host.
func (c *call) toVault(r *http.Request) bool {
	return r.URL.Host == c.key.host() && strings.HasPrefix(r.URL.Path, "/keys/")
}

// regional are the sign-in hosts of single regions, which the SDK goes to where
// AZURE_REGIONAL_AUTHORITY_NAME says so.
const regional = ".login.microsoft.com"

// astray holds what has a body, and so holds the client secret or the federated
// token, to the authority's own host: the SDK posts to wherever the authority's
// document says that tokens are handed out.
func (c *call) astray(r *http.Request) *problem {
	if r.Body == nil || r.Body == http.NoBody || c.toVault(r) {
		return nil
	}
	authority, err := url.Parse(c.config.Authority)
	ours := err == nil && strings.EqualFold(r.URL.Host, authority.Host) || strings.HasSuffix(r.URL.Host, regional)
	if ours && r.URL.Scheme == "https" {
		return nil
	}
	return c.problem(nil, "the sign-in at %s sends us to another host with our credential, which we do not follow; "+
		"check the authority", c.config.Authority)
}

// unanswered takes the sentence of errors that are known to speak of addresses
// only. Others can quote what the other side sent.
func (c *call) unanswered(r *http.Request, err error) *problem {
	who := "the vault"
	if !c.toVault(r) {
		who = "the sign-in at " + c.config.Authority
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	network, known := errors.AsType[*net.OpError](err)
	switch {
	case untrusted:
		return c.problem(nil, "%s shows a certificate that is not trusted (%v); check for a proxy that opens TLS",
			who, distrust(err))
	case errors.Is(err, context.DeadlineExceeded):
		return c.problem(ErrUnavailable, "%s did not answer within %v; check the network and try again", who, patience)
	case known:
		return c.problem(ErrUnavailable, "%s cannot be reached (%v); check the host and the network, and try again",
			who, network)
	}
	return c.problem(ErrUnavailable, "%s broke the connection off; check the network and try again", who)
}

// distrust says what is wrong with a certificate. Go's own sentences quote the
// names in it, which whoever answers there has chosen.
func distrust(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "it is for another host"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "it is signed by an authority that this machine does not know"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "it is expired or not yet valid"
	}
	return "it breaks a rule for certificates"
}

// challenge is how the vault says where to sign in, and in which tenant:
//
//	Bearer authorization="https://login.microsoftonline.com/TENANT", resource="https://vault.azure.net"
var challenge = regexp.MustCompile(`^Bearer authorization="https://[^/" ]+/([0-9A-Za-z.-]+)"`)

// challenged holds the challenge to its form, as the SDK's own parser panics at
// an authorization without a path, also at one that comes second or appears when
// it takes every "Bearer " away; and to the tenant, as the SDK's error does not
// tell which setting is wrong. The resource is the SDK's to check.
func (c *call) challenged(header string) *problem {
	found := challenge.FindStringSubmatch(header)
	once := strings.Count(header, "authorization=") == 1 && strings.Count(header, "Bearer ") == 1
	if found == nil || !once {
		return c.problem(nil, "what answers there does not ask for a token as Azure Key Vault does; "+
			"check the URL, and that no proxy answers in its place")
	}
	if !strings.EqualFold(found[1], c.config.TenantID) {
		return c.problem(nil, "the vault trusts another tenant than %s; set the tenant id to that of the vault's "+
			"subscription, and use an identity that lives there", c.config.TenantID)
	}
	return nil
}

// bounded ends a body that is too long, and remembers why a body ended early.
type bounded struct {
	body    io.ReadCloser
	left    int
	call    *call
	request *http.Request
}

func (b *bounded) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.call.remember(b.call.problem(nil, "an answer is longer than any that Azure gives; check for a proxy"))
	}
	n, err := b.body.Read(into[:min(len(into), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.call.remember(b.call.unanswered(b.request, err))
	}
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }

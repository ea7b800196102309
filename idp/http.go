package idp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// NewHTTPClient returns the client a Verifier uses when it is given none: TLS 1.2 at least, a proxy where the
// environment names one, no redirects, short waits. Bodies are bounded by their readers.
func NewHTTPClient() *http.Client {
	return &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    3 * time.Second,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           16,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// Unanswered returns why a request had no answer, or no whole one, without the words of net/http, which may quote what the other side
// sent: that could be a token of ours, or anything.
func Unanswered(err error) error {
	timeout, isTimeout := errors.AsType[net.Error](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	untrusted, isUntrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case isDial && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		return dial
	case isTimeout && timeout.Timeout():
		return context.DeadlineExceeded
	case isUntrusted: // before anything was sent
		return untrusted
	case errors.Is(err, http.ErrSchemeMismatch):
		return http.ErrSchemeMismatch
	default:
		return errors.New("the connection broke")
	}
}

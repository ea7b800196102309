package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// unanswered returns why a request had no answer, or no whole one, without the words of net/http, which may quote what the other side
// sent: that could be a token of ours, or anything.
func unanswered(err error) error {
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

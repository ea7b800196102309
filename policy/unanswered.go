package policy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
)

// unanswered returns why a request had no answer, or no whole one, in none of the other side's words, which net/http's errors may quote: that
// could be a token of ours, or anything. Its errors are context's, net's of a connection that was not made, and sentences.
func unanswered(err error) error {
	timeout, isTimeout := errors.AsType[net.Error](err)
	dial, isDial := errors.AsType[*net.OpError](err) // or an alert of TLS, of which there is a list
	switch _, isUntrusted := errors.AsType[*tls.CertificateVerificationError](err); {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case isUntrusted: // also a proxy's
		return errors.New("its certificate is not trusted: " + distrust(err))
	case isDial && (dial.Op == "dial" || dial.Op == "proxyconnect" || dial.Op == "remote error"):
		return dial
	case isTimeout && timeout.Timeout():
		return context.DeadlineExceeded
	case errors.Is(err, http.ErrSchemeMismatch):
		return http.ErrSchemeMismatch
	default:
		return errors.New("the connection broke, or what answers does not speak HTTP")
	}
}

// distrust says what is wrong with a certificate, and not which names it has: whoever answers there has chosen them.
func distrust(err error) string {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	if _, other := errors.AsType[x509.HostnameError](err); other {
		return "it is for another host"
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return "this machine does not know the authority that signed it"
	}
	if isInvalid && invalid.Reason == x509.Expired {
		return "it is expired or not yet valid"
	}
	return "it does not hold"
}

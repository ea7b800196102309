package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// redisPlace is where a Redis URL leads, without user and password. The URL was checked.
func redisPlace(redisURL string) string {
	u, err := url.Parse(redisURL)
	if err != nil {
		return ""
	}
	places := append([]string{cmp.Or(u.Host, u.Path)}, u.Query()["addr"]...)
	return strings.Join(places, ", ")
}

// redisCause says in our own words why Redis cannot be used, and what to do about it. What came over the connection is
// not quoted: whatever answers there need not be Redis.
func redisCause(err error, overTLS bool) (detail, cure string) {
	_, answer := errors.AsType[redis.Error](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	network, isNetwork := errors.AsType[net.Error](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case redis.IsAuthError(err):
		return "it refuses the user or password", "write those that it knows before the host of ISSUER_REDIS_URL, percent-encoded; a password alone, behind a colon, is the default user's"
	case redis.HasErrorPrefix(err, "DB index"):
		return "it has no database of that number", "write a number that it has to the end of ISSUER_REDIS_URL, or none, which is 0"
	case redis.IsLoadingError(err):
		return "it is loading its data", "wait until it has"
	case answer:
		return "it refuses the connection", "see its log, and what the user may do"
	case certificate:
		return "its certificate is not trusted, or is not for that name", "write the host as the certificate names it, and name an authority of your own by SSL_CERT_FILE"
	case plain:
		return "no TLS is spoken there", "write redis:// in place of rediss://, or the port that speaks TLS"
	case isDNS && dns.IsNotFound:
		return "there is no such host", "check the host of ISSUER_REDIS_URL"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused: nothing listens there", "check host and port of ISSUER_REDIS_URL, and that Redis runs"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket", "check the path of ISSUER_REDIS_URL, and that Redis runs"
	case errors.Is(err, context.DeadlineExceeded), isNetwork && network.Timeout():
		return "it does not answer in time", "check host and port of ISSUER_REDIS_URL, and what is between: a firewall, or " + otherScheme(overTLS)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection is closed at once", "check the port of ISSUER_REDIS_URL; it may be " + otherScheme(overTLS)
	default:
		return "what answers there is no Redis that we understand", "check host and port of ISSUER_REDIS_URL"
	}
}

func otherScheme(overTLS bool) string {
	if overTLS {
		return "a port without TLS (redis://)"
	}
	return "a port that wants TLS (rediss://)"
}

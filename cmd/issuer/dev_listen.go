package main

import (
	"cmp"
	"context"
	"fmt"
	"net"

	"github.com/caarlos0/env/v11"
)

// devListen is where the issuer listens in dev by itself.
const devListen = "127.0.0.1:8080"

// devListenAddress is where the issuer listens in dev: what ISSUER_LISTEN says, but always on loopback.
func devListenAddress(environ []string) (string, error) {
	address, err := loopbackAddress(environ, "ISSUER_LISTEN", devListen)
	if err != nil {
		return "", err
	}
	return cmp.Or(address, devListen), nil
}

// loopbackAddress is what a setting says, which has to be an address on loopback such as the example, or empty.
func loopbackAddress(environ []string, setting, example string) (string, error) {
	raw := env.ToMap(environ)[setting]
	if raw == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(raw)
	switch {
	case err != nil, !isListenAddress(raw):
		return "", usagef("%s is %s; it wants a loopback address such as %s", setting, shown(raw), example)
	case host == "":
		return net.JoinHostPort("127.0.0.1", port), nil
	case !isLoopback(host):
		return "", usagef("%s is %s, but issuer dev listens on loopback only; it wants an address such as %s", setting, shown(raw), example)
	}
	return raw, nil
}

// listenBeside takes a port behind the issuer's for what goes with it, so that it is the same each time, or any free one.
func listenBeside(ctx context.Context, what string, issuer *net.TCPAddr, behind int) (net.Listener, error) {
	beside, err := listen(ctx, what, net.JoinHostPort(issuer.IP.String(), fmt.Sprint(issuer.Port+behind)))
	if err == nil {
		return beside, nil
	}
	return listen(ctx, what, net.JoinHostPort(issuer.IP.String(), "0"))
}

// devAdmin listens for operators where ISSUER_ADMIN_LISTEN says, or beside the issuer: the usual port is that of an issuer serve that
// may run here as well.
func devAdmin(ctx context.Context, environ []string, issuer *net.TCPAddr) (net.Listener, error) {
	address, err := loopbackAddress(environ, "ISSUER_ADMIN_LISTEN", "127.0.0.1:8082")
	switch {
	case err != nil:
		return nil, err
	case address != "":
		return listen(ctx, "ISSUER_ADMIN_LISTEN", address)
	}
	return listenBeside(ctx, "the operators' listener", issuer, 2)
}

package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// overTLS puts the fake tenant behind TLS. Our own app may then ask its Graph, since the sign-in takes no http: callers in
// too many groups for a token get their roles.
func (d *dev) overTLS(entra net.Listener) net.Listener {
	d.azure = d.tenant.Client()
	d.azure.Timeout = 5 * time.Second
	d.settings.EntraClientID, d.settings.EntraClientSecret = faketenant.APIClientID, secret{d.tenant.ClientSecret(faketenant.APIClientID)}
	d.settings.EntraCertificateFile, d.settings.FederatedTokenFile, d.settings.EntraManagedIdentity = "", "", ""
	d.settings.GraphURL = d.entraURL + "/graph"
	return tls.NewListener(entra, d.tenant.TLS())
}

var pemStart = []byte("-----BEGIN CERTIFICATE-----")

// writeCA writes the certificate to be trusted to path, in place of an earlier one but of nothing else.
func (d *dev) writeCA(path string) error {
	there, err := os.ReadFile(path) //nolint:gosec // G304: the developer names the file
	switch {
	case err == nil && len(there) > 0 && !bytes.HasPrefix(there, pemStart):
		return usagef("--tls %s: the file is there and holds no certificate; name one that may be written over", shown(path))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usagef("--tls %s: %w", shown(path), pathless(err))
	}
	if err := os.WriteFile(path, d.tenant.CAPEM(), 0o644); err != nil { //nolint:gosec // G306: a certificate is for everybody
		return usagef("--tls %s: %w", shown(path), pathless(err))
	}
	if d.caFile, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("--tls: %w", err)
	}
	return nil
}

// curlTrust is what curl needs to be told to reach the fake tenant.
func (d *dev) curlTrust() string {
	if d.caFile == "" {
		return ""
	}
	return "--cacert " + quoted(d.caFile) + " "
}

// greetExtras says what the flags have added.
func (d *dev) greetExtras(b *strings.Builder) {
	if d.caFile != "" {
		fmt.Fprintf(b, "  and its Graph ISSUER_GRAPH_URL=%s\n                ISSUER_ENTRA_CLIENT_ID=%s\n                ISSUER_ENTRA_CLIENT_SECRET=%s\n",
			d.settings.GraphURL, d.settings.EntraClientID, d.settings.EntraClientSecret.reveal()) // the secret of a fake app
		fmt.Fprintf(b, "  trust it by   SSL_CERT_FILE=%[1]s (Go)\n                NODE_EXTRA_CA_CERTS=%[1]s (Node), REQUESTS_CA_BUNDLE=%[1]s (Python), or import the file into a browser\n", quoted(d.caFile))
	}
	if d.chaos {
		fmt.Fprintf(b, "  break it by   curl -X POST %[1]s%[2]s/chaos/emergency\n  and more      curl -s %[1]s%[2]s/chaos\n", d.curlTrust(), d.entraURL)
	}
}

// quoted is path as a shell takes it for one word.
func quoted(path string) string {
	plain := func(r rune) bool { return !strings.ContainsRune("/._-+", r) && !isAlphanumeric(r) }
	if !strings.ContainsFunc(path, plain) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func isAlphanumeric(r rune) bool {
	return ('0' <= r && r <= '9') || ('a' <= r && r <= 'z') || ('A' <= r && r <= 'Z')
}

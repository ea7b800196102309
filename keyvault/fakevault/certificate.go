package fakevault

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

type certificate struct {
	der []byte
	key *ecdsa.PrivateKey
}

// newCertificate makes one for this machine and for every host of Azure's that
// Client leads here. It is its own authority.
func newCertificate() (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "fakevault"},
		NotBefore:    time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", "login.microsoftonline.com"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA:         true, BasicConstraintsValid: true,
	}
	for _, r := range resources {
		template.DNSNames = append(template.DNSNames, "*."+r[len("https://"):])
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return certificate{}, fmt.Errorf("sign it: %w", err)
	}
	return certificate{der: der, key: key}, nil
}

func (c certificate) wrap(l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{c.der}, PrivateKey: c.key}},
		MinVersion:   tls.VersionTLS12,
	})
}

// CertificatePEM is what a client must trust, for a program that takes a file.
func (v *Vault) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.cert.der})
}

// Client trusts the fake, and reaches it whatever host is asked for, so that a
// test can speak of https://NAME.vault.azure.net.
func (v *Vault) Client() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(v.CertificatePEM())
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, v.listener.Addr().String())
		},
		DisableKeepAlives: true, // nothing is left behind when a test ends
	}}
}

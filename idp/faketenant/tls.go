package faketenant

import (
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

// certificateLife is how long the authority and its one server certificate hold: a fake runs for hours.
const certificateLife = 7 * 24 * time.Hour

// authority is a certificate authority that lives in memory, with the one certificate it ever signed.
type authority struct {
	root *x509.Certificate
	leaf tls.Certificate
}

// TLS is a configuration for a listener on loopback: its certificate is good for 127.0.0.1, ::1 and localhost. The
// authority behind it is made at the first call and lives in memory only. The caller owns the answer.
func (t *Tenant) TLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{t.certificates().leaf}, MinVersion: tls.VersionTLS12}
}

// CAPEM is the certificate of the authority behind TLS, for NODE_EXTRA_CA_CERTS, curl's --cacert and their like. Whoever
// trusts it trusts it with this machine's own names only.
func (t *Tenant) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: t.certificates().root.Raw})
}

// CertPool holds the authority behind TLS and no other.
func (t *Tenant) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(t.certificates().root)
	return pool
}

// Client trusts the authority behind TLS and no other. Each call makes one with connections of its own.
func (t *Tenant) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: t.CertPool(), MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}}
}

// makeAuthority asks the wall clock, whatever the tenant's says: those who check the certificate do so too.
func makeAuthority(now time.Time) (*authority, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key of the authority: %w", err)
	}
	loopback := []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}}
	template := &x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: "faketenant, in memory"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"}, PermittedIPRanges: loopback,
	}
	root, err := signCertificate(template, template, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of the authority: %w", err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate server key: %w", err)
	}
	leaf, err := signCertificate(&x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: template.NotBefore, NotAfter: template.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}, root, &leafKey.PublicKey, rootKey)
	if err != nil {
		return nil, fmt.Errorf("sign server certificate: %w", err)
	}
	return &authority{root, tls.Certificate{Certificate: [][]byte{leaf.Raw, root.Raw}, PrivateKey: leafKey, Leaf: leaf}}, nil
}

func signCertificate(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func serialNumber() *big.Int { return new(big.Int).SetBytes(random(15)) }

// mustMakeAuthority panics where the machine has no randomness left.
func mustMakeAuthority() *authority {
	wall := time.Now
	made, err := makeAuthority(wall())
	if err != nil {
		panic(fmt.Sprintf("faketenant: make certificates: %v", err))
	}
	return made
}

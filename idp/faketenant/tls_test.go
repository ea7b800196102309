package faketenant_test

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
)

func TestTheCertificateIsGoodOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	block, _ := pem.Decode(s.CAPEM())
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	leaf := s.TLS().Certificates[0].Leaf
	for _, name := range []string{"127.0.0.1", "::1", "localhost"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: s.CertPool()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "login.microsoftonline.com", Roots: s.CertPool()}); err == nil {
		t.Error("the certificate is good for Entra itself")
	}
	if !root.PermittedDNSDomainsCritical || len(root.PermittedDNSDomains) != 1 || len(root.PermittedIPRanges) != 2 {
		t.Error("whoever trusts the authority trusts it with more than this machine")
	}
}

func TestNobodyElseTrustsTheAuthority(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	other, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]*http.Client{"the system's": {}, "another tenant's": other.Client()} {
		if response, err := client.Get(s.url + "/personas"); err == nil {
			response.Body.Close()
			t.Errorf("%s client trusts the tenant", name)
		}
	}
}

func TestTheTenantServesOnIPv6AndWithoutTLSToo(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	secure := httptest.NewUnstartedServer(s.Tenant)
	if listener, err := net.Listen("tcp", "[::1]:0"); err == nil { // not every machine has IPv6
		secure.Listener.Close()
		secure.Listener = listener
	}
	secure.TLS = s.TLS()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(s.Tenant)
	t.Cleanup(plain.Close)
	for _, url := range []string{secure.URL, plain.URL} {
		response, err := s.client.Get(url + "/personas")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", url, response.StatusCode)
		}
	}
}

package keyvault_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

// challenge has the vault ask for a token in its own way.
func (s *scene) challenge(header string) {
	s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/keys/") {
			return false
		}
		w.Header().Set("WWW-Authenticate", header)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
}

func TestAChallengeThatIsNotKeyVaultsGetsNoToken(t *testing.T) {
	t.Parallel()
	azures := `resource="https://vault.azure.net"`
	good := `Bearer authorization="https://login.microsoftonline.com/` + fakevault.TenantID + `"`
	for name, header := range map[string]string{
		"for another resource":                 good + `, resource="https://management.azure.com"`,
		"for a resource that looks like":       good + `, resource="https://evil-vault.azure.net"`,
		"for no resource":                      good,
		"without a tenant":                     `Bearer authorization="https://login.microsoftonline.com", ` + azures,
		"with no authorization":                `Bearer ` + azures,
		"with an authorization that is no URL": `Bearer authorization="x", ` + azures,
		"with a second authorization":          good + `, ` + azures + `, authorization="x"`,
		"with an authorization in disguise":    good + `, ` + azures + `, authBearer orization="x"`,
		"of another scheme":                    `Basic realm="vault"`,
		"that is missing":                      "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t)
			before := s.fake.Calls()
			s.challenge(header)
			for operation, err := range provoke(t, s, "") {
				if err == nil || errors.Is(err, keyvault.ErrUnavailable) || !strings.Contains(err.Error(), "check the URL") {
					t.Errorf("%s: %v", operation, err)
					continue
				}
				fit(t, s, err)
			}
			after := s.fake.Calls()
			if after.SignIns != before.SignIns || after.Requests != before.Requests+2 {
				t.Errorf("tokens or retries were asked for: from %+v to %+v", before, after)
			}
		})
	}
}

func TestAnswersThatAreNotAzuresAreRefused(t *testing.T) {
	t.Parallel()
	said := base64.RawURLEncoding.EncodeToString(secret[:])
	other := strings.Replace(azure, "ring", "other", 1)
	result := func(kid, value string) string { return fmt.Sprintf(`{"kid":%q,"value":%q}`, kid, value) }
	wrapped := base64.RawURLEncoding.EncodeToString(make([]byte, 256))
	version := strings.Repeat("a", 32)
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
		only   string
	}{
		"an answer without end":      {200, strings.Repeat(" ", 1<<20), "longer than any", ""},
		"a refusal without end":      {403, strings.Repeat(" ", 1<<20), "longer than any", ""},
		"a page of a proxy":          {200, "<html>" + said, "does not speak as Azure Key Vault does", ""},
		"a value that is no base64":  {200, result(azure+"/keys/kek/"+version, "*"+said), "does not speak", ""},
		"no value":                   {200, `{}`, "not 32 bytes but 0", "unwrapKey"},
		"a redirect":                 {307, "", "answered 307", ""},
		"a kid of another vault":     {200, result(other+"/keys/kek/"+version, wrapped), "used another key", "wrapKey"},
		"a kid of another key":       {200, result(azure+"/keys/kex/"+version, wrapped), "used another key", "wrapKey"},
		"a kid of another version":   {200, result(azure+"/keys/kek/"+version, wrapped), "used another key", "wrapKey"},
		"a kid that is no URL":       {200, result(said, wrapped), "used another key", "wrapKey"},
		"no kid":                     {200, `{"value":"` + wrapped + `"}`, "does not say which version", "wrapKey"},
		"a refusal that repeats it":  {403, `{"error":{"innererror":{"code":"` + said + `"}}}`, "grant it the role", ""},
		"a refusal that is no JSON":  {403, said, "grant it the role", ""},
		"a status nobody thought of": {418, said, "the vault answered 418", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t)
			s.answer(c.status, c.body)
			for operation, err := range provoke(t, s, c.only) {
				if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, keyvault.ErrUnavailable) {
					t.Errorf("%s: %v\nwant: %s", operation, err, c.want)
					continue
				}
				fit(t, s, err)
			}
		})
	}
}

func TestAWrappedKeyOfAnUnknownSizeIsRefused(t *testing.T) {
	t.Parallel()
	s := set(t)
	s.answer(200, fmt.Sprintf(`{"kid":%q,"value":"AAAA"}`, s.wrapped.Key))
	_, err := open(t, s.config).Wrap(t.Context(), s.wrapped.Key, secret)
	if err == nil || !strings.Contains(err.Error(), "has 3 bytes") {
		t.Errorf("got %v", err)
	}
	fit(t, s, err)
}

// A redirect would carry the secret that is to be wrapped, or the identity's
// password, to wherever it points.
func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]string{"of the vault": "/wrapkey", "of the sign-in": "/token"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t)
			s.config.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
			followed := make(chan string, 10)
			s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.URL.Path == "/elsewhere":
					followed <- r.Host
				case strings.HasSuffix(r.URL.Path, from) && (from == "/token" || r.Header.Get("Authorization") != ""):
					http.Redirect(w, r, "https://evil.vault.azure.net/elsewhere", http.StatusTemporaryRedirect)
					return true
				}
				return false
			})
			_, err := open(t, s.config).Wrap(t.Context(), s.wrapped.Key, secret)
			if err == nil || len(followed) > 0 {
				t.Errorf("followed %d times, error: %v", len(followed), err)
			}
			fit(t, s, err)
		})
	}
}

// The SDK posts the credential to wherever the authority's document says.
func TestTheCredentialGoesToTheAuthorityAlone(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]string{
		"another host":      "https://evil.example/token",
		"no TLS":            "http://login.microsoftonline.com/token",
		"a host that looks": "https://evil-login.microsoft.com/token",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t)
			posts := make(chan string, 10)
			s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost && !strings.HasPrefix(r.URL.Path, "/keys/") {
					posts <- r.Host
				}
				if !strings.HasSuffix(r.URL.Path, "/openid-configuration") {
					return false
				}
				_, _ = fmt.Fprintf(w, `{"issuer":"%s/x/v2.0","authorization_endpoint":"x","token_endpoint":%q}`, authority, endpoint)
				return true
			})
			for operation, err := range provoke(t, s, "") {
				if err == nil || !strings.Contains(err.Error(), "to another host with our credential") {
					t.Errorf("%s: %v", operation, err)
				}
				fit(t, s, err)
			}
			if len(posts) > 0 {
				t.Errorf("the credential went to %s", <-posts)
			}
		})
	}
}

// Whoever answers writes the certificate too.
func TestACertificateIsNotQuoted(t *testing.T) {
	t.Parallel()
	s := set(t)
	s.config.HTTPClient = meet(t, certificate(time.Now(), "Caller is not authorized\r\nissuer: all is well"))
	_, err := open(t, s.config).Unwrap(t.Context(), s.wrapped)
	if err == nil || !strings.Contains(err.Error(), "it is for another host") || strings.Contains(err.Error(), "all is well") {
		t.Errorf("got %v", err)
	}
	fit(t, s, err)
}

// certificate is one for these hosts, from now on for an hour.
func certificate(now time.Time, hosts ...string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), DNSNames: hosts,
		IsCA: true, BasicConstraintsValid: true,
	}
}

// meet leads every host to a server that shows this certificate, and trusts who signed it.
func meet(t *testing.T, template *x509.Certificate) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
		DisableKeepAlives: true,
	}}
}

func TestASignInThatIsNotEntrasIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a page of a proxy":     "<html>" + fakevault.ClientSecret,
		"no token":              `{"token_type":"Bearer","expires_in":1}`,
		"an issuer from abroad": `{"issuer":"https://evil.example","authorization_endpoint":"x","token_endpoint":"y"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t)
			s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				hands := strings.HasSuffix(r.URL.Path, "/token")
				if strings.HasPrefix(r.URL.Path, "/keys/") || hands == strings.Contains(name, "abroad") {
					return false
				}
				_, _ = w.Write([]byte(body))
				return true
			})
			for operation, err := range provoke(t, s, "") {
				if err == nil || !strings.Contains(err.Error(), "does not speak as Entra does") {
					t.Errorf("%s: %v", operation, err)
				}
				fit(t, s, err)
			}
		})
	}
}

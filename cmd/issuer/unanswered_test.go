package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// TestTheRoomsSayAlikeWhyThereWasNoAnswer: policy may import no other room, and the client is a module of its own.
func TestTheRoomsSayAlikeWhyThereWasNoAnswer(t *testing.T) {
	t.Parallel()
	body := func(room string) string {
		_, text, _ := strings.Cut(content(t, room+"/unanswered.go"), "\n")
		return strings.ReplaceAll(text, "Unanswered", "unanswered")
	}
	for _, room := range []string{"policy", "client"} {
		if diff := cmp.Diff(body("idp"), body(room)); diff != "" {
			t.Errorf("idp and %s (-idp +%s):\n%s", room, room, diff)
		}
	}
}

func TestWhyThereWasNoAnswerIsSaidInOurWords(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(plain.Close)
	demanding := httptest.NewUnstartedServer(http.NotFoundHandler())
	demanding.Config.ErrorLog = secure.Config.ErrorLog
	demanding.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	demanding.StartTLS()
	t.Cleanup(demanding.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, c := range map[string]struct {
		client *http.Client
		url    string
		want   string
	}{
		"an unknown authority":    {&http.Client{}, secure.URL, "its certificate is not trusted: this machine does not know the authority that signed it"},
		"another host's":          {secure.Client(), strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), "its certificate is not trusted: it is for another host"},
		"nobody there":            {&http.Client{}, gone.URL, "connection refused"},
		"no TLS":                  {&http.Client{}, strings.Replace(plain.URL, "http:", "https:", 1), "server gave HTTP response to HTTPS client"},
		"no answer in time":       {&http.Client{Timeout: time.Millisecond}, plain.URL, "context deadline exceeded"},
		"a certificate of ours":   {demanding.Client(), demanding.URL, "certificate required"},
		"a proxy that is gone":    {&http.Client{Transport: &http.Transport{Proxy: proxyOf(t, gone.URL)}}, secure.URL, "connection refused"},
		"a proxy of another name": {&http.Client{Transport: &http.Transport{Proxy: proxyOf(t, strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)), TLSClientConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig}}, demanding.URL, "its certificate is not trusted: it is for another host"},
		"a proxy that says no":    {&http.Client{Transport: &http.Transport{Proxy: proxyOf(t, "http://"+refusing(t))}}, secure.URL, "the connection broke, or what answers does not speak HTTP"},
	} {
		response, err := c.client.Get(c.url)
		if err == nil {
			response.Body.Close()
			t.Errorf("%s: %s", name, response.Status)
			continue
		}
		if got := idp.Unanswered(err).Error(); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q of %q, want %q", name, got, err, c.want)
		}
	}
}

func proxyOf(t *testing.T, address string) func(*http.Request) (*url.URL, error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return http.ProxyURL(u)
}

// refusing is the address of a proxy that connects nobody.
func refusing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

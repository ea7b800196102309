package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkDoors is what each door costs between the server's reading a request and its writing the answer, for a token that
// is remembered.
func BenchmarkDoors(b *testing.B) {
	svc, token := benchService(b, "ISSUER_RATE_LIMIT_IP=100000/s")
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	}.Encode()
	handler := svc.api.Handler()
	for name, door := range map[string]struct{ method, path, body string }{
		"token": {http.MethodPost, "/oauth2/token", form}, "webhook": {http.MethodGet, "/hasura/webhook", ""},
		"forward-auth": {http.MethodGet, "/forward-auth", ""}, "jwks": {http.MethodGet, "/.well-known/jwks.json", ""},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), door.method, door.path, http.NoBody)
			r.Header.Set("Authorization", "Bearer "+token)
			if door.body != "" {
				r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			}
			r.RemoteAddr = "192.0.2.1:1234"
			b.ReportAllocs()
			for b.Loop() {
				w := blank{http.Header{}, 0}
				if door.body != "" {
					r.Body = readCloser{strings.NewReader(door.body)}
					r.ContentLength = int64(len(door.body))
				}
				handler.ServeHTTP(&w, r)
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// blank is an answer that nobody reads.
type blank struct {
	header http.Header
	status int
}

func (w *blank) Header() http.Header         { return w.header }
func (w *blank) WriteHeader(status int)      { w.status = status }
func (w *blank) Write(p []byte) (int, error) { return len(p), nil }

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

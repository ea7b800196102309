package idp_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// packed is a good document followed by megabytes of spaces, which are a few kilobytes on the wire.
func packed(t *testing.T, document string) http.HandlerFunc {
	t.Helper()
	var body bytes.Buffer
	writer := gzip.NewWriter(&body)
	io.WriteString(writer, document+strings.Repeat(" ", 8<<20))
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(body.Bytes())
	}
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

// cutOff promises more than it sends.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "5000")
	io.WriteString(w, `{"keys":[`)
	panic(http.ErrAbortHandler)
}

func TestAnAnswerThatIsNoneLeavesTheLastGoodSet(t *testing.T) {
	t.Parallel()
	const home = "/" + faketenant.TenantID
	e := newEntra(t)
	keys := answerOf(t, e.Tenant, home+"/discovery/v2.0/keys")
	discovery := answerOf(t, e.Tenant, home+"/v2.0/.well-known/openid-configuration")
	moved := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"?good", http.StatusFound)
	}
	keysAt := func(origin string) http.HandlerFunc {
		return text(strings.Replace(discovery, globalCloud+home+"/discovery", origin+home+"/discovery", 1))
	}
	tests := map[string]struct {
		path   string // of the document that is spoilt
		answer http.HandlerFunc
	}{
		"keys: 500":                       {"/keys", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		"keys: 204":                       {"/keys", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
		"keys: 404":                       {"/keys", http.NotFound},
		"keys: nothing":                   {"/keys", text("")},
		"keys: a page":                    {"/keys", text("<!doctype html><title>Sign in</title>")},
		"keys: cut off":                   {"/keys", cutOff},
		"keys: moved":                     {"/keys", moved},
		"keys: huge":                      {"/keys", text(keys + strings.Repeat(" ", 512<<10))},
		"keys: huge once unpacked":        {"/keys", packed(t, keys)},
		"keys: an empty set":              {"/keys", text(`{"keys":[]}`)},
		"keys: a set without keys":        {"/keys", text(`{}`)},
		"keys: two sets":                  {"/keys", text(strings.Replace(keys, "{", `{"keys":[],`, 1))},
		"keys: a list":                    {"/keys", text(`[]`)},
		"keys: only bad ones":             {"/keys", text(`{"keys":[{"kty":"EC","kid":"a"},{"kty":"RSA","kid":"b","n":"AQAB","e":"AQAB"}]}`)},
		"discovery: 500":                  {"/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		"discovery: a page":               {"/openid-configuration", text("<html>")},
		"discovery: cut off":              {"/openid-configuration", cutOff},
		"discovery: moved":                {"/openid-configuration", moved},
		"discovery: huge":                 {"/openid-configuration", text(discovery + strings.Repeat(" ", 512<<10))},
		"discovery: empty":                {"/openid-configuration", text("{}")},
		"discovery: another issuer":       {"/openid-configuration", text(strings.Replace(discovery, `"issuer":"https://login.microsoftonline.com`, `"issuer":"https://evil.example`, 1))},
		"discovery: issuer twice":         {"/openid-configuration", text(strings.Replace(discovery, "{", `{"issuer":"x",`, 1))},
		"discovery: keys elsewhere":       {"/openid-configuration", keysAt("https://evil.example")},
		"discovery: keys with a user":     {"/openid-configuration", keysAt("https://login.microsoftonline.com@evil.example")},
		"discovery: keys with a password": {"/openid-configuration", keysAt("https://a:b@login.microsoftonline.com")},
		"discovery: keys without TLS":     {"/openid-configuration", keysAt("http://login.microsoftonline.com")},
		"discovery: keys on another port": {"/openid-configuration", keysAt("https://login.microsoftonline.com:444")},
		"discovery: keys on a suffix":     {"/openid-configuration", keysAt("https://login.microsoftonline.com.evil.example")},
		"discovery: keys nowhere":         {"/openid-configuration", text(strings.Replace(discovery, "jwks_uri", "x", 1))},
		"discovery: keys in a file":       {"/openid-configuration", keysAt("file://")},
		"discovery: keys in a list":       {"/openid-configuration", text(`{"issuer":"x","jwks_uri":[]}`)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			var spoilt atomic.Bool
			e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				bad := spoilt.Load() && r.URL.RawQuery == "" && strings.HasSuffix(r.URL.Path, test.path)
				if bad {
					test.answer(w, r)
				}
				return bad
			})
			verifier := e.verifier(t)
			refresh(t, verifier)
			spoilt.Store(true)
			if err := verifier.Refresh(t.Context()); err == nil {
				t.Error("the refresh succeeded")
			}
			wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
			wantVerdict(t, verifier, e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeyStranger)), "unavailable")
		})
	}
}

func TestAnAnswerThatStallsHalfwayStallsNobodyWhoseKeyIsHeld(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	began, release := make(chan struct{}), make(chan struct{})
	e.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		io.WriteString(w, `{"issuer":`)
		w.(http.Flusher).Flush()
		close(began)
		<-release
		panic(http.ErrAbortHandler)
	})
	ended := make(chan error, 1)
	go func() { ended <- verifier.Refresh(t.Context()) }()
	<-began
	for range 100 {
		wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	}
	close(release)
	if err := <-ended; err == nil {
		t.Error("half an answer was taken")
	}
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
}

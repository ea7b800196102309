package web_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/web"
)

func site(t *testing.T, policy web.Policy, trees ...fs.FS) *web.Site {
	t.Helper()
	s, err := web.NewSite(policy, trees...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request with headers in pairs.
func ask(h http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, from io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var tree = fstest.MapFS{"a/one.js": {Data: []byte("export {};\n" + strings.Repeat("// long\n", 100))}, "two.css": {Data: []byte("p {}")}}

func TestAFileIsSentPackedToWhoUnpacksIt(t *testing.T) {
	t.Parallel()
	s := site(t, web.Policy{}, tree)
	for accept, packed := range map[string]bool{"gzip, deflate, br": true, "br;q=1, gzip;q=0.5": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0": false, "xgzip": false} {
		response := ask(s, http.MethodGet, "/a/one.js", "Accept-Encoding", accept)
		got := io.Reader(response.Body)
		if is := response.Header.Get("Content-Encoding") == "gzip"; is != packed {
			t.Errorf("%q: packed %t", accept, is)
			continue
		}
		if packed {
			reader, err := gzip.NewReader(got)
			if err != nil {
				t.Fatal(err)
			}
			got = reader
		}
		if text := body(t, got); text != string(tree["a/one.js"].Data) {
			t.Errorf("%q: %q", accept, text)
		}
		if response.Header.Get("Content-Type") != "text/javascript; charset=utf-8" || response.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accept, response.Header)
		}
	}
}

func TestABrowserAsksWhetherItsCopyIsStillTheOne(t *testing.T) {
	t.Parallel()
	s := site(t, web.Policy{}, tree)
	first := ask(s, http.MethodGet, "/two.css")
	if first.Header.Get("Cache-Control") != "no-cache" || first.Header.Get("ETag") == "" {
		t.Fatalf("headers %v", first.Header)
	}
	if again := ask(s, http.MethodGet, "/two.css", "If-None-Match", first.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || body(t, again.Body) != "" {
		t.Errorf("the same copy: %s", again.Status)
	}
	if other := ask(s, http.MethodGet, "/two.css", "If-None-Match", ask(s, http.MethodGet, "/a/one.js").Header.Get("ETag")); other.StatusCode != http.StatusOK {
		t.Errorf("another one: %s", other.Status)
	}
	if head := ask(s, http.MethodHead, "/two.css"); head.StatusCode != http.StatusOK || body(t, head.Body) != "" || head.ContentLength != 4 {
		t.Errorf("HEAD: %s, %d bytes", head.Status, head.ContentLength)
	}
}

// TestAnETagNamesItsBytes: the same ones by the same name on every replica, packed ones by another (RFC 9110 §8.8.3).
func TestAnETagNamesItsBytes(t *testing.T) {
	t.Parallel()
	many := fstest.MapFS{"same.css": {Data: tree["two.css"].Data}}
	for n := range 300 { // more than a byte can tell apart
		many[strconv.Itoa(n)+".txt"] = &fstest.MapFile{Data: []byte(strconv.Itoa(n))}
	}
	s, seen := site(t, web.Policy{}, many), map[string]bool{}
	for name := range many {
		for _, accept := range []string{"", "gzip"} {
			etag := ask(s, http.MethodGet, "/"+name, "Accept-Encoding", accept).Header.Get("ETag")
			if seen[etag] {
				t.Errorf("%s by %q: another one has the ETag %s", name, accept, etag)
			}
			seen[etag] = true
			if again := ask(s, http.MethodGet, "/"+name, "Accept-Encoding", accept, "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
				t.Errorf("%s by %q: %s", name, accept, again.Status)
			}
		}
	}
	if other := ask(site(t, web.Policy{}, tree), http.MethodGet, "/two.css").Header.Get("ETag"); !seen[other] {
		t.Errorf("the ETag of the same content is %s elsewhere", other)
	}
}

func TestEveryAnswerHoldsThePageToItsOrigin(t *testing.T) {
	t.Parallel()
	s := site(t, web.Policy{Connect: []string{"http://127.0.0.1:8081"}}, tree)
	for _, response := range []*http.Response{ask(s, http.MethodGet, "/two.css"), ask(s, http.MethodGet, "/none"), ask(s, http.MethodPost, "/two.css"), ask(s, http.MethodGet, "/a")} {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' http://127.0.0.1:8081; " +
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s, %s: %q", response.Status, name, got)
			}
		}
	}
	if response := ask(s, http.MethodPost, "/two.css"); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s, %v", response.Status, response.Header)
	}
	if response := ask(s, http.MethodGet, "/none"); response.StatusCode != http.StatusNotFound {
		t.Errorf("what is not there: %s", response.Status)
	}
}

func TestASiteWithAFaultIsNotServed(t *testing.T) {
	t.Parallel()
	for name, trees := range map[string][]fs.FS{
		"the same path twice":           {tree, tree},
		"a type that nobody would know": {fstest.MapFS{"a.exe": {}}},
	} {
		if _, err := web.NewSite(web.Policy{}, trees...); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestThePartsAreThere: they are modules and a style below parts/, which is how pages import them.
func TestThePartsAreThere(t *testing.T) {
	t.Parallel()
	s := site(t, web.Policy{}, web.Parts())
	for _, path := range []string{"/parts/dom.js", "/parts/claims.js", "/parts/timeline.js", "/parts/explain.js", "/parts/reasons.js", "/parts/parts.css"} {
		if response := ask(s, http.MethodGet, path); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}

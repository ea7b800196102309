package gateways

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sayByHTTP2 sends a request as browsers do, who speak HTTP/2 where a gateway offers it; Response is nil where the gateway
// ends the stream without an answer.
func (g *gateway) sayByHTTP2(t *testing.T, method, path string, header http.Header, body io.Reader) answer {
	t.Helper()
	var only http.Protocols
	only.SetHTTP2(true)
	transport := &http.Transport{Protocols: &only, TLSClientConfig: &tls.Config{RootCAs: g.roots, ServerName: "gateway"}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), method, "https://"+g.https, body)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = path // as it is written
	request.Header = header
	response, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Errorf("the gateway answers by %s", response.Proto)
	}
	got, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return answer{response, string(got)}
}

func known(more ...string) http.Header {
	header := http.Header{"Authorization": {"Bearer good"}, "Content-Type": {"application/json"}}
	for _, name := range more {
		header[name] = []string{"admin"}
	}
	return header
}

func TestABrowserGetsDataByHTTP2(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		header := known()
		header.Set("X-Hasura-Role", "editor")
		for at, path := range []string{"/v1/graphql", "/v1/graphql?operation=a"} {
			got := g.sayByHTTP2(t, http.MethodPost, path, header, strings.NewReader(`{"query":"{ a }"}`))
			if got.Response == nil || got.StatusCode != http.StatusOK || got.body != data {
				t.Fatalf("%s: %+v", path, got)
			}
			seen := g.all()[at]
			if seen.RequestURI != path || seen.Header.Get("Authorization") != "Bearer minted" || seen.Header.Get("X-Hasura-Role") != "editor" || seen.body != `{"query":"{ a }"}` {
				t.Errorf("Hasura got %s %+v %q", seen.RequestURI, seen.Header, seen.body)
			}
		}
		header.Set("Authorization", "Bearer often")
		if got := g.sayByHTTP2(t, http.MethodPost, "/v1/graphql", header, nil); got.Response == nil || got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "7" {
			t.Errorf("too often: %+v", got)
		}
	})
}

// A whole address is how HTTP/2 writes every path, to some gateways. In HTTP/1 Hasura must not get to see one.
func TestAWholeAddressIsNotHandedOn(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		for _, address := range []string{"http://gateway/v1/graphql", "https://gateway/v1/graphql", "http://hasura:8080/v1/graphql"} {
			g.try(address)
			g.say(t, get(address))
		}
		g.judge(t)
	})
}

func TestHTTP2LetsNothingMoreThrough(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		for _, path := range []string{
			"/", "/v1/metadata", "/v1/graphql/explain", "//v1/graphql", "/v1/graphql/", "/V1/graphql", "/v1/graphql/../metadata", "/v1/%67raphql", "/v1/graphql;a=b",
			"/v1/metadata?/v1/graphql", "/x/v1/graphql", "*",
		} {
			g.try(path)
			if got := g.sayByHTTP2(t, http.MethodGet, path, known(), nil); got.Response != nil && got.StatusCode < 400 {
				t.Errorf("%s: %s", path, got.Status)
			}
		}
		if got := g.sayByHTTP2(t, http.MethodDelete, "/v1/graphql", known(), nil); got.Response != nil && got.StatusCode < 400 {
			t.Errorf("DELETE: %s", got.Status)
		}
		g.seen(t, 0)
		for _, name := range []string{"X-Hasura-Admin-Secret", "X_Hasura_Admin_Secret", "X-Hasura-User-Id", "X-Hasura_Role"} {
			g.try(name)
			g.sayByHTTP2(t, http.MethodPost, "/v1/graphql", known(name), strings.NewReader("{}"))
		}
		g.try("a second token")
		twice := known()
		twice.Add("Authorization", "Bearer minted-by-myself")
		g.sayByHTTP2(t, http.MethodPost, "/v1/graphql", twice, strings.NewReader("{}"))
		g.judge(t)
	})
}

// In HTTP/2 a body needs neither a length nor chunks.
func TestBodiesAreBoundedByHTTP2(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		long := strings.Repeat("a", 2<<20)
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			for name, body := range map[string]io.Reader{"with a length": strings.NewReader(long), "without": io.MultiReader(strings.NewReader(long))} {
				if got := g.sayByHTTP2(t, method, "/v1/graphql", known(), body); got.Response != nil && got.StatusCode < 400 {
					t.Errorf("%s, %s: %s", method, name, got.Status)
				}
			}
		}
		for _, seen := range g.all() {
			if len(seen.body) > 1<<20 {
				t.Errorf("Hasura got %d bytes", len(seen.body))
			}
		}
	})
}

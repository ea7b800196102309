// Package gateways holds the configurations of gateways, and plays them by the real programs against people who want more
// than they may have.
package gateways

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// far is more than anything here takes.
const far = 2 * time.Minute

const good = "Authorization: Bearer good\r\n"

// post is a request for data, with more headers.
func post(headers string) string {
	const query = `{"query":"{ a }"}`
	return fmt.Sprintf("POST /v1/graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(query), query)
}

// get is a request for a path, by somebody who is known.
func get(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: gateway\r\n" + good + "\r\n"
}

// answer is what a client gets.
type answer struct {
	*http.Response
	body string
}

// say sends bytes as they are, and reads one answer; Response is nil where the connection just ends.
func (g *gateway) say(t *testing.T, raw string) answer {
	t.Helper()
	conn := g.dial(t)
	if _, err := io.WriteString(conn, raw); err != nil {
		return answer{}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return answer{response, string(body)}
}

func (g *gateway) dial(t *testing.T) net.Conn {
	t.Helper()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: far}, Config: &tls.Config{RootCAs: g.roots, ServerName: "gateway"}}
	conn, err := dialer.DialContext(t.Context(), "tcp", g.https)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(far)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func forEach(t *testing.T, test func(t *testing.T, g *gateway)) {
	t.Helper()
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, p.start(t))
		})
	}
}

func TestAKnownCallerGetsDataByTheTokenThatWasMinted(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		got := g.say(t, post(good+"X-Hasura-Role: editor\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"))
		if got.Response == nil || got.StatusCode != http.StatusOK || got.body != data {
			t.Fatalf("%+v", got)
		}
		seen := g.seen(t, 1)[0]
		if seen.Header.Get("X-Hasura-Role") != "editor" || seen.Header.Get("Content-Type") != "application/json" || seen.body != `{"query":"{ a }"}` {
			t.Errorf("Hasura got %+v %q", seen.Header, seen.body)
		}
		if got := g.say(t, post(good)); got.Response == nil || got.StatusCode != http.StatusOK {
			t.Errorf("%+v", got)
		}
		if seen := g.seen(t, 2)[1]; len(seen.Header.Values("X-Hasura-Role")) > 0 {
			t.Errorf("a role comes from nowhere: %+v", seen.Header)
		}
	})
}

func TestWhoIsNotJudgedGetsNothing(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		for name, c := range map[string]struct {
			headers string
			status  int
			header  string
			want    string
		}{
			"no token":         {"", http.StatusUnauthorized, "Www-Authenticate", "Bearer"},
			"a refused one":    {"Authorization: Bearer refused\r\n", http.StatusUnauthorized, "Www-Authenticate", "Bearer"},
			"somebody blocked": {"Authorization: Bearer blocked\r\n", http.StatusForbidden, "", ""},
			"too often":        {"Authorization: Bearer often\r\n", http.StatusTooManyRequests, "Retry-After", "7"},
			"not now":          {"Authorization: Bearer later\r\n", http.StatusServiceUnavailable, "Retry-After", "9"},
		} {
			got := g.say(t, post(c.headers))
			if got.Response == nil || got.StatusCode != c.status || (c.header != "" && !strings.HasPrefix(got.Header.Get(c.header), c.want)) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		g.seen(t, 0)
		g.issuer.Close()
		if got := g.say(t, post(good)); got.Response == nil || got.StatusCode < 500 {
			t.Errorf("without an issuer: %+v", got)
		}
		g.seen(t, 0)
	})
}

// smuggled are requests that Hasura must never see as they are meant. Whether a gateway refuses them or takes out what is
// wrong is its own business.
func smuggled() map[string]string {
	attempts := map[string]string{
		"a folded header":        "Accept: a\r\n X-Hasura-User-Id: admin\r\n",
		"a blank before a colon": "X-Hasura-Role : admin\r\n",
		"a tab before a colon":   "X-Hasura-User-Id\t: 1\r\n",
		"a bare line feed":       "Accept: a\nX-Hasura-User-Id: admin\n",
		"a bare return":          "Accept: a\rX-Hasura-User-Id: 1\r\n",
		"a null":                 "Accept: a\x00\r\nX-Hasura-User-Id: 1\r\n",
		"two roles":              "X-Hasura-Role: editor\r\nX-Hasura-Role: admin\r\n",
		"roles in one":           "X-Hasura-Role: editor, admin\r\n",
		"a second token":         "Authorization: Bearer minted-by-myself\r\n",
		"a token with a second":  "authorization: Bearer good, Bearer minted-by-myself\r\n",
		"hop by hop":             "Connection: Authorization\r\n",
		"hop by hop, the role":   "Connection: close, X-Hasura-Role\r\nX-Hasura-Role: editor\r\n",
		"another method":         "X-HTTP-Method-Override: DELETE\r\nX-Hasura-Admin-Secret: x\r\n",
		"another path":           "X-Original-URL: /v1/metadata\r\nX-Rewrite-URL: /v1/metadata\r\nX-Hasura-Admin-Secret: x\r\n",
		"another address":        "X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nX-Real-Ip: 10.0.0.1\r\n",
	}
	for _, name := range []string{
		"X-Hasura-Admin-Secret", "x-hasura-admin-secret", "X-HASURA-ADMIN-SECRET", "X_Hasura_Admin_Secret", "X-Hasura_Admin-Secret",
		"X-Hasura-User-Id", "x-hAsUrA-uSeR-iD", "X_HASURA_USER_ID", "X-Hasura-Allowed-Roles", "X-Hasura-Default-Role", "X_Hasura_Role", "X-Hasura-Use-Backend-Only-Permissions",
		"X-Hasura-Access-Key",
	} {
		attempts[name] = name + ": admin\r\n"
	}
	return attempts
}

func TestNoHeaderOfAClientsReachesHasura(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		for name, headers := range smuggled() {
			for _, raw := range []string{post(good + headers), post(headers + good)} {
				g.try(name)
				g.say(t, raw)
			}
		}
		g.judge(t)
	})
}

func TestNoOtherPathIsReached(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		for _, path := range []string{
			"/", "/console", "/console/api", "/v1/metadata", "/v1/query", "/v2/query", "/v1/graphql/explain", "/v1alpha1/graphql", "/v1alpha1/config",
			"/v1alpha1/pg_dump", "/v1beta1/relay", "/v1/version", "/healthz", "/api/rest/users", "/dev/plan_cache", "/apis/migrate", "/.forward-auth", "/forward-auth",
			"//v1/graphql", "/v1//graphql", "/v1/graphql/", "/V1/graphql", "/v1/GraphQL", "/v1/graphql/../metadata", "/v1/./graphql", "/x/../v1/graphql",
			"/v1/graphql%2f..%2fmetadata", "/v1%2fgraphql", "/v1/%67raphql", "/v1/graphql%00", "/v1/graphql;a=b", "/v1/graphql%20", `/v1\graphql`, "/v1/graphql%3f",
			"http://hasura:8080/v1/metadata", "http://gateway/v1/metadata", "*",
		} {
			g.try(path)
			if got := g.say(t, get(path)); got.Response != nil && got.StatusCode < 400 {
				t.Errorf("%s: %s", path, got.Status)
			}
		}
		g.seen(t, 0)
		for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"} {
			if got := g.say(t, strings.Replace(get("/v1/graphql"), "GET", method, 1)); got.Response != nil && got.StatusCode < 400 {
				t.Errorf("%s: %s", method, got.Status)
			}
		}
		g.seen(t, 0)
	})
}

// Two readers that disagree where a request ends let a second one through that nobody judged.
func TestNoRequestHidesInAnother(t *testing.T) {
	t.Parallel()
	const hidden = "GET /v1/metadata HTTP/1.1\r\nHost: hasura\r\nX-Hasura-Admin-Secret: x\r\n\r\n"
	forEach(t, func(t *testing.T, g *gateway) {
		for name, headers := range map[string]string{
			"a length and chunks":    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
			"chunks by another name": "Content-Length: 4\r\nTransfer-Encoding: xchunked\r\n",
			"chunks, tabbed":         "Content-Length: 4\r\nTransfer-Encoding:\tchunked\r\n",
			"chunks, twice":          "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
			"two lengths":            "Content-Length: 0\r\nContent-Length: 400\r\n",
			"a length with a sign":   "Content-Length: +0\r\n",
			"chunks, broken":         "Transfer-Encoding: chunked\r\nTransfer-Encoding : identity\r\n",
		} {
			g.try(name)
			g.say(t, "POST /v1/graphql HTTP/1.1\r\nHost: gateway\r\n"+good+headers+"\r\n0\r\n\r\n"+hidden)
		}
		g.judge(t)
	})
}

func TestASocketOpensAndStaysWithoutAHeaderOfTheClients(t *testing.T) {
	t.Parallel()
	const upgrade = "GET /v1/graphql HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
	forEach(t, func(t *testing.T, g *gateway) {
		for name, c := range map[string]struct {
			headers string
			opens   bool
		}{
			"of a browser":         {"", true},
			"with a token":         {good, true},
			"with a refused token": {"Authorization: Bearer refused\r\n", false},
			"with more":            {"X-Hasura-Admin-Secret: x\r\nX-Hasura-User-Id: 1\r\n", true},
		} {
			g.try(name)
			conn := g.dial(t)
			if _, err := io.WriteString(conn, upgrade+c.headers+"\r\n"); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			response.Body.Close()
			if opens := response.StatusCode == http.StatusSwitchingProtocols; opens != c.opens {
				t.Errorf("%s: %s", name, response.Status)
			} else if opens {
				echo := make([]byte, 5)
				if _, err := io.WriteString(conn, "hello"); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(in, echo); err != nil || string(echo) != "hello" {
					t.Errorf("%s: through the socket came %q, %v", name, echo, err)
				}
			}
		}
		g.judge(t)
	})
}

func TestAPreflightPassesAndBringsNothing(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		raw := "OPTIONS /v1/graphql HTTP/1.1\r\nHost: gateway\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n"
		if got := g.say(t, raw); got.Response == nil || got.StatusCode != http.StatusOK {
			t.Errorf("%+v", got)
		}
		for _, token := range []string{good, "Authorization: Bearer refused\r\n"} { // which nobody judges here
			g.say(t, strings.Replace(raw, "\r\n\r\n", "\r\n"+token+"\r\n", 1))
		}
		if seen := g.all()[0]; seen.Header.Get("Origin") != "https://app.example" || seen.Header.Get("Access-Control-Request-Headers") != "authorization" {
			t.Errorf("Hasura got %+v", seen.Header)
		}
		g.judge(t)
	})
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		body := bytes.Repeat([]byte("a"), 2<<20)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+g.https+"/v1/graphql", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer good")
		response, err := g.client.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode < 400 {
				t.Errorf("%s", response.Status)
			}
		}
		for _, seen := range g.all() {
			if len(seen.body) > 1<<20 {
				t.Errorf("Hasura got %d bytes", len(seen.body))
			}
		}
	})
}

// TestABodyThatSaysItIsTooLongIsToldSo before it is sent, so that a client hears why.
func TestABodyThatSaysItIsTooLongIsToldSo(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		raw := "POST /v1/graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n" + good + "Content-Length: 5000000\r\n\r\n"
		if g.name == "haproxy" { // which reads as much as it has room for, and then the length
			raw += strings.Repeat("a", 16<<10-len(raw))
		}
		got := g.say(t, raw)
		if got.Response == nil || got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%+v", got)
		}
		g.seen(t, 0)
	})
}

func TestPlainHTTPIsSentToTLS(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.http+"/v1/graphql", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer good")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusPermanentRedirect || !strings.HasPrefix(response.Header.Get("Location"), "https://") {
			t.Errorf("%s to %q", response.Status, response.Header.Get("Location"))
		}
		g.seen(t, 0)
	})
}

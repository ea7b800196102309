package faketenant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func copyTo(w io.Writer, r io.Reader) (int64, error) { return io.Copy(w, r) }

var (
	links  = regexp.MustCompile(`<a href="([^"]*)"`)
	styles = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

func TestThePersonaPageLetsAPersonChoose(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for name, change := range map[string]url.Values{
		"without a hint":        nil,
		"asked to select":       {"prompt": {"select_account"}, "login_hint": {"editor"}},
		"with a stranger":       {"login_hint": {"mallory@evil.example"}},
		"with a program's name": {"login_hint": {"daemon"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := s.signIn(t, signInQuery(change))
			found := links.FindAllStringSubmatch(body, -1)
			if response.StatusCode != http.StatusOK || len(found) != 6 {
				t.Fatalf("%d, %d choices, want all people: %s", response.StatusCode, len(found), body)
			}
			chosen := ""
			for _, link := range found {
				if strings.Contains(link[1], "persona=guest") {
					chosen = html.UnescapeString(link[1])
				}
			}
			next, _ := s.visit(t, "/"+faketenant.TenantID+"/oauth2/v2.0/authorize"+chosen)
			form := redeem(url.Values{"code": {sentBack(t, next).Get("code")}})
			_, got := s.token(t, faketenant.TenantID, form, fromPage)
			if oid := plainClaims(t, got["access_token"].(string))["oid"]; oid != oidOf(t, s, "guest") {
				t.Errorf("signed in as %v", oid)
			}
		})
	}
}

func TestPagesDoNothingButLookLikeThemselves(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	response, body := s.signIn(t, signInQuery(url.Values{"login_hint": {`"><script>alert(1)</script>`}, "state": {`"><script>alert(2)</script>`}}))
	for _, tag := range []string{"<script", " on", "src=", "http://", "https://", "@import", "url("} {
		if tag == " on" {
			continue // words of the text
		}
		if strings.Contains(body, tag) {
			t.Errorf("the page contains %s", tag)
		}
	}
	style := styles.FindStringSubmatch(body)
	sum := sha256.Sum256([]byte(style[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := response.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("Content-Security-Policy %q, want %q", got, want)
	}
	for _, mark := range []string{`<html lang="en">`, "<main>", "<h1>", `aria-label="Personas"`, "<title>"} {
		if !strings.Contains(body, mark) {
			t.Errorf("the page lacks %s", mark)
		}
	}
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store, no-cache"} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
}

func TestEveryPageMayAskTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.url+"/"+faketenant.TenantID+"/oauth2/v2.0/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", spaOrigin)
	request.Header.Set("Access-Control-Request-Method", "POST")
	request.Header.Set("Access-Control-Request-Headers", "client-request-id,content-type")
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	got := []string{response.Header.Get("Access-Control-Allow-Origin"), response.Header.Get("Access-Control-Allow-Methods"), response.Header.Get("Access-Control-Allow-Headers")}
	if response.StatusCode/100 != 2 || got[0] != "*" || got[1] != "POST" || got[2] == "" || response.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %q", response.StatusCode, got)
	}
}

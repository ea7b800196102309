package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

const secret = "s3cr3t-~of.our_app"

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	const one = "want exactly one of client secret, client certificate, federated token file and managed identity"
	for name, c := range map[string]struct {
		change func(*graph.Config)
		want   string // "" is none
	}{
		"a secret":            {func(*graph.Config) {}, ""},
		"another cloud":       {func(c *graph.Config) { c.Authority = "https://login.microsoftonline.us/" }, ""},
		"China":               {func(c *graph.Config) { c.Authority = "https://LOGIN.partner.microsoftonline.cn:443" }, ""},
		"a Graph on loopback": {func(c *graph.Config) { c.GraphURL = "http://127.0.0.1:8080/graph" }, ""},
		"a machine": {func(c *graph.Config) {
			*c = graph.Config{ManagedIdentity: &graph.ManagedIdentity{TenantID: uuid.NewString()}}
		}, ""},
		"an authority without TLS":     {func(c *graph.Config) { c.Authority = "http://127.0.0.1" }, "authority: want https://host"},
		"an authority with a tenant":   {func(c *graph.Config) { c.Authority += "https://login.microsoftonline.com/common" }, "authority: want"},
		"an authority with a user":     {func(c *graph.Config) { c.Authority = "https://a:" + secret + "@login.microsoftonline.com" }, "authority: want"},
		"an authority with a query":    {func(c *graph.Config) { c.Authority = "https://login.microsoftonline.com?" }, "authority: want"},
		"an authority that is none":    {func(c *graph.Config) { c.Authority = secret }, "authority: want"},
		"a cloud without a Graph":      {func(c *graph.Config) { c.Authority = "https://login.example" }, "graph URL: want one"},
		"a Graph without TLS":          {func(c *graph.Config) { c.GraphURL = "http://graph.microsoft.com" }, "graph URL: want https://host"},
		"a Graph with dots":            {func(c *graph.Config) { c.GraphURL = "https://graph.microsoft.com/../x" }, "graph URL: want"},
		"a Graph with slashes":         {func(c *graph.Config) { c.GraphURL = "https://graph.microsoft.com//" }, "graph URL: want"},
		"no credential":                {func(c *graph.Config) { c.ClientSecret = "" }, one},
		"two credentials":              {func(c *graph.Config) { c.FederatedTokenFile = "/token" }, one},
		"a machine and a secret":       {func(c *graph.Config) { c.ManagedIdentity = &graph.ManagedIdentity{} }, one},
		"no client id":                 {func(c *graph.Config) { c.ClientID = "" }, "client id: want a GUID"},
		"the secret for the client id": {func(c *graph.Config) { c.ClientID = secret }, "client id: want a GUID"},
		"a certificate that is none":   {func(c *graph.Config) { c.ClientSecret, c.ClientCertificate = "", []byte(secret) }, "client certificate: want PEM"},
		"a machine of nowhere":         {func(c *graph.Config) { c.ClientSecret, c.ManagedIdentity = "", &graph.ManagedIdentity{} }, "managed identity: want the id of the tenant"},
		"a machine's identity by its name": {func(c *graph.Config) {
			c.ClientSecret, c.ManagedIdentity = "", &graph.ManagedIdentity{uuid.NewString(), secret}
		}, "managed identity: want a GUID"},
		"a TTL below zero":                  {func(c *graph.Config) { c.TTL = -1 }, "TTL: -1ns"},
		"answers too old before they age":   {func(c *graph.Config) { c.Stale = c.TTL - 1 }, "stale: 4m59.999999999s is less than the TTL, 5m0s"},
		"fresh as long as they are any use": {func(c *graph.Config) { c.Stale = c.TTL }, ""},
	} {
		config := graph.Config{ClientID: uuid.NewString(), ClientSecret: secret, TTL: fresh, Stale: stale}
		c.change(&config)
		client, err := graph.New(config)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || client != nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	_, err := graph.New(graph.Config{Authority: "x", GraphURL: "x", TTL: -1, Stale: -2})
	for _, part := range []string{"authority:", "graph URL:", "credential:", "TTL:"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name all faults: %q", err, part)
		}
	}
}

func TestEachCloudHasItsGraph(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ authority, graph, want string }{
		{"", "", "https://graph.microsoft.com"},
		{"https://login.microsoftonline.com", "", "https://graph.microsoft.com"},
		{"https://login.microsoftonline.us/", "", "https://graph.microsoft.us"},
		{"https://LOGIN.microsoftonline.us:443", "https://dod-graph.microsoft.us/", "https://dod-graph.microsoft.us"},
		{"https://login.partner.microsoftonline.cn", "", "https://microsoftgraph.chinacloudapi.cn"},
		{"https://127.0.0.1:8443", "https://127.0.0.1:8443/graph/", "https://127.0.0.1:8443/graph"},
	} {
		client, err := graph.New(graph.Config{
			Authority: c.authority, GraphURL: c.graph, ClientID: uuid.NewString(), ClientSecret: secret, TTL: fresh, Stale: stale,
		})
		if err != nil || fmt.Sprint(client) != fmt.Sprintf("client of %q", c.want) {
			t.Errorf("%s: %v, %v, want %s", c.authority, client, err, c.want)
		}
	}
}

func TestPrintShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	config := s.config()
	client := s.open(t)
	if _, err := client.Groups(t.Context(), s.user(), nil); err != nil { // so that there is a token, too
		t.Fatal(err)
	}
	holder := struct{ C graph.Config }{config}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{config, &config, holder, client} {
			text := fmt.Sprintf(verb, value)
			for _, taboo := range []string{s.secret, fmt.Sprintf("%x", s.secret), "eyJ"} {
				if strings.Contains(text, taboo) {
					t.Errorf("%s of %T shows %q: %s", verb, value, taboo, text)
				}
			}
		}
	}
	if text := fmt.Sprint(config, client); !strings.Contains(text, s.app) || !strings.Contains(text, "graph.microsoft.com") {
		t.Errorf("%q says neither whose nor where", text)
	}
}

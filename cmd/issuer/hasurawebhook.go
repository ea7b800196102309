package main

import (
	"fmt"
	"io"

	"github.com/goccy/go-yaml"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// webhookConfig is what an engine needs to ask this service about each request, instead of a key set.
type webhookConfig struct {
	V2 webhookSettings   `json:"v2"`
	V3 webhookAuthConfig `json:"v3"`
}

// webhookSettings are variables of v2's environment. By POST neither cookies nor long tokens are in the way, and the
// query, which nobody needs here, stays where it is.
type webhookSettings struct {
	Hook        string `json:"HASURA_GRAPHQL_AUTH_HOOK"`
	Mode        string `json:"HASURA_GRAPHQL_AUTH_HOOK_MODE"`
	SendRequest string `json:"HASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY"`
}

// webhookAuthConfig is the AuthConfig object of v3 (DDN).
type webhookAuthConfig struct {
	Kind       string `json:"kind"`
	Version    string `json:"version"`
	Definition struct {
		Mode struct {
			Webhook v3Webhook `json:"webhook"`
		} `json:"mode"`
	} `json:"definition"`
}

// v3Webhook hands on the two headers that are read here, and no other.
type v3Webhook struct {
	Method string `json:"method"`
	URL    struct {
		Value string `json:"value"`
	} `json:"url"`
	CustomHeadersConfig struct {
		Body struct {
			Headers struct {
				Forward []string `json:"forward"`
			} `json:"headers"`
		} `json:"body"`
	} `json:"customHeadersConfig"`
}

func webhookConfigOf(s settings) webhookConfig {
	url := s.URL + "/hasura/webhook"
	config := webhookConfig{
		V2: webhookSettings{Hook: url, Mode: "POST", SendRequest: "false"},
		V3: webhookAuthConfig{Kind: "AuthConfig", Version: "v4"},
	}
	hook := &config.V3.Definition.Mode.Webhook
	hook.Method, hook.URL.Value = "POST", url
	hook.CustomHeadersConfig.Body.Headers.Forward = []string{"Authorization", "X-Hasura-Role"}
	return config
}

// Lists are texts in the webhook's answer. v3 takes a text for a list from older AuthConfigs alone.
const (
	noteForV2Hook = "# Lists in session variables are JSON text, which permissions of v2 cannot read; for v2 set ISSUER_ARRAY_FORMAT=postgres.\n"
	noteForV3Hook = "# Lists in session variables are texts here; where permissions compare lists, have v3 verify tokens instead.\n"
)

func (c webhookConfig) write(w io.Writer, s settings) error {
	v3, err := yaml.MarshalWithOptions(c.V3, yaml.UseJSONMarshaler())
	if err != nil {
		return fmt.Errorf("encode the v3 AuthConfig: %w", err)
	}
	v2Note := ""
	if issuer.ArrayFormat(s.ArrayFormat) == issuer.ArrayJSON {
		v2Note = noteForV2Hook
	}
	_, err = fmt.Fprintf(w, "# Hasura v2, in the engine's environment, without HASURA_GRAPHQL_JWT_SECRET:\n%s"+
		"HASURA_GRAPHQL_AUTH_HOOK=%s\nHASURA_GRAPHQL_AUTH_HOOK_MODE=%s\nHASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY=%s\n\n"+
		"# Hasura v3 (DDN), as auth-config.hml:\n%s%s", v2Note, c.V2.Hook, c.V2.Mode, c.V2.SendRequest, noteForV3Hook, v3)
	return err
}

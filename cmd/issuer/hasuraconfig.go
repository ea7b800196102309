package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

type hasuraConfigCmd struct {
	JSON    bool `help:"Print both as one JSON object with the members v2 and v3."`
	Webhook bool `help:"Print how engines ask this service about each request, instead of how they verify its tokens."`
}

func (c *hasuraConfigCmd) Run(p *program) error {
	s, err := load(p.environ, needURL)
	if err != nil {
		return err
	}
	config, err := c.config(s)
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		return printJSON(p.stdout, config)
	}
	return config.write(p.stdout, s)
}

// engineConfig is what both engines need, to be printed.
type engineConfig interface {
	write(w io.Writer, s settings) error
}

func (c *hasuraConfigCmd) config(s settings) (engineConfig, error) {
	if c.Webhook {
		return webhookConfigOf(s), nil
	}
	return hasuraConfigOf(s)
}

// hasuraConfig is what an engine needs to trust this issuer.
type hasuraConfig struct {
	V2 jwtSecret  `json:"v2"`
	V3 authConfig `json:"v3"`
}

// jwtSecret is the value of HASURA_GRAPHQL_JWT_SECRET (v2). Issuer and audience are optional there, and an engine without
// them takes tokens meant for others; so both are always named.
type jwtSecret struct {
	JWKURL              string `json:"jwk_url"`
	Issuer              string `json:"issuer"`
	Audience            string `json:"audience"`
	ClaimsNamespace     string `json:"claims_namespace,omitempty"`
	ClaimsNamespacePath string `json:"claims_namespace_path,omitempty"`
	ClaimsFormat        string `json:"claims_format"`
}

// authConfig is the AuthConfig object of v3 (DDN).
type authConfig struct {
	Kind       string         `json:"kind"`
	Version    string         `json:"version"`
	Definition authDefinition `json:"definition"`
}

type authDefinition struct {
	Mode struct {
		JWT v3JWT `json:"jwt"`
	} `json:"mode"`
}

type v3JWT struct {
	Key struct {
		JWKFromURL string `json:"jwkFromUrl"`
	} `json:"key"`
	Issuer        string   `json:"issuer"`
	Audience      []string `json:"audience"`
	TokenLocation struct {
		Type string `json:"type"`
	} `json:"tokenLocation"`
	ClaimsConfig struct {
		Namespace struct {
			ClaimsFormat string `json:"claimsFormat"`
			Location     string `json:"location"`
		} `json:"namespace"`
	} `json:"claimsConfig"`
}

func hasuraConfigOf(s settings) (hasuraConfig, error) {
	segments, err := issuer.NamespaceSegments(s.ClaimsNamespace, s.ClaimsNamespacePath)
	if err != nil {
		return hasuraConfig{}, fmt.Errorf("ISSUER_CLAIMS_NAMESPACE_PATH: %w", err)
	}
	jwks := s.URL + "/.well-known/jwks.json"
	config := hasuraConfig{
		V2: jwtSecret{
			JWKURL: jwks, Issuer: s.URL, Audience: s.TokenAudience,
			ClaimsNamespace: s.ClaimsNamespace, ClaimsNamespacePath: s.ClaimsNamespacePath, ClaimsFormat: s.ClaimsFormat,
		},
		V3: authConfig{Kind: "AuthConfig", Version: "v4"},
	}
	jwt := &config.V3.Definition.Mode.JWT
	jwt.Key.JWKFromURL, jwt.Issuer, jwt.Audience = jwks, s.URL, []string{s.TokenAudience}
	jwt.TokenLocation.Type = "BearerAuthorization"
	jwt.ClaimsConfig.Namespace.Location = jsonPointer(segments)
	jwt.ClaimsConfig.Namespace.ClaimsFormat = "Json"
	if s.ClaimsFormat == "stringified_json" {
		jwt.ClaimsConfig.Namespace.ClaimsFormat = "StringifiedJson"
	}
	return config, nil
}

// jsonPointer writes segments as RFC 6901 §3 does.
func jsonPointer(segments []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var pointer strings.Builder
	for _, segment := range segments {
		pointer.WriteString("/" + escape.Replace(segment))
	}
	return pointer.String()
}

// v2Line is the line for a shell, an env file or a compose file.
func (c hasuraConfig) v2Line() (string, error) { return c.V2.line() }

func (j jwtSecret) line() (string, error) {
	value, err := json.Marshal(j)
	if err != nil {
		return "", fmt.Errorf("encode the v2 setting: %w", err)
	}
	return "HASURA_GRAPHQL_JWT_SECRET='" + strings.ReplaceAll(string(value), "'", `'\''`) + "'", nil
}

// of is the URL of the key set by which the engine that fetches it is known.
func of(jwks, party string) string { return jwks + "?rp=" + party }

// v2Lines is the line for any engine, and one for each relying party, commented out.
func (c hasuraConfig) v2Lines(parties []string) (string, error) {
	lines, err := c.v2Line()
	if err != nil {
		return "", err
	}
	for _, party := range parties {
		own := c.V2
		own.JWKURL = of(own.JWKURL, party)
		line, err := own.line()
		if err != nil {
			return "", err
		}
		lines += fmt.Sprintf("\n# the engine %s:\n# %s", party, line)
	}
	return lines, nil
}

// Either engine reads lists in a form of its own, and the issuer writes one.
const (
	noteForV2 = "# Lists in session variables are JSON arrays, which v2 refuses; for v2 set ISSUER_ARRAY_FORMAT=postgres.\n"
	noteForV3 = "# Lists in session variables are Postgres array literals; for v3 set ISSUER_ARRAY_FORMAT=json.\n"
)

func (c hasuraConfig) write(w io.Writer, s settings) error {
	lines, err := c.v2Lines(s.RelyingParties)
	if err != nil {
		return err
	}
	v3, err := yaml.MarshalWithOptions(c.V3, yaml.UseJSONMarshaler())
	if err != nil {
		return fmt.Errorf("encode the v3 AuthConfig: %w", err)
	}
	v2Note, v3Note := "", noteForV3
	if issuer.ArrayFormat(s.ArrayFormat) == issuer.ArrayJSON {
		v2Note, v3Note = noteForV2, ""
	}
	for _, party := range s.RelyingParties {
		v3Note += fmt.Sprintf("# jwkFromUrl of the engine %s: %s\n", party, of(c.V2.JWKURL, party))
	}
	_, err = fmt.Fprintf(w, "# Hasura v2, in the engine's environment:\n%s%s\n\n# Hasura v3 (DDN), as auth-config.hml:\n%s%s", v2Note, lines, v3Note, v3)
	return err
}

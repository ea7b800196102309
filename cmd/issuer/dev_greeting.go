package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/console"
	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/standin"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const (
	greetingPersona = "editor"
	devOperator     = "operator" // may use the console
)

// greeting is the first screen of issuer dev: what runs, a line to try, its answer decoded, what Hasura needs.
func (d *dev) greeting(ctx context.Context, client *http.Client) (string, error) {
	answer, err := d.exchange(ctx, client, greetingPersona)
	if err != nil {
		return "", err
	}
	shown, err := answer.shown()
	if err != nil {
		return "", err
	}
	config, err := hasuraConfigOf(d.settings)
	if err != nil {
		return "", err
	}
	secretLine, err := config.v2Line()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "issuer dev: a fake Entra tenant, roles and keys in memory, on loopback only. Ctrl-C ends it.\n\n")
	fmt.Fprintf(&b, "  issuer        %s\n", d.settings.URL)
	if d.settings.URL != d.ownURL {
		fmt.Fprintf(&b, "  listens at    %s\n", d.ownURL)
	}
	fmt.Fprintf(&b, "  playground    %s/\n", d.ownURL)
	fmt.Fprintf(&b, "  fake tenant   %s\n", d.entraURL)
	fmt.Fprintf(&b, "  fake Hasura   %s%s, which knows one table, orders\n", d.ownURL, standin.Path)
	fmt.Fprintf(&b, "  console       %s%s (its token: curl -s %s%s/personas/%s/token)\n", d.adminURL, console.Path, d.curlTrust(), d.entraURL, devOperator)
	fmt.Fprintf(&b, "  as settings   ISSUER_ENTRA_AUTHORITY=%s\n                ISSUER_ENTRA_TENANTS=%s\n                ISSUER_ENTRA_AUDIENCES=%s\n",
		d.settings.EntraAuthority, strings.Join(d.settings.EntraTenants, ","), strings.Join(d.settings.EntraAudiences, ","))
	fmt.Fprintf(&b, "  as a daemon   ENTRA_TOKEN_URL=%s/%s/oauth2/v2.0/token API=api://%s\n                CLIENT_ID=%s CLIENT_SECRET=%s\n", // the secret of a fake app
		d.entraURL, faketenant.TenantID, faketenant.APIClientID, faketenant.DaemonClientID, d.tenant.ClientSecret(faketenant.DaemonClientID))
	d.greetExtras(&b)
	b.WriteString("  personas:\n")
	for _, persona := range d.tenant.Personas() {
		fmt.Fprintf(&b, "    %-8s %s\n", persona.Name, persona.Description)
	}
	fmt.Fprintf(&b, "\nExchange a token (any persona's name will do):\n\n%s\n", d.curlLine(greetingPersona))
	fmt.Fprintf(&b, "\n%s\n", shown)
	fmt.Fprintf(&b, "\nThe same for people, who sign in with a code on any screen (--query runs a query with the token):\n\n%s\n", d.exchangeLine())
	fmt.Fprintf(&b, "\nFor Hasura v2 (issuer hasura-config prints v3 too):\n\n  %s\n\n", secretLine)
	return b.String(), nil
}

// curlLine is one line for a shell that fetches the persona's Entra token and exchanges it.
func (d *dev) curlLine(persona string) string {
	return fmt.Sprintf("  curl -s %s/oauth2/token -d grant_type=%s -d subject_token_type=%s -d subject_token=$(curl -sf %s%s/personas/%s/token)",
		d.ownURL, tokenExchange, accessTokenType, d.curlTrust(), d.entraURL, persona)
}

// exchangeLine has this program sign somebody in to the fake tenant, as a device would.
func (d *dev) exchangeLine() string {
	trust := ""
	if d.caFile != "" {
		trust = "SSL_CERT_FILE=" + quoted(d.caFile) + " "
	}
	return fmt.Sprintf("  %sissuer exchange --issuer %s --authority %s --tenant %s --client %s --entra-scope api://%s/access_as_user",
		trust, d.ownURL, d.entraURL, faketenant.TenantID, faketenant.NativeClientID, faketenant.APIClientID)
}

const (
	tokenExchange   = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a grant type of RFC 8693 §2.1, not a credential
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"   //nolint:gosec // a token type of RFC 8693 §3, not a credential
)

// tokenAnswer is what the token endpoint answers (RFC 8693 §2.2.1).
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Reason      string `json:"reason"` // of a refusal
}

// shown is the answer for a person.
func (a tokenAnswer) shown() (string, error) {
	if a.Reason != "" {
		return "The answer is no, for the reason " + a.Reason + ": your policy has the last word.", nil
	}
	decoded, err := decodeJWT(a.AccessToken)
	return fmt.Sprintf("The answer's access_token, decoded (expires in %d s, scope %q):\n\n%s", a.ExpiresIn, a.Scope, decoded), err
}

// exchange exchanges a token of persona at our own listener. Only a policy may refuse it.
func (d *dev) exchange(ctx context.Context, client *http.Client, persona string) (tokenAnswer, error) {
	token, err := d.tenant.Token(persona)
	if err != nil {
		return tokenAnswer{}, err
	}
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.ownURL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return tokenAnswer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(req)
	if err != nil {
		return tokenAnswer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return tokenAnswer{}, err
	}
	var answer tokenAnswer
	err = json.Unmarshal(body, &answer)
	if response.StatusCode != http.StatusOK && (err != nil || d.policy == nil) {
		return tokenAnswer{}, fmt.Errorf("the token endpoint answered %s", statusOf(response))
	}
	return answer, err
}

// decodeJWT is the header and the claims of a compact JWS as indented JSON. It checks no signature.
func decodeJWT(token string) (string, error) {
	var b strings.Builder
	for _, part := range strings.SplitN(token, ".", 3)[:2] {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return "", fmt.Errorf("decode the token: %w", err)
		}
		value := jsontext.Value(raw)
		if err := value.Indent(jsontext.WithIndentPrefix("  "), jsontext.WithIndent("  ")); err != nil {
			return "", fmt.Errorf("decode the token: %w", err)
		}
		b.WriteString("  " + string(value) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

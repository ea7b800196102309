package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/idp"
)

// exchanged is a token as --json prints it.
type exchanged struct {
	AccessToken string         `json:"access_token"`
	ExpiresAt   time.Time      `json:"expires_at"`
	Roles       []string       `json:"roles"` // the default one first
	Header      jsontext.Value `json:"header"`
	Claims      jsontext.Value `json:"claims"`
}

// print writes the token as it was asked for: decoded for a person, bare, or both as JSON.
func (c *exchangeCmd) print(p *program, answer tokenAnswer) error {
	if c.Raw {
		_, err := fmt.Fprintln(p.stdout, cell(answer.AccessToken))
		return err
	}
	e, err := answer.decoded()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, e)
	}
	decoded, err := decodeJWT(answer.AccessToken)
	if err != nil {
		return err
	}
	names := strings.Join(e.Roles, ", ")
	if len(e.Roles) > 1 {
		names += "; the first one is the default"
	}
	left := time.Duration(answer.ExpiresIn) * time.Second
	to := screen.Of(p.stdout)
	_, err = fmt.Fprintf(to, "%s\n\n%s\n\n%s  %s\n%s   %s, in %s\n", to.In(screen.Bold, "The Hasura token, decoded (Hasura checks its signature, nobody did here):"),
		jsonText([]byte(decoded)), to.In(screen.Bold, "roles"), to.In(screen.Green, cell(names)), to.In(screen.Bold, "ends"), e.ExpiresAt.Format(time.RFC3339), left)
	return err
}

// decoded takes the answer's token apart.
func (a tokenAnswer) decoded() (exchanged, error) {
	parts := strings.Split(a.AccessToken, ".")
	e := exchanged{AccessToken: a.AccessToken, Roles: strings.Fields(a.Scope)}
	for i, into := range []*jsontext.Value{&e.Header, &e.Claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !jsontext.Value(raw).IsValid() {
			return exchanged{}, errors.New("the issuer's answer is no token that can be decoded")
		}
		*into = raw
	}
	var times struct {
		Expiry float64 `json:"exp"`
	}
	if json.Unmarshal(e.Claims, &times) != nil || times.Expiry <= 0 {
		return exchanged{}, errors.New("the issuer's answer is a token without an end")
	}
	e.ExpiresAt = time.Unix(int64(times.Expiry), 0).UTC()
	return e, nil
}

// graphql is the body of the query that is to be run; nil for none.
func (c *exchangeCmd) graphql() ([]byte, error) {
	if c.Query == "" {
		return nil, nil
	}
	query, err := readable("--query", c.Query)
	if err != nil {
		return nil, err
	}
	body := struct {
		Query     string         `json:"query"`
		Variables jsontext.Value `json:"variables,omitempty"`
	}{Query: string(query)}
	if c.Variables != "" {
		if body.Variables, err = readable("--variables", c.Variables); err != nil {
			return nil, err
		}
		if !body.Variables.IsValid() || body.Variables.Kind() != '{' {
			return nil, usagef("--variables wants a JSON object, such as '{\"id\": 1}'")
		}
	}
	return json.Marshal(body)
}

// engine is where the engine takes queries.
func (c *exchangeCmd) engine() string {
	if strings.HasSuffix(c.Hasura, "/graphql") {
		return c.Hasura
	}
	return c.Hasura + "/v1/graphql"
}

const (
	queryPatience = 2 * time.Minute
	maxQuery      = 64 << 20 // of an answer
)

// query runs a GraphQL query with the token and prints the answer; errors in it are an error.
func (p *program) query(ctx context.Context, engine, token string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, engine, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the engine: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := caller(queryPatience).Do(request)
	if err != nil {
		return fmt.Errorf("ask the engine at %s: %w", engine, idp.Unanswered(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxQuery))
	if err != nil {
		return fmt.Errorf("read the engine's answer: %w", idp.Unanswered(err))
	}
	value := jsontext.Value(text)
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return fmt.Errorf("%s answers %s, and a redirect is not followed with a token: give the address where it leads as --hasura", engine, statusOf(response))
	}
	if value.Indent(jsontext.WithIndent("  ")) != nil {
		return fmt.Errorf("%s answers %s, and no GraphQL: check --hasura", engine, statusOf(response))
	}
	if _, err := fmt.Fprintf(p.stdout, "%s\n", jsonText(bytes.ReplaceAll(value, []byte(token), []byte("(token)")))); err != nil {
		return err
	}
	return engineErrors(response, value, strings.TrimSuffix(engine, "/v1/graphql"))
}

// engineErrors is an error where the answer has errors; what they say stands on standard output.
func engineErrors(response *http.Response, answer jsontext.Value, engine string) error {
	var said struct {
		Errors []struct {
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	err := json.Unmarshal(answer, &said)
	switch {
	case err != nil:
		return errors.New("the answer is no GraphQL answer: check --hasura")
	case len(said.Errors) > 0 && said.Errors[0].Extensions.Code == "invalid-jwt":
		return fmt.Errorf("the engine does not take the token (invalid-jwt)\n  next: issuer check --online --hasura-url %s", quoted(engine))
	case len(said.Errors) > 0:
		return errors.New("the answer has errors")
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the engine answers %s", statusOf(response))
	}
	return nil
}

// statusOf is the status of an answer in the words of RFC 9110: its own words may be anything, the token that we sent for one.
func statusOf(response *http.Response) string {
	return strings.TrimSpace(strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode))
}

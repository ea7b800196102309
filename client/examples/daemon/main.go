// Command daemon asks Hasura a question as a program of its own: it signs in to Entra with a client secret, and the rest is the
// client's. docs/callers.md has it too.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/hasura-issuer/hasura-issuer/client"
)

func main() {
	if err := run(context.Background(), os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "daemon:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, env func(string) string, out io.Writer) error {
	hasura, err := url.Parse(env("HASURA")) // https://graphql.example.com/v1/graphql
	if err != nil {
		return err
	}
	entra := clientcredentials.Config{
		ClientID: env("CLIENT_ID"), ClientSecret: env("CLIENT_SECRET"),
		TokenURL: env("ENTRA_TOKEN_URL"), // https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token
		Scopes:   []string{env("API") + "/.default"},
	}
	source, err := client.New(client.Config{Issuer: env("ISSUER"), SubjectToken: client.FromOAuth2(entra.TokenSource(ctx))})
	if err != nil {
		return err
	}
	caller := &http.Client{Transport: &client.Transport{Source: source, Host: hasura.Host}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hasura.String(), strings.NewReader(`{"query":"{ __typename }"}`))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := caller.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(out, response.Body)
	return err
}

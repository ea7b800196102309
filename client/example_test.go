package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/hasura-issuer/hasura-issuer/client"
)

// A daemon asks Hasura with a token of its own app.
func Example() {
	entra := clientcredentials.Config{
		ClientID: "11111111-2222-4333-8444-555555555555", ClientSecret: "from a vault",
		TokenURL: "https://login.microsoftonline.com/7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901/oauth2/v2.0/token",
		Scopes:   []string{"api://66666666-7777-4888-8999-000000000000/.default"},
	}
	source, err := client.New(client.Config{
		Issuer:       "https://auth.example.com",
		SubjectToken: client.FromOAuth2(entra.TokenSource(context.Background())),
	})
	if err != nil {
		panic(err)
	}
	engine := &http.Client{Transport: &client.Transport{Source: source, Host: "graphql.example.com"}}
	response, err := engine.Post("https://graphql.example.com/v1/graphql", "application/json", strings.NewReader(`{"query":"{ orders { id } }"}`))
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
}

// A Config that cannot work is refused at once.
func ExampleNew() {
	_, err := client.New(client.Config{Issuer: "http://auth.example.com"})
	fmt.Println(err)
	// Output: client: Issuer wants https, since Entra tokens are sent there; http is for this machine only
}

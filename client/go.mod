// The Go client. A module of its own, so that who imports it takes over one requirement and not those of the service.
module github.com/hasura-issuer/hasura-issuer/client

go 1.26.0

require golang.org/x/oauth2 v0.38.0

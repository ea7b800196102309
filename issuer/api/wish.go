package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// wish is a token request as RFC 8693 §2.1 names its parameters.
type wish struct {
	subjectToken string
	scope        []string // distinct roles; nil: all
	audience     string
	tokenType    string // of the answer
}

// readWish reads the form and holds it against what is served. What RFC 8693 defines and we do not serve is refused: a
// client that sends it relies on it. Parameters of others are ignored (RFC 6749 §3.2), and an empty one counts as absent.
func (a *API) readWish(w http.ResponseWriter, r *http.Request) (wish, error) {
	form, err := a.readForm(w, r)
	if err != nil {
		return wish{}, err
	}
	if err := form.supported(); err != nil {
		return wish{}, err
	}
	scope, err := rolesOf(form["scope"])
	if err != nil {
		return wish{}, err
	}
	result := wish{
		subjectToken: form["subject_token"], scope: scope, audience: form["audience"],
		tokenType: form["requested_token_type"],
	}
	if result.tokenType == "" {
		result.tokenType = typeAccessToken
	}
	return result, nil
}

func (f fields) supported() error {
	switch f["grant_type"] {
	case grantTokenExchange:
	case "":
		return refuse(issuer.ReasonParameterMissing, "grant_type is missing")
	default:
		return refuse(issuer.ReasonGrantTypeUnsupported, "grant_type is another than token exchange")
	}
	for _, name := range []string{"resource", "actor_token", "actor_token_type"} {
		if f[name] != "" {
			return refuse(issuer.ReasonParameterUnsupported, name+" is not supported")
		}
	}
	for _, name := range []string{"subject_token", "subject_token_type"} {
		if f[name] == "" {
			return refuse(issuer.ReasonParameterMissing, name+" is missing")
		}
	}
	for _, name := range []string{"subject_token_type", "requested_token_type"} {
		if f[name] != "" && f[name] != typeAccessToken && f[name] != typeJWT {
			return refuse(issuer.ReasonParameterUnsupported, name+" is neither an access token nor a JWT")
		}
	}
	return nil
}

// maxScope is more roles than any token has room for, see issuer.ReasonTooManyRoles.
const maxScope = 2048

// rolesOf splits a scope at blanks (RFC 6749 §3.3) into distinct roles. Blanks alone name one role that nobody holds:
// a wish for less must never be read as one for everything.
func rolesOf(scope string) ([]string, error) {
	if scope == "" {
		return nil, nil
	}
	if strings.Count(scope, " ") >= maxScope {
		return nil, refuse(issuer.ReasonTooManyRoles, "the scope names more roles than a token can hold")
	}
	roles := strings.FieldsFunc(scope, func(c rune) bool { return c == ' ' })
	if len(roles) == 0 {
		return []string{""}, nil
	}
	slices.Sort(roles)
	return slices.Compact(roles), nil
}

func joinRoles(roles []string) string { return strings.Join(roles, " ") }

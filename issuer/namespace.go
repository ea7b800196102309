package issuer

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A path as Hasura v2 reads it, without what its versions read differently (escapes inside quotes) and what cannot be
// minted (array indices).
var (
	pathForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\$(\.[A-Za-z_][A-Za-z0-9_-]*|\['[^'"\\\p{C}]+'\]|\["[^'"\\\p{C}]+"\])*$`)
	})
	pathSegment = regexp.MustCompile(`\.[^.\[]+|\['[^']+'\]|\["[^"]+"\]`)
)

// NamespaceSegments returns the member names that lead from the root of the claims to Hasura's: for a namespace that one
// name, for a path such as $.hasura or $.a['b%'] its parts, and for $ none, which means the root itself. Exactly one of
// the two arguments is to be given. The error says in a sentence what is wrong.
func NamespaceSegments(namespace, path string) ([]string, error) {
	segments := []string{namespace}
	switch {
	case namespace != "" && path != "":
		return nil, errors.New("a claims namespace and a claims namespace path cannot both be set")
	case namespace == "" && path == "":
		return nil, errors.New("a claims namespace or a claims namespace path is needed")
	case path != "":
		var err error
		if segments, err = parsePath(path); err != nil {
			return nil, err
		}
	case !utf8.ValidString(namespace) || strings.ContainsFunc(namespace, unicode.IsControl):
		return nil, errors.New("the claims namespace must be valid text without control characters")
	}
	if len(segments) > 0 && slices.Contains(registeredClaims(), segments[0]) {
		return nil, errors.New("the claims namespace would take the place of the claim " + segments[0])
	}
	return segments, nil
}

func parsePath(path string) ([]string, error) {
	if !utf8.ValidString(path) || !pathForm().MatchString(path) {
		return nil, errors.New("the claims namespace path must look like $.hasura, $.a.b or $.a['b%'], or be $ alone")
	}
	var segments []string
	for _, part := range pathSegment.FindAllString(path[1:], -1) {
		if name, dotted := strings.CutPrefix(part, "."); dotted {
			segments = append(segments, name)
			continue
		}
		segments = append(segments, part[2:len(part)-2])
	}
	return segments, nil
}

// registeredClaims are the names outside the namespace, in the order in which they are written.
func registeredClaims() []string {
	return []string{"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "client_id"}
}

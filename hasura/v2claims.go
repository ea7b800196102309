package hasura

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

func invalidClaims(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "jwt-invalid-claims", format, args...)
}

// role reads Hasura's claims, picks the role, and gives the session variables.
func (c V2Config) role(all map[string]any, request http.Header) (string, map[string]any, error) {
	claims, err := c.hasuraClaims(all)
	if err != nil {
		return "", nil, err
	}
	allowed, role, err := v2Roles(claims)
	if err != nil {
		return "", nil, err
	}
	if wish := request.Get(roleVariable); wish != "" {
		role = wish
	}
	if !slices.Contains(allowed, role) {
		return "", nil, refuse(http.StatusBadRequest, "access-denied", "Your requested role is not in allowed roles")
	}
	delete(claims, allowedRolesClaim)
	delete(claims, defaultRoleClaim)
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if _, ok := claims[name].(string); !ok {
			return "", nil, invalidClaims("x-hasura-* claims: %s", expected("Text", "String", claims[name]))
		}
	}
	delete(claims, roleVariable)
	return role, claims, nil
}

// hasuraClaims finds the x-hasura- claims, with lower-case names, in a map of the caller's own.
func (c V2Config) hasuraClaims(all map[string]any) (map[string]any, error) {
	object, err := c.namespaceObject(all)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(object)) { // of two names that differ in case, the lower-case one wins
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-hasura-") {
			out[lower] = object[name]
		}
	}
	return out, nil
}

func (c V2Config) namespaceObject(all map[string]any) (map[string]any, error) {
	path, key := c.path, "claims_namespace_path"
	missing := invalidClaims("claims not found at claims_namespace_path: '%s'", c.namespace)
	if path == nil {
		path, key = []string{c.namespace}, "claims_namespace"
		missing = invalidClaims("claims key: '%s' not found", c.namespace)
	}
	unregistered := maps.Clone(all)
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		delete(unregistered, name)
	}
	v, ok := lookup(unregistered, path)
	if !ok {
		return nil, missing
	}
	s, isText := v.(string)
	switch {
	case c.stringified && !isText:
		return nil, invalidClaims("expecting a string when claims_format is stringified_json")
	case c.stringified:
		inner, err := parseJSON([]byte(s))
		object, ok := inner.(map[string]any)
		if err != nil || !ok {
			return nil, invalidClaims("expecting stringified json at: '%s %s', but found: %s", key, c.namespace, s)
		}
		return object, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, invalidClaims("expecting a json object when claims_format is json")
	}
	return object, nil
}

// v2Roles reads the two claims every token needs. A role is a text that is not empty.
func v2Roles(claims map[string]any) (allowed []string, role string, err error) {
	v, ok := claims[allowedRolesClaim]
	if !ok {
		return nil, "", missingRoles(allowedRolesClaim)
	}
	const hint = "invalid " + allowedRolesClaim + "; should be a list of roles: %s"
	list, ok := v.([]any)
	if !ok {
		return nil, "", invalidClaims(hint, expected("[]", "Array", v))
	}
	for _, v := range list {
		role, ok := v.(string)
		if !ok {
			return nil, "", invalidClaims(hint, expected("Text", "String", v))
		}
		if role == "" {
			return nil, "", invalidClaims(hint, "empty string not allowed")
		}
		allowed = append(allowed, role)
	}
	if v, ok = claims[defaultRoleClaim]; !ok {
		return nil, "", missingRoles(defaultRoleClaim)
	}
	if role, ok = v.(string); !ok || role == "" {
		return nil, "", invalidClaims("invalid %s; should be a single role name", defaultRoleClaim)
	}
	return allowed, role, nil
}

func missingRoles(name string) error {
	return refuse(http.StatusBadRequest, "jwt-missing-role-claims", "JWT claim does not contain %s", name)
}

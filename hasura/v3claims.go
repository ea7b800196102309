package hasura

import (
	"maps"
	"net/http"
	"slices"
)

// role reads Hasura's claims, whose names are exact, picks the role, and gives the session variables.
func (c V3Config) role(all any, request http.Header) (string, map[string]any, error) {
	claims, err := c.hasuraClaims(all)
	if err != nil {
		return "", nil, err
	}
	role, isText := claims[defaultRoleClaim].(string)
	allowed, isList := texts(claims[allowedRolesClaim])
	for _, name := range []string{defaultRoleClaim, allowedRolesClaim} {
		if _, ok := claims[name]; !ok {
			return "", nil, internalError("Error in parsing the Hasura claims map: missing field `%s`", name)
		}
	}
	switch {
	case !isText || !isList:
		return "", nil, internalError("Error in parsing the Hasura claims map: invalid type")
	case !slices.Contains(allowed, role):
		return "", nil, badRequest("The default role is not present in the allowed roles")
	case len(slices.Compact(slices.Sorted(slices.Values(allowed)))) != len(allowed):
		return "", nil, internalError("Duplicate allowed role found in the JWT claims")
	}
	if wish := request.Values(roleVariable); len(wish) > 0 {
		role = wish[len(wish)-1]
	}
	if !slices.Contains(allowed, role) {
		return "", nil, refuse(http.StatusUnauthorized, "", "cannot be authorized as role: %s", role)
	}
	session := maps.Clone(claims)
	for _, name := range []string{defaultRoleClaim, allowedRolesClaim, roleVariable} {
		delete(session, name)
	}
	return role, session, nil
}

func (c V3Config) hasuraClaims(all any) (map[string]any, error) {
	v, ok := lookup(all, c.path)
	if !ok {
		return nil, internalError("Hasura claims not found in the JWT at %s", c.pointer)
	}
	var err error
	if c.stringified {
		s, ok := v.(string)
		if !ok {
			return nil, badRequest("Expected the Hasura claims to be a String when `claimsFormat` is `stringifiedJson`")
		}
		v, err = parseJSON([]byte(s))
	}
	claims, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, internalError("Error in parsing the Hasura claims map: invalid type, expected a map")
	}
	return claims, nil
}

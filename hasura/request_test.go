package hasura_test

import (
	"crypto"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// requestOf makes the request's headers; a token the case does not place itself goes where the settings want it.
func requestOf(t *testing.T, m *material, c testCase, config map[string]any) http.Header {
	t.Helper()
	token := "a.b.c"
	if given := c.Given.Token; given != nil {
		alg, _ := given.Header["alg"].(string)
		var key crypto.Signer
		if name := strings.TrimSuffix(strings.TrimPrefix(given.SignedWith, "pem("), ")"); name != "" {
			kind := "RSA2048"
			for _, description := range c.Given.JWKS {
				if rest, ok := strings.CutPrefix(description, name+":"); ok {
					kind, _, _ = strings.Cut(strings.Fields(rest)[0], ",")
				}
			}
			key = m.key(t, name, kind)
		}
		token = sign(t, given.Header, instants(given.Claims), alg, key)
	}
	if c.ID == "H011" { // "pad every part with ="
		token = strings.ReplaceAll(token, ".", "=.") + "="
	}
	h := http.Header{}
	placed := false
	for name, value := range c.Given.Request {
		placed = placed || name != "X-Hasura-Role"
		h.Set(name, strings.ReplaceAll(value, "<jwt>", token))
	}
	if !placed && c.ID != "H013" { // "no Authorization header"
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

var relative = regexp.MustCompile(`^now([+-][0-9.]+)$`)

// instants replaces "now+300" by the moment, and "\"1\"" by the text 1.
func instants(claims map[string]any) map[string]any {
	out := maps.Clone(claims)
	for name, v := range out {
		s, _ := v.(string)
		if m := relative.FindStringSubmatch(s); m != nil {
			offset, _ := strconv.ParseFloat(m[1], 64)
			out[name] = float64(now().Unix()) + offset
		} else if strings.HasPrefix(s, `"`) {
			out[name] = strings.Trim(s, `"`)
		}
	}
	return out
}

// v3Document translates a case's settings, which are in v2's words.
func v3Document(t *testing.T, config map[string]any) []byte {
	t.Helper()
	location := "/https:~1~1hasura.io~1jwt~1claims"
	if path, ok := config["claims_namespace_path"].(string); ok {
		location = strings.ReplaceAll(strings.TrimPrefix(path, "$"), ".", "/")
	}
	format := map[any]string{nil: "Json", "stringified_json": "StringifiedJson"}[config["claims_format"]]
	jwt := map[string]any{
		"key":           map[string]any{"jwkFromUrl": config["jwk_url"]},
		"claimsConfig":  map[string]any{"namespace": map[string]any{"claimsFormat": format, "location": location}},
		"tokenLocation": map[string]any{"type": "BearerAuthorization"},
		"issuer":        config["issuer"],
		"allowedSkew":   config["allowed_skew"],
		"audience":      config["audience"],
	}
	if audience, ok := config["audience"].(string); ok {
		jwt["audience"] = []string{audience}
	}
	if header, ok := config["header"].(map[string]any); ok {
		kind := map[any]string{"Cookie": "Cookie", "CustomHeader": "Header"}[header["type"]]
		jwt["tokenLocation"] = map[string]any{"type": kind, "name": header["name"]}
	}
	return v3Mode(t, map[string]any{"jwt": jwt})
}

func v3Mode(t testing.TB, mode any) []byte {
	t.Helper()
	return marshal(t, map[string]any{"version": "v3", "definition": map[string]any{"mode": mode}})
}

package hasura_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

func TestCasesOfConfigurations(t *testing.T) {
	t.Parallel()
	var ran int
	for _, c := range loadCases(t) {
		if _, listed := unmodelled()[c.ID]; listed || c.ID[0] != 'C' {
			continue
		}
		ran++
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			t.Parallel()
			e, err := c.Expect.V2, error(nil)
			if e.Outcome == "n/a" {
				e = c.Expect.V3
				_, err = hasura.ParseV3Config(v3Fragment(t, c))
			} else {
				_, err = hasura.ParseV2Config(marshal(t, c.Given.Config))
			}
			if (err == nil) != (e.Outcome == "starts") {
				t.Fatalf("got error %v, want %s", err, e.Outcome)
			}
			if err != nil && !strings.Contains(err.Error(), e.Message) {
				t.Errorf("got %q, want %q", err, e.Message)
			}
		})
	}
	if ran != 11 {
		t.Errorf("%d cases ran, want 11", ran)
	}
}

// v3Fragment puts the piece of an AuthConfig that a case is about into a good one. C016 names a pointer of a claims map;
// the pointer of a namespace is read by the same rule.
func v3Fragment(t *testing.T, c testCase) []byte {
	t.Helper()
	var doc map[string]any
	good := v3Document(t, map[string]any{"jwk_url": "https://issuer.example/jwks"})
	if c.ID == "C016" {
		return []byte(strings.Replace(string(good), "/https:~1~1hasura.io~1jwt~1claims", "custom_claims/user_id", 1))
	}
	if err := json.Unmarshal(good, &doc); err != nil {
		t.Fatal(err)
	}
	jwt := doc["definition"].(map[string]any)["mode"].(map[string]any)["jwt"].(map[string]any)
	maps.Copy(jwt, c.Given.Config.(map[string]any)["jwt"].(map[string]any))
	return marshal(t, doc)
}

func TestV2ConfigurationsAnEngineWouldNotStartWith(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ secret, want string }{
		"not JSON":                      {`{`, "read JWT secret"},
		"two values":                    {`{} {}`, "trailing data"},
		"invalid UTF-8":                 {"{\"jwk_url\":\"\xff\"}", "invalid UTF-8"},
		"a URL that is none":            {`{"jwk_url":"issuer"}`, "failed to parse URI"},
		"brackets outside a host":       {`{"jwk_url":"https://i/[x]"}`, "failed to parse URI"},
		"a URL that is a number":        {`{"jwk_url":1}`, "expected String, but encountered Number"},
		"an unknown format":             {`{"jwk_url":"https://i","claims_format":"yaml"}`, "expected one of json"},
		"a path with a stray character": {`{"jwk_url":"https://i","claims_namespace_path":"$.a%"}`, "invalid JSON path"},
		"a path with a broken quote":    {`{"jwk_url":"https://i","claims_namespace_path":"$['\\x']"}`, "invalid JSON path"},
		"an empty path":                 {`{"jwk_url":"https://i","claims_namespace_path":""}`, "invalid JSON path"},
		"an audience of numbers":        {`{"jwk_url":"https://i","audience":[1]}`, "$.audience"},
		"an audience that is no URI":    {`{"jwk_url":"https://i","audience":["1:x"]}`, "failed to parse StringOrURI"},
		"a skew that is text":           {`{"jwk_url":"https://i","allowed_skew":"1"}`, "$.allowed_skew"},
		"an unknown header type":        {`{"jwk_url":"https://i","header":{"type":"Query"}}`, "expected 'type'"},
		"a cookie without a name":       {`{"jwk_url":"https://i","header":{"type":"Cookie"}}`, `"name" not found`},
		"a fixed key":                   {`{"type":"RS256","key":"x"}`, "outside this model"},
		"a claims map":                  {`{"jwk_url":"https://i","claims_map":{}}`, "outside this model"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := hasura.ParseV2Config([]byte(tt.secret)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPlacesWithoutHasuraClaims(t *testing.T) {
	t.Parallel()
	m := newMaterial()
	c := claims()
	c["list"] = []any{hasuraClaims("")}
	token, jwks := signed(t, m, "ES256", "P-256", c)
	for name, tt := range map[string]struct{ v2, v3 string }{
		"a registered claim":               {"$.aud", ""},
		"an index past the end":            {"$.list[1]", "/list/1"},
		"an index with a leading zero":     {"$.list[00]", "/list/00"},
		"a name in a list":                 {"$.list.a", "/list/a"},
		"a step into text":                 {"$.client_id.a", "/client_id/a"},
		"a name in another case":           {"$.List[0]", "/List/0"},
		"the place of an escaped pointer ": {"$['/list']", "/~1list/0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := enginesFor(t, map[string]any{"claims_namespace_path": tt.v2}, "Json", tt.v3)
			said(t, hasura.V2(e.v2, jwks, token, "", now()), "claims not found at claims_namespace_path")
			if tt.v3 != "" {
				said(t, hasura.V3(e.v3, jwks, token, "", now()), "Hasura claims not found in the JWT at "+tt.v3)
			}
		})
	}
}

func TestV3ConfigurationsABuildWouldRefuse(t *testing.T) {
	t.Parallel()
	good := string(v3Document(t, map[string]any{"jwk_url": "https://i/jwks"}))
	for name, tt := range map[string]struct{ from, to, want string }{
		"not JSON":                    {good, `[`, "read AuthConfig"},
		"not an object":               {good, `[]`, "expected Object"},
		"an unknown member":           {`"version"`, `"extra":1,"version"`, "unknown field `extra`"},
		"a member in another case":    {`"audience"`, `"Audience"`, "unknown field `Audience`"},
		"another mode":                {`"jwt":`, `"noAuth":`, "unknown field `noAuth`"},
		"a relative URL":              {`https://i/jwks`, `/jwks`, "relative URL"},
		"a fixed key":                 {`"jwkFromUrl"`, `"fixed"`, "outside this model"},
		"single locations":            {`"namespace"`, `"locations"`, "unknown field `locations`"},
		"no format":                   {`"claimsFormat":"Json",`, ``, "missing field `claimsFormat`"},
		"v2's name of a format":       {`"Json"`, `"json"`, "expected one of Json"},
		"v2's name of a place":        {`"BearerAuthorization"`, `"Authorization"`, "unknown variant"},
		"a name for the usual header": {`"type":"Bearer`, `"name":"x","type":"Bearer`, "unknown field `name`"},
		"a cookie without a name":     {`"BearerAuthorization"`, `"Cookie"`, "missing field `name`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := strings.Replace(good, tt.from, tt.to, 1)
			if doc == good {
				t.Fatal("the document did not change")
			}
			if _, err := hasura.ParseV3Config([]byte(doc)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

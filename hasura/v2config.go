package hasura

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	allowedRolesClaim = "x-hasura-allowed-roles"
	defaultRoleClaim  = "x-hasura-default-role"
	roleVariable      = "x-hasura-role"
	defaultNamespace  = "https://hasura.io/jwt/claims"
)

// Quirks are ways in which some v2 releases are stricter than the newest. Each only ever refuses more, so what an
// engine with AllQuirks accepts, every release accepts. The zero value is the newest release known.
type Quirks uint8

const (
	// QuirkUseRequired (2.48.4): a key without "use" is not used. Issue 10774.
	QuirkUseRequired Quirks = 1 << iota
	// QuirkUnknownUse (2.48.1 and older): a key with an unknown "use" makes the whole set unreadable. Issue 10733.
	QuirkUnknownUse
	// QuirkExactNumbers (older releases): "n" or "e" with a leading zero byte or in standard base64 makes the whole set
	// unreadable. Issue 9922.
	QuirkExactNumbers
	// QuirkNoSecp256k1 (hs-jose before 0.10): a secp256k1 key makes the whole set unreadable.
	QuirkNoSecp256k1

	// AllQuirks is the strictest engine.
	AllQuirks = QuirkUseRequired | QuirkUnknownUse | QuirkExactNumbers | QuirkNoSecp256k1
)

// V2Config is a v2 engine's authentication settings, made by ParseV2Config. A value may be used concurrently.
type V2Config struct {
	// JWKURL is the secret's jwk_url.
	JWKURL string
	// Quirks picks a release.
	Quirks Quirks

	audience    []string // nil: not checked
	issuer      string   // "": not checked
	required    []string // extra_required_claims, which only the newest builds read
	namespace   string   // a claim's name, or the text of path
	path        []string // nil without claims_namespace_path
	stringified bool
	skew        time.Duration
	location    location
}

// ParseV2Config reads a value of HASURA_GRAPHQL_JWT_SECRET. The error is the sentence with which the engine exits, or
// says that the settings are outside this model.
func ParseV2Config(secret []byte) (V2Config, error) {
	v, err := parseJSON(secret)
	if err != nil {
		return V2Config{}, fmt.Errorf("read JWT secret: %w", err)
	}
	r := &reader{at: "$"}
	o := r.object(v, "JWTConfig")
	c := V2Config{
		audience:    r.audience(o, "audience"),
		issuer:      r.stringOrURI(o, "issuer"),
		required:    r.texts(o, "extra_required_claims"),
		stringified: r.oneOf(o, "claims_format", "json", "stringified_json") == "stringified_json",
		location:    r.v2Location(o),
	}
	if skew := r.number(o, "allowed_skew"); skew != nil {
		c.skew = time.Duration(*skew * float64(time.Second)).Abs()
	}
	c.namespace, c.path = r.v2Namespace(o)
	c.JWKURL = r.v2KeyURL(o)
	if has(o, "claims_map") {
		r.fail("", "a claims_map is outside this model")
	}
	return c, r.err
}

func (r *reader) oneOf(o map[string]any, name string, values ...string) string {
	s := r.text(o, name)
	if has(o, name) && !slices.Contains(values, s) {
		r.fail("."+name, "expected one of %s", strings.Join(values, ", "))
	}
	return s
}

func (r *reader) v2Location(o map[string]any) location {
	if !has(o, "header") {
		return location{}
	}
	h := r.object(o["header"], "JWTHeader")
	l := location{name: r.text(h, "name")}
	switch strings.ToLower(r.text(h, "type")) {
	case "authorization":
		return location{}
	case "cookie":
		l.kind = inCookie
	case "customheader":
		l.kind = inHeader
	default:
		r.fail(".header", "expected 'type' is 'Authorization' or 'Cookie' or 'CustomHeader'")
	}
	if !has(h, "name") {
		r.fail(".header", `key "name" not found`)
	}
	return l
}

func (r *reader) v2Namespace(o map[string]any) (string, []string) {
	name, text := r.text(o, "claims_namespace"), r.text(o, "claims_namespace_path")
	switch {
	case has(o, "claims_namespace") && has(o, "claims_namespace_path"):
		r.fail("", "claims_namespace and claims_namespace_path both cannot be set")
	case has(o, "claims_namespace"):
		return name, nil
	case has(o, "claims_namespace_path"):
		path, err := parseJSONPath(text)
		if err != nil {
			r.fail("", "invalid JSON path claims_namespace_path error: %s", err)
		}
		return text, path
	}
	return defaultNamespace, nil
}

func (r *reader) v2KeyURL(o map[string]any) string {
	url := r.text(o, "jwk_url")
	switch {
	case has(o, "key") && has(o, "jwk_url"):
		r.fail("", "key, jwk_url both cannot be present")
	case has(o, "key"):
		r.v2FixedKey(r.text(o, "type"), r.text(o, "key"))
	case !has(o, "jwk_url"):
		r.fail("", "key and jwk_url both cannot be empty")
	case !isURI(url):
		r.fail(".jwk_url", "failed to parse URI")
	}
	return url
}

// v2FixedKey tells what is wrong with a fixed key where that is cheap to tell; a good one is outside the model.
func (r *reader) v2FixedKey(kind, key string) {
	switch kind {
	case "HS256", "HS384", "HS512":
		if size := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}[kind]; len(key) < size {
			r.fail("", "Invalid JWK: Key size too small; should be atleast %d characters", size)
		}
	case "RS256", "RS384", "RS512", "Ed25519", "ES256", "ES384", "ES512":
	default:
		r.fail("", "Invalid JWK: Key type: %s is not supported", kind)
	}
	r.fail("", "a fixed key is outside this model")
}

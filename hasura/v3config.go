package hasura

import (
	"fmt"
	"net/url"
	"time"
)

// V3Config is a v3 engine's AuthConfig in JWT mode, made by ParseV3Config. A value may be used concurrently.
type V3Config struct {
	// JWKURL is the configuration's jwkFromUrl.
	JWKURL string
	// AudienceOptional is how the engine runs under a compatibility date before 2025-03-11: "aud" is then never checked.
	AudienceOptional bool

	audience    []string // nil: a token with any "aud" is refused, unless AudienceOptional
	issuer      string   // "": not checked
	leeway      time.Duration
	pointer     string // where the claims are
	path        []string
	stringified bool
	location    location
}

// ParseV3Config reads an AuthConfig document (JSON, with version and definition). The error is why the engine's build
// refuses it, or says that the settings are outside this model.
func ParseV3Config(document []byte) (V3Config, error) {
	v, err := parseJSON(document)
	if err != nil {
		return V3Config{}, fmt.Errorf("read AuthConfig: %w", err)
	}
	r := &reader{}
	top := r.object(v, "AuthConfig", "kind", "version", "definition")
	definition := r.object(top["definition"], "definition", "mode", "allowRoleEmulationBy", "alternativeModes")
	mode := r.object(definition["mode"], "mode", "jwt")
	o := r.object(mode["jwt"], "JWTConfig",
		"audience", "issuer", "allowedSkew", "claimsConfig", "tokenLocation", "key")
	c := V3Config{audience: r.texts(o, "audience"), issuer: r.text(o, "issuer"), leeway: time.Minute}
	if skew := r.number(o, "allowedSkew"); skew != nil {
		c.leeway = time.Duration(*skew * float64(time.Second))
	}
	r.v3Claims(&c, o["claimsConfig"])
	c.location = r.v3Location(o["tokenLocation"])
	c.JWKURL = r.v3KeyURL(o["key"])
	return c, r.err
}

func (r *reader) v3Claims(c *V3Config, v any) {
	namespace := r.object(r.object(v, "claimsConfig", "namespace")["namespace"], "namespace", "claimsFormat", "location")
	if !has(namespace, "claimsFormat") || !has(namespace, "location") {
		r.fail("", "missing field `claimsFormat` or `location`; locations of single claims are outside this model")
	}
	c.stringified = r.oneOf(namespace, "claimsFormat", "Json", "StringifiedJson") == "StringifiedJson"
	c.pointer = r.text(namespace, "location")
	path, err := parsePointer(c.pointer)
	if err != nil {
		r.fail("", "%s", err)
	}
	c.path = path
}

func (r *reader) v3Location(v any) location {
	o := r.object(v, "tokenLocation", "type", "name")
	l := location{name: r.text(o, "name")}
	switch r.text(o, "type") {
	case "BearerAuthorization":
		if has(o, "name") {
			r.fail("", "unknown field `name`")
		}
	case "Cookie":
		l.kind = inCookie
	case "Header":
		l.kind = inHeader
	default:
		r.fail("", "unknown variant of tokenLocation, expected one of `BearerAuthorization`, `Cookie`, `Header`")
	}
	if l.kind != "" && !has(o, "name") {
		r.fail("", "missing field `name`")
	}
	return l
}

func (r *reader) v3KeyURL(v any) string {
	o := r.object(v, "key", "jwkFromUrl", "fixed")
	if has(o, "fixed") || !has(o, "jwkFromUrl") {
		r.fail("", "missing field `jwkFromUrl`; a fixed key is outside this model")
	}
	s := r.text(o, "jwkFromUrl")
	if u, err := url.Parse(s); err != nil || !u.IsAbs() {
		r.fail("", "relative URL without a base")
	}
	return s
}

package main

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

const defaultNamespace = "https://hasura.io/jwt/claims"

var (
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	noBlanks  = regexp.MustCompile(`^[!-~]+$`)
	partyName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	scopeName = regexp.MustCompile(`^[!-.0-~]+$`) // no slash: scp holds names, not api://… URIs
)

// normalise trims blanks around the items of lists, brings GUIDs to lower case and fills in the default namespace.
func (s *settings) normalise() {
	for _, list := range [][]string{s.EntraTenants, s.EntraAudiences, s.EntraClients, s.EntraScopes, s.EntraAppRoles, s.CORSOrigins, s.RelyingParties} {
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
	}
	for _, list := range [][]string{s.EntraTenants, s.EntraClients} {
		for i := range list {
			list[i] = strings.ToLower(list[i])
		}
	}
	if s.ClaimsNamespace == "" && s.ClaimsNamespacePath == "" {
		s.ClaimsNamespace = defaultNamespace
	}
}

// validate records every value that is set and wrong; given holds the raw texts for the sentences.
func (s *settings) validate(f *faults, given map[string]string) {
	bad := func(wrong bool, name string) {
		if _, set := given[name]; wrong && set {
			f.add(name, given[name])
		}
	}
	bad(!isBaseURL(s.URL, true), "ISSUER_URL")
	bad(!isListenAddress(s.Listen), "ISSUER_LISTEN")
	bad(!isListenAddress(s.AdminListen), "ISSUER_ADMIN_LISTEN")
	bad(!isBaseURL(s.EntraAuthority, false), "ISSUER_ENTRA_AUTHORITY")
	bad(!allMatch(s.EntraTenants, guid), "ISSUER_ENTRA_TENANTS")
	bad(!allMatch(s.EntraAudiences, noBlanks), "ISSUER_ENTRA_AUDIENCES")
	bad(!allMatch(s.EntraClients, guid), "ISSUER_ENTRA_CLIENTS")
	bad(!allMatch(s.EntraScopes, scopeName), "ISSUER_ENTRA_SCOPES")
	bad(!allMatch(s.EntraAppRoles, noBlanks), "ISSUER_ENTRA_APP_ROLES")
	bad(s.ClockLeeway < 0 || s.ClockLeeway > 2*time.Minute, "ISSUER_CLOCK_LEEWAY")
	bad(!noBlanks.MatchString(s.TokenAudience), "ISSUER_TOKEN_AUDIENCE")
	bad(s.ClaimsNamespace != "" && s.ClaimsNamespacePath != "", "ISSUER_CLAIMS_NAMESPACE_PATH")
	bad(!slices.Contains([]string{"json", "stringified_json"}, s.ClaimsFormat), "ISSUER_CLAIMS_FORMAT")
	bad(!slices.Contains([]string{"postgres", "json"}, s.ArrayFormat), "ISSUER_ARRAY_FORMAT")
	bad(slices.ContainsFunc(s.CORSOrigins, func(o string) bool { return !isOrigin(o) }), "ISSUER_CORS_ORIGINS")
	bad(!slices.Contains([]string{"auto", "cron"}, s.Rotate), "ISSUER_ROTATE")
	bad(!slices.Contains([]string{"debug", "info", "warn", "error"}, s.LogLevel), "ISSUER_LOG_LEVEL")
	bad(!slices.Contains([]string{"json", "console"}, s.LogFormat), "ISSUER_LOG_FORMAT")
	bad(s.TokenTTL < time.Minute || s.TokenTTL > time.Hour || !wholeSeconds(s.TokenTTL), "ISSUER_TOKEN_TTL")
	bad(!slices.Contains([]string{"ES256", "RS256", "EdDSA"}, s.TokenAlg), "ISSUER_TOKEN_ALG")
	bad(s.JWKSMaxAge < time.Minute || s.JWKSMaxAge > 5*time.Minute || !wholeSeconds(s.JWKSMaxAge), "ISSUER_JWKS_MAX_AGE")
	bad(s.JWKSCDNTTL < 0 || !wholeSeconds(s.JWKSCDNTTL), "ISSUER_JWKS_CDN_TTL")
	bad(s.RotateEvery > 90*24*time.Hour || s.RotateEvery <= 0 || !wholeSeconds(s.RotateEvery), "ISSUER_ROTATE_EVERY")
	bad(!arePartyNames(s.RelyingParties), "ISSUER_RELYING_PARTIES")
	bad(s.KeysLead <= 0 || !wholeSeconds(s.KeysLead), "ISSUER_KEYS_LEAD")
}

// validateRotation holds the durations of the key ring against each other; each by itself is right already.
func (s *settings) validateRotation(f *faults) {
	for _, name := range []string{"ISSUER_ROTATE_EVERY", "ISSUER_KEYS_LEAD", "ISSUER_TOKEN_TTL", "ISSUER_JWKS_MAX_AGE", "ISSUER_JWKS_CDN_TTL", "ISSUER_TOKEN_ALG"} {
		if f.named[name] {
			return
		}
	}
	if err := s.keysPolicy().Validate(); err != nil {
		f.addf("ISSUER_ROTATE_EVERY, ISSUER_KEYS_LEAD, ISSUER_TOKEN_TTL, ISSUER_JWKS_MAX_AGE and ISSUER_JWKS_CDN_TTL do not fit each other: %s",
			strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func wholeSeconds(d time.Duration) bool { return d == d.Truncate(time.Second) }

// require records every setting that needs names and that is missing.
func (s *settings) require(f *faults, needs need) {
	missing := func(n need, absent bool, name string) {
		if needs&n != 0 && absent {
			f.add(name, "")
		}
	}
	missing(needURL, s.URL == "", "ISSUER_URL")
	missing(needEntra, len(s.EntraTenants) == 0, "ISSUER_ENTRA_TENANTS")
	missing(needEntra, len(s.EntraAudiences) == 0, "ISSUER_ENTRA_AUDIENCES")
	database := s.DatabaseURL.reveal() != ""
	missing(needDatabase, !database, "ISSUER_DATABASE_URL")
	if s.Rotate == "cron" && s.KeysFile != "" {
		f.addf("ISSUER_ROTATE is \"cron\", but the one process that serves locks ISSUER_KEYS_FILE; it wants auto, or the keys in ISSUER_DATABASE_URL")
	}
	if needs&needRoles != 0 && !database && s.RolesFile == "" {
		f.addf("roles have no home: set ISSUER_DATABASE_URL (and run issuer migrate) or ISSUER_ROLES_FILE")
	}
	if needs&needKeys != 0 && !database && s.KeysFile == "" {
		f.addf("signing keys have no home: set ISSUER_DATABASE_URL (and run issuer migrate) or ISSUER_KEYS_FILE")
	}
	missing(needKeys, database && s.KeysFile == "" && len(s.KeysEncryptionKey.keks) == 0, "ISSUER_KEYS_ENCRYPTION_KEY")
}

// keysPolicy is the ring's part of the settings.
func (s *settings) keysPolicy() keys.Policy {
	return keys.Policy{
		Period: s.RotateEvery, TTL: s.TokenTTL, MaxAge: s.JWKSMaxAge, CDNTTL: s.JWKSCDNTTL, Lead: s.KeysLead,
		Alg: keys.Alg(s.TokenAlg),
	}
}

func arePartyNames(names []string) bool {
	distinct := slices.Compact(slices.Sorted(slices.Values(names)))
	return allMatch(names, partyName) && len(distinct) == len(names) &&
		!slices.Contains(names, api.PartyNone) && !slices.Contains(names, api.PartyUnknown)
}

func allMatch(items []string, pattern *regexp.Regexp) bool {
	return !slices.ContainsFunc(items, func(item string) bool { return !pattern.MatchString(item) })
}

// isBaseURL reports whether raw is https (or http on a loopback host), with a host and nothing behind the path; a path is
// allowed only where pathAllowed says so.
func isBaseURL(raw string, pathAllowed bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(raw, "/") ||
		strings.ContainsAny(raw, "?#") || !noBlanks.MatchString(raw) {
		return false
	}
	if u.Path != "" && !pathAllowed {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// isOrigin reports whether raw is a web origin (RFC 6454 §6.2): scheme, host, optional port, nothing else; http
// only on loopback, since whoever is on the way could act as any other.
func isOrigin(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())) && u.Host != "" && raw == u.Scheme+"://"+u.Host &&
		!strings.Contains(raw, "*") && raw == strings.ToLower(raw)
}

func isListenAddress(raw string) bool {
	host, port, err := net.SplitHostPort(raw)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && !strings.ContainsAny(host, " /")
}

// isLoopback reports whether host names this machine only.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

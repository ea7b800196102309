package main

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

const defaultNamespace = "https://hasura.io/jwt/claims"

var (
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	noBlanks  = regexp.MustCompile(`^[!-~]+$`)
	partyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`) })
	scopeName = regexp.MustCompile(`^[!-.0-~]+$`) // no slash: scp holds names, not api://… URIs
	sqlStart  = regexp.MustCompile(`(?i)^\s*(select|with)\s`)
)

// normalise trims blanks around the items of lists, brings GUIDs to lower case, as Entra's tokens have them, and fills in the default namespace.
func (s *settings) normalise() {
	for _, list := range [][]string{s.EntraTenants, s.EntraAudiences, s.EntraClients, s.EntraScopes, s.EntraAppRoles, s.CORSOrigins, s.TrustedProxies, s.RelyingParties, s.AdminTenants, s.AdminClients} {
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
	}
	for _, list := range [][]string{s.EntraTenants, s.EntraClients, s.AdminTenants, s.AdminClients} {
		for i := range list {
			list[i] = strings.ToLower(list[i])
		}
	}
	for i, audience := range s.EntraAudiences {
		if guid.MatchString(audience) {
			s.EntraAudiences[i] = strings.ToLower(audience)
		}
	}
	for i, one := range s.RateLimitClients.list {
		s.RateLimitClients.list[i].name = strings.ToLower(one.name)
	}
	for _, one := range []*string{&s.EntraClientID, &s.EntraManagedIdentity, &s.KeyVaultTenant, &s.CompatTenant} {
		*one = strings.ToLower(*one)
	}
	if s.KeyVaultTenant == "" && len(s.EntraTenants) == 1 {
		s.KeyVaultTenant = s.EntraTenants[0]
	}
	if s.CompatTenant == "" && len(s.EntraTenants) == 1 {
		s.CompatTenant = s.EntraTenants[0]
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
	bad(!noBlanks.MatchString(s.AdminAppRole), "ISSUER_ADMIN_APP_ROLE")
	bad(!slices.Contains(s.EntraTenants, s.CompatTenant), "ISSUER_COMPAT_TENANT")
	bad(s.DrainDelay < 0 || s.DrainDelay > time.Minute, "ISSUER_DRAIN_DELAY")
	bad(!isBaseURL(s.EntraAuthority, false), "ISSUER_ENTRA_AUTHORITY")
	bad(!guid.MatchString(s.EntraSigningKeyApp), "ISSUER_ENTRA_SIGNING_KEY_APP")
	bad(!guid.MatchString(s.EntraClientID), "ISSUER_ENTRA_CLIENT_ID")
	bad(!guid.MatchString(s.KeyVaultTenant), "ISSUER_KEYVAULT_TENANT")
	bad(s.EntraManagedIdentity != systemIdentity && !guid.MatchString(s.EntraManagedIdentity), "ISSUER_ENTRA_MANAGED_IDENTITY")
	bad(!isPathLike(s.EntraCertificateFile), "ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE")
	bad(!isBaseURL(s.GraphURL, true), "ISSUER_GRAPH_URL")
	bad(s.GroupsTTL < 0 || s.GroupsTTL > time.Hour, "ISSUER_GROUPS_TTL")
	bad(s.GroupsStale < s.GroupsTTL || s.GroupsStale > 24*time.Hour, "ISSUER_GROUPS_STALE")
	bad(s.ClockLeeway < 0 || s.ClockLeeway > 2*time.Minute, "ISSUER_CLOCK_LEEWAY")
	bad(!isPathLike(s.RolesFile), "ISSUER_ROLES_FILE")
	bad(!isPathLike(s.RolesQueryFile) || sqlStart.MatchString(s.RolesQueryFile) || s.RolesFile != "", "ISSUER_ROLES_QUERY_FILE")
	bad(s.RolesTTL < time.Second || s.RolesTTL > 5*time.Minute, "ISSUER_ROLES_TTL")
	bad(s.RolesStale < s.RolesTTL || s.RolesStale > time.Hour, "ISSUER_ROLES_STALE")
	bad(s.RolesCache < 0 || s.RolesCache > 1_000_000, "ISSUER_ROLES_CACHE")
	bad(!isPathLike(s.KeysFile), "ISSUER_KEYS_FILE")
	bad(!isBaseURL(s.PolicyURL, true), "ISSUER_POLICY_URL")
	bad(!noBlanks.MatchString(s.PolicyToken.reveal()), "ISSUER_POLICY_TOKEN")
	bad(!isPathLike(s.PolicyDir), "ISSUER_POLICY_DIR")
	bad(s.PolicyTimeout < 10*time.Millisecond || s.PolicyTimeout > 5*time.Second, "ISSUER_POLICY_TIMEOUT")
	bad(!isPathLike(s.FederatedTokenFile), "AZURE_FEDERATED_TOKEN_FILE")
	bad(!noBlanks.MatchString(s.TokenAudience) || strings.Contains(s.TokenAudience, ","), "ISSUER_TOKEN_AUDIENCE")
	bad(s.ClaimsNamespace != "" && s.ClaimsNamespacePath != "", "ISSUER_CLAIMS_NAMESPACE_PATH")
	bad(!slices.Contains([]string{"json", "stringified_json"}, s.ClaimsFormat), "ISSUER_CLAIMS_FORMAT")
	bad(!slices.Contains([]string{"postgres", "json"}, s.ArrayFormat), "ISSUER_ARRAY_FORMAT")
	bad(!slices.Contains([]string{"auto", "cron"}, s.Rotate), "ISSUER_ROTATE")
	bad(!slices.Contains([]string{auditBestEffort, auditRequired, auditOff}, s.Audit), "ISSUER_AUDIT")
	bad(s.AuditMonths < 0 || s.AuditMonths > 240, "ISSUER_AUDIT_MONTHS")
	bad(!isPathLike(s.AuditFile), "ISSUER_AUDIT_FILE")
	bad(!slices.Contains([]string{"debug", "info", "warn", "error"}, s.LogLevel), "ISSUER_LOG_LEVEL")
	bad(!slices.Contains([]string{"json", logConsole}, s.LogFormat), "ISSUER_LOG_FORMAT")
	bad(s.TokenTTL < time.Minute || s.TokenTTL > time.Hour || !wholeSeconds(s.TokenTTL), "ISSUER_TOKEN_TTL")
	bad(!slices.Contains([]string{"ES256", "RS256", "EdDSA"}, s.TokenAlg), "ISSUER_TOKEN_ALG")
	bad(s.JWKSMaxAge < time.Minute || s.JWKSMaxAge > 5*time.Minute || !wholeSeconds(s.JWKSMaxAge), "ISSUER_JWKS_MAX_AGE")
	bad(s.JWKSCDNTTL < 0 || !wholeSeconds(s.JWKSCDNTTL), "ISSUER_JWKS_CDN_TTL")
	bad(s.RotateEvery > 90*24*time.Hour || s.RotateEvery <= 0 || !wholeSeconds(s.RotateEvery), "ISSUER_ROTATE_EVERY")
	bad(s.KeysLead <= 0 || !wholeSeconds(s.KeysLead), "ISSUER_KEYS_LEAD")
	s.validateLists(f)
	bad(hasRepeats(s.RelyingParties), "ISSUER_RELYING_PARTIES")
	bad(hasRepeats(s.RateLimitRoles.names()), "ISSUER_RATE_LIMIT_ROLES")
	bad(hasRepeats(s.RateLimitClients.names()), "ISSUER_RATE_LIMIT_CLIENTS")
}

// validateLists records the first wrong item of each list.
func (s *settings) validateLists(f *faults) {
	for _, list := range []struct {
		name  string
		items []string
		right func(string) bool
	}{
		{"ISSUER_ENTRA_TENANTS", s.EntraTenants, guid.MatchString},
		{"ISSUER_ADMIN_TENANTS", s.AdminTenants, guid.MatchString},
		{"ISSUER_ADMIN_CLIENTS", s.AdminClients, guid.MatchString},
		{"ISSUER_ENTRA_AUDIENCES", s.EntraAudiences, noBlanks.MatchString},
		{"ISSUER_ENTRA_CLIENTS", s.EntraClients, guid.MatchString},
		{"ISSUER_ENTRA_SCOPES", s.EntraScopes, isScopeName},
		{"ISSUER_ENTRA_APP_ROLES", s.EntraAppRoles, noBlanks.MatchString},
		{"ISSUER_CORS_ORIGINS", s.CORSOrigins, isOrigin},
		{"ISSUER_TRUSTED_PROXIES", s.TrustedProxies, isProxyNetwork},
		{"ISSUER_RELYING_PARTIES", s.RelyingParties, isPartyName},
		{"ISSUER_RATE_LIMIT_ROLES", s.RateLimitRoles.names(), func(name string) bool { return roleName().MatchString(name) }},
		{"ISSUER_RATE_LIMIT_CLIENTS", s.RateLimitClients.names(), guid.MatchString},
	} {
		if at := slices.IndexFunc(list.items, func(item string) bool { return !list.right(item) }); at >= 0 {
			f.addItem(list.name, list.items, at)
		}
	}
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
			f.lacks = true
			f.add(name, "")
		}
	}
	missing(needURL, s.URL == "", "ISSUER_URL")
	missing(needEntra, len(s.EntraTenants)+len(s.EntraIssuers.list) == 0, "ISSUER_ENTRA_TENANTS")
	missing(needEntra, len(s.EntraAudiences) == 0, "ISSUER_ENTRA_AUDIENCES")
	database := s.DatabaseURL.reveal() != "" || f.named["ISSUER_DATABASE_URL"]
	missing(needDatabase, !database, "ISSUER_DATABASE_URL")
	if s.RolesQueryFile != "" && !database && !f.named["ISSUER_ROLES_QUERY_FILE"] {
		f.addf("ISSUER_ROLES_QUERY_FILE is set, and there is no database that could answer it: set ISSUER_DATABASE_URL")
	}
	if s.PolicyURL != "" && s.PolicyDir != "" {
		f.addf("ISSUER_POLICY_URL and ISSUER_POLICY_DIR are both set: there is one policy; keep one")
	}
	if s.PolicyURL == "" && s.PolicyToken.reveal() != "" {
		f.addf("ISSUER_POLICY_TOKEN is set, and there is no policy server to show it to: set ISSUER_POLICY_URL")
	}
	if s.Rotate == "cron" && s.KeysFile != "" {
		f.addf("ISSUER_ROTATE is \"cron\", but the one process that serves locks ISSUER_KEYS_FILE; it wants auto, or the keys in ISSUER_DATABASE_URL")
	}
	if s.Audit == auditRequired && !database {
		f.addf("ISSUER_AUDIT is \"required\", and there is no database that could keep the records: set ISSUER_DATABASE_URL")
	}
	if s.Audit == auditOff && needs&needService == needService {
		f.addf("ISSUER_AUDIT is \"off\", which is for issuer dev alone; it wants best_effort or required")
	}
	if s.InsecureCompat && !s.mapsRoles() {
		f.addf("ISSUER_INSECURE_COMPAT is set, but a provisioner can change roles only where grants are kept in ISSUER_DATABASE_URL: unset it, or ISSUER_ROLES_FILE and ISSUER_ROLES_QUERY_FILE")
	}
	missing(needService, (s.InsecureCompat || s.CompatAllowEmpty) && s.CompatTenant == "" && len(s.EntraTenants) > 1 && needs&needService == needService, "ISSUER_COMPAT_TENANT")
	if needs&needRoles != 0 && !database && s.RolesFile == "" {
		f.lacks = true
		f.addf("roles have no home: set ISSUER_DATABASE_URL (and run issuer migrate) or ISSUER_ROLES_FILE")
	}
	if needs&needKeys != 0 && !database && s.KeysFile == "" {
		f.lacks = true
		f.addf("signing keys have no home: set ISSUER_DATABASE_URL (and run issuer migrate) or ISSUER_KEYS_FILE")
	}
	if needs&needService == needService && sameListener(s.Listen, s.AdminListen) {
		f.addf("ISSUER_LISTEN is %s and ISSUER_ADMIN_LISTEN is %s: operators have a listener of their own; they want different ports", shown(s.Listen), shown(s.AdminListen))
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

// isScopeName reports whether scp may hold name: .default is what apps ask for, and what they get has another name.
func isScopeName(name string) bool { return scopeName.MatchString(name) && name != ".default" }

func isPartyName(name string) bool {
	return partyName().MatchString(name) && name != api.PartyNone && name != api.PartyUnknown
}

func hasRepeats(items []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(items)))) < len(items)
}

// isBaseURL reports whether raw is https (or http on a loopback host), with a host and nothing behind the path; a path is
// allowed only where pathAllowed says so.
func isBaseURL(raw string, pathAllowed bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(raw, "/") ||
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

// sameListener reports whether two addresses cannot both be listened on: the same port of the same address, or of any.
func sameListener(one, other string) bool {
	host, port, err := net.SplitHostPort(one)
	otherHost, otherPort, otherErr := net.SplitHostPort(other)
	if err != nil || otherErr != nil || port != otherPort || port == "0" {
		return false
	}
	anyHost := []string{"", "0.0.0.0", "::"}
	return host == otherHost || slices.Contains(anyHost, host) || slices.Contains(anyHost, otherHost)
}

// isLoopback reports whether host names this machine only.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

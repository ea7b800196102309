package main

import (
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/telemetry"
)

// settings is everything the environment says, and the manual of it: `env` names the variable, `want` completes the
// sentence that a wrong or missing value gets. Values of type secret never print; each can also be given as a file by
// the variable's name with _FILE behind it.
type settings struct {
	URL         string        `env:"ISSUER_URL" want:"the public base URL of this service: https (http only for a loopback host), no trailing slash, query or fragment, such as https://auth.example.com"`
	Listen      string        `env:"ISSUER_LISTEN" envDefault:":8080" want:"an address to listen on, such as :8080 or 127.0.0.1:8080"`
	DrainDelay  time.Duration `env:"ISSUER_DRAIN_DELAY" envDefault:"5s" want:"how long the service goes on once it was told to stop, not ready any more: a duration from 0s to 60s"`
	AdminListen string        `env:"ISSUER_ADMIN_LISTEN" envDefault:"127.0.0.1:9090" want:"an address to listen on for operators, such as 127.0.0.1:9090"`

	// Who may see and change things on AdminListen.
	AdminAppRole string      `env:"ISSUER_ADMIN_APP_ROLE" envDefault:"Issuer.Admin" want:"the value of the app role that operators hold, without blanks"`
	AdminTenants []string    `env:"ISSUER_ADMIN_TENANTS" want:"the ids (GUIDs) of the tenants whose users and apps may be operators, comma separated, all of them in ISSUER_ENTRA_TENANTS; it may be left out where that names one at most"`
	AdminClients []string    `env:"ISSUER_ADMIN_CLIENTS" want:"client ids (GUIDs) of the apps that operators use, comma separated; unset for those of ISSUER_ENTRA_CLIENTS"`
	AdminTokens  tokenHashes `env:"ISSUER_ADMIN_TOKEN_SHA256" want:"the SHA-256 of a token in hex (64 digits), or several, comma separated; make one with: openssl rand -base64 32 | tr -d '\\n' | tee admin.token | sha256sum"`

	// The routes of the role mapper that we take the place of.
	InsecureCompat   bool   `env:"ISSUER_INSECURE_COMPAT" envDefault:"false" want:"true or false"`
	CompatAllowEmpty bool   `env:"ISSUER_COMPAT_ALLOW_EMPTY" envDefault:"false" want:"true or false"`
	CompatTenant     string `env:"ISSUER_COMPAT_TENANT" want:"the id (GUID) of the tenant whose users and groups a provisioner names, one of ISSUER_ENTRA_TENANTS; it may be left out where that names one"`

	WitboostURL secret `env:"ISSUER_WITBOOST_DATABASE_URL" want:"the Postgres URL of the role mapper whose tables are imported, such as postgres://user:password@host:5432/database"`

	EntraAuthority   string        `env:"ISSUER_ENTRA_AUTHORITY" envDefault:"https://login.microsoftonline.com" want:"the authority's base URL without a path: https, or http for a loopback host"`
	EntraTenants     []string      `env:"ISSUER_ENTRA_TENANTS" want:"tenant ids (GUIDs), comma separated; it may be left out where ISSUER_ENTRA_ISSUERS is set"`
	EntraAudiences   []string      `env:"ISSUER_ENTRA_AUDIENCES" want:"the accepted aud values, comma separated, such as the API's client id and api://<client id>"`
	EntraClients     []string      `env:"ISSUER_ENTRA_CLIENTS" want:"client ids (GUIDs) of the apps that may call, comma separated; unset for any"`
	EntraScopes      []string      `env:"ISSUER_ENTRA_SCOPES" envDefault:"access_as_user" want:"scope names as they stand in scp, such as access_as_user without api://…/ (.default never stands there), comma separated; a user token needs one of them"`
	EntraAppRoles    []string      `env:"ISSUER_ENTRA_APP_ROLES" want:"app role values, comma separated; an app-only token needs one of them in roles; unset refuses app-only tokens"`
	EntraAllowGuests bool          `env:"ISSUER_ENTRA_ALLOW_GUESTS" envDefault:"true" want:"true or false"`
	ClockLeeway      time.Duration `env:"ISSUER_CLOCK_LEEWAY" envDefault:"60s" want:"a duration from 0s to 120s, such as 60s"`

	// Issuers and keys that are not those of a cloud of Microsoft's, as they are.
	EntraIssuers       entraIssuers `env:"ISSUER_ENTRA_ISSUERS" want:"<tenant id>=<issuer> of External ID and B2C tenants, comma separated, with the address of the discovery document after a space where it does not stand below the issuer"`
	EntraIssuerV1      string       `env:"ISSUER_ENTRA_ISSUER_V1" want:"the iss of v1.0 tokens, with {tenantid} in it; unset for that of the authority's cloud"`
	EntraIssuerV2      string       `env:"ISSUER_ENTRA_ISSUER_V2" want:"the iss of v2.0 tokens, with {tenantid} in it; unset for that of the authority's cloud"`
	EntraSigningKeyApp string       `env:"ISSUER_ENTRA_SIGNING_KEY_APP" want:"the client id (GUID) of the API whose tokens are signed with a key of its own"`
	EntraTokenCache    int          `env:"ISSUER_ENTRA_TOKEN_CACHE" envDefault:"10000" want:"how many verified tokens are remembered: a number from 0 (none) to 1000000"`

	// As whom we ask Microsoft Graph and Azure Key Vault. AZURE_FEDERATED_TOKEN_FILE is what Azure's workload identity sets by itself.
	EntraClientID        string        `env:"ISSUER_ENTRA_CLIENT_ID" want:"the client id (GUID) of this service's own app or managed identity"`
	EntraClientSecret    secret        `env:"ISSUER_ENTRA_CLIENT_SECRET" want:"a client secret of ISSUER_ENTRA_CLIENT_ID"`
	EntraManagedIdentity string        `env:"ISSUER_ENTRA_MANAGED_IDENTITY" want:"system for the identity that Azure gives this machine, or the client id (GUID) of a managed identity that is assigned to it"`
	EntraCertificateFile string        `env:"ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE" want:"the path of a PEM file with a certificate of ISSUER_ENTRA_CLIENT_ID and its RSA key"`
	GraphURL             string        `env:"ISSUER_GRAPH_URL" want:"the base URL of Microsoft Graph: https, or http for a loopback host; unset for that of the authority's cloud"`
	GroupsTTL            time.Duration `env:"ISSUER_GROUPS_TTL" envDefault:"5m" want:"how long groups from Microsoft Graph are fresh: a duration from 0s to 1h, such as 5m"`
	GroupsStale          time.Duration `env:"ISSUER_GROUPS_STALE" envDefault:"15m" want:"how old groups from Microsoft Graph may be while it is down: a duration from ISSUER_GROUPS_TTL to 24h, such as 15m"`
	FederatedTokenFile   string        `env:"AZURE_FEDERATED_TOKEN_FILE" want:"the path of a token file, as Azure workload identity sets it"`
	KeyVaultTenant       string        `env:"ISSUER_KEYVAULT_TENANT" want:"the id (GUID) of the tenant where this service's own identity lives; it may be left out where ISSUER_ENTRA_TENANTS names exactly one, which it then is"`

	RedisURL          secret        `env:"ISSUER_REDIS_URL" want:"a Redis URL such as rediss://user:password@host:6380"`
	DatabaseURL       secret        `env:"ISSUER_DATABASE_URL" want:"a Postgres URL such as postgres://user:password@host:5432/database"`
	RolesFile         string        `env:"ISSUER_ROLES_FILE" want:"the path of a roles file"`
	RolesQueryFile    string        `env:"ISSUER_ROLES_QUERY_FILE" want:"the path of a file with one SQL query, and not together with ISSUER_ROLES_FILE"`
	RolesTTL          time.Duration `env:"ISSUER_ROLES_TTL" envDefault:"15s" want:"how long grants and blocks count without a word from the database: a duration from 1s to 5m, such as 15s"`
	RolesStale        time.Duration `env:"ISSUER_ROLES_STALE" envDefault:"60s" want:"how old grants and blocks may be while the database is down: a duration from ISSUER_ROLES_TTL to 1h, such as 60s"`
	RolesCache        int           `env:"ISSUER_ROLES_CACHE" envDefault:"100000" want:"of how many callers grants are remembered: a number from 0 (none) to 1000000"`
	KeysFile          string        `env:"ISSUER_KEYS_FILE" want:"the path of a keys file; it is made when it does not exist"`
	KeysEncryptionKey secretKV      `env:"ISSUER_KEYS_ENCRYPTION_KEY" want:"id:base64 of 32 bytes, or what issuer keys wrap prints, comma separated, the first one seals; make one with: echo \"k1:$(head -c 32 /dev/urandom | base64)\""`
	PolicyURL         string        `env:"ISSUER_POLICY_URL" want:"the address of the decision in OPA's data API: https (http only for a loopback host), such as https://opa.example.com/v1/data/issuer/decision, and not together with ISSUER_POLICY_DIR"`
	PolicyToken       secret        `env:"ISSUER_POLICY_TOKEN" want:"a bearer token for ISSUER_POLICY_URL: printable characters without blanks"`
	PolicyDir         string        `env:"ISSUER_POLICY_DIR" want:"the path of a folder with files of Rego and data.json, and not together with ISSUER_POLICY_URL"`
	PolicyTimeout     time.Duration `env:"ISSUER_POLICY_TIMEOUT" envDefault:"1s" want:"how long a policy may take over one decision: a duration from 10ms to 5s, such as 1s"`
	AllowAdminRole    bool          `env:"ISSUER_ALLOW_ADMIN_ROLE" envDefault:"false" want:"true or false"`

	TokenTTL            time.Duration `env:"ISSUER_TOKEN_TTL" envDefault:"5m" want:"a duration from 1m to 1h, in whole seconds, such as 300s or 5m"`
	TokenAudience       string        `env:"ISSUER_TOKEN_AUDIENCE" envDefault:"hasura" want:"one value for aud, of printable characters without blanks and commas"`
	TokenAlg            string        `env:"ISSUER_TOKEN_ALG" envDefault:"ES256" want:"ES256, RS256 or EdDSA"`
	TokenCache          int           `env:"ISSUER_TOKEN_CACHE" envDefault:"10000" want:"how many decisions are remembered, with the tokens that were minted by them: a number from 0 (none) to 1000000"`
	ClaimsNamespace     string        `env:"ISSUER_CLAIMS_NAMESPACE" want:"the name of the claim that holds Hasura's claims (default https://hasura.io/jwt/claims), and not together with ISSUER_CLAIMS_NAMESPACE_PATH"`
	ClaimsNamespacePath string        `env:"ISSUER_CLAIMS_NAMESPACE_PATH" want:"a JSON path such as $.hasura, and not together with ISSUER_CLAIMS_NAMESPACE"`
	ClaimsFormat        string        `env:"ISSUER_CLAIMS_FORMAT" envDefault:"json" want:"json or stringified_json"`
	ArrayFormat         string        `env:"ISSUER_ARRAY_FORMAT" envDefault:"postgres" want:"postgres (for Hasura v2) or json (for v3)"`
	SessionClaims       sessionClaims `env:"ISSUER_SESSION_CLAIMS" envDefault:"x-hasura-user-id=oid,x-hasura-tenant-id=tid" want:"pairs such as x-hasura-user-id=oid, comma separated: a session variable in lower case that is not reserved, each once, and the name of a claim"`
	CORSOrigins         []string      `env:"ISSUER_CORS_ORIGINS" want:"exact origins such as https://app.example.com, comma separated; http only for loopback hosts; * is refused"`
	TrustedProxies      []string      `env:"ISSUER_TRUSTED_PROXIES" want:"the networks of proxies in front, such as 10.0.0.0/8 or 2001:db8::/32, comma separated, and never all addresses there are"`
	RateLimitIP         rate          `env:"ISSUER_RATE_LIMIT_IP" envDefault:"600/m" want:"how many exchanges an address may ask for: N/s, N/m or N/h with N from 1 to 100000, such as 600/m, or 0 for any number"`
	RateLimitFailures   rate          `env:"ISSUER_RATE_LIMIT_FAILURES" envDefault:"60/m" want:"how many tokens of an address may be refused: N/s, N/m or N/h with N from 1 to 100000, such as 60/m, or 0 for any number"`
	RateLimitSubject    rate          `env:"ISSUER_RATE_LIMIT_SUBJECT" envDefault:"60/m" want:"how many exchanges a caller may have: N/s, N/m or N/h with N from 1 to 100000, such as 60/m, or 0 for any number"`
	RateLimitRoles      rates         `env:"ISSUER_RATE_LIMIT_ROLES" want:"how many tokens with a role a caller may have: <role>=<rate>, comma separated, each role once, such as editor=30/m"`
	RateLimitClients    rates         `env:"ISSUER_RATE_LIMIT_CLIENTS" want:"how many tokens a client app may have in all: <client id>=<rate>, comma separated, each app once, such as 5d4c3b2a-1908-47f6-9e5d-4c3b2a190833=10/s"`
	RotateEvery         time.Duration `env:"ISSUER_ROTATE_EVERY" envDefault:"24h" want:"a duration up to 2160h (90 days), such as 24h, in whole seconds, at least ISSUER_KEYS_LEAD and half the time a key stays published"`
	Rotate              string        `env:"ISSUER_ROTATE" envDefault:"auto" want:"auto (this process rotates) or cron (issuer keys rotate does)"`
	JWKSMaxAge          time.Duration `env:"ISSUER_JWKS_MAX_AGE" envDefault:"5m" want:"a duration from 60s to 300s, in whole seconds, such as 60s or 5m"`
	JWKSCDNTTL          time.Duration `env:"ISSUER_JWKS_CDN_TTL" envDefault:"0s" want:"how long a cache in front of the JWKS keeps it: a duration of 0s or more, in whole seconds, such as 60s or 5m"`
	KeysLead            time.Duration `env:"ISSUER_KEYS_LEAD" envDefault:"1h" want:"a duration of at least 2 × ISSUER_JWKS_MAX_AGE + ISSUER_JWKS_CDN_TTL + 2 minutes, in whole seconds, such as 1h"`
	RelyingParties      []string      `env:"ISSUER_RELYING_PARTIES" want:"names that engines fetch the JWKS by (…/jwks.json?rp=NAME), comma separated, each once: lower-case letters, digits and hyphens, but not none or unknown"`
	Audit               string        `env:"ISSUER_AUDIT" envDefault:"best_effort" want:"best_effort (a record that cannot be kept is counted, and stops nobody), required (no record, no token; needs ISSUER_DATABASE_URL) or, with issuer dev alone, off"`
	AuditMonths         int           `env:"ISSUER_AUDIT_MONTHS" envDefault:"13" want:"for how many months audit records are kept: a number from 1 to 240, or 0 for ever"`
	AuditFile           string        `env:"ISSUER_AUDIT_FILE" want:"the path of a file for the log lines of decisions, instead of among the others"`
	LogLevel            string        `env:"ISSUER_LOG_LEVEL" envDefault:"info" want:"debug, info, warn or error"`
	LogFormat           string        `env:"ISSUER_LOG_FORMAT" envDefault:"json" want:"json or console"`

	recorded map[string]string // what was set, by variable, as an audit record may hold it: of a secret, that it is set

	Tracing telemetry.Config // what the OTEL_… variables say
}

// need names the settings that a command cannot do without. What is set is validated whatever the command needs.
type need uint

const (
	needURL      need = 1 << iota // ISSUER_URL
	needEntra                     // tenants and audiences
	needRoles                     // a database or a roles file
	needKeys                      // a database or a keys file
	needDatabase                  // a database
	needVault                     // an identity for Azure Key Vault
)

const needService = needURL | needEntra | needRoles | needKeys

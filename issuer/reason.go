package issuer

import (
	"errors"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// Reason says why an exchange was not granted. The values are stable: clients, metrics and the README know them.
type Reason string

// What is wrong with the request itself.
const (
	ReasonBodyMalformed          Reason = "body_malformed"           // not what the route reads: a form, or at other doors JSON
	ReasonParameterMissing       Reason = "parameter_missing"        // a required parameter is absent or empty
	ReasonParameterRepeated      Reason = "parameter_repeated"       // a parameter came twice (RFC 6749 §3.2)
	ReasonParameterUnsupported   Reason = "parameter_unsupported"    // part of RFC 8693, but not served here
	ReasonGrantTypeUnsupported   Reason = "grant_type_unsupported"   // anything but token exchange
	ReasonAudienceUnknown        Reason = "audience_unknown"         // a target we mint no tokens for
	ReasonNotFound               Reason = "not_found"                // no such route
	ReasonMethodNotAllowed       Reason = "method_not_allowed"       // the route has no such method
	ReasonBodyTooLarge           Reason = "body_too_large"           // over 64 KiB, or what else the door takes
	ReasonContentTypeUnsupported Reason = "content_type_unsupported" // not application/x-www-form-urlencoded
)

// What is wrong with the subject token. These are the words of package idp.
const (
	ReasonTokenTooLarge       Reason = "token_too_large"
	ReasonTokenMalformed      Reason = "token_malformed"
	ReasonTokenEncrypted      Reason = "token_encrypted"
	ReasonAlgorithmNotAllowed Reason = "algorithm_not_allowed"
	ReasonKeyUnknown          Reason = "key_unknown"
	ReasonSignatureInvalid    Reason = "signature_invalid"
	ReasonTokenExpired        Reason = "token_expired"
	ReasonTokenNotYetValid    Reason = "token_not_yet_valid" //nolint:gosec // G101: a reason, not a credential
	ReasonIssuerUnknown       Reason = "issuer_unknown"
	ReasonKeyIssuerMismatch   Reason = "key_issuer_mismatch"
	ReasonTenantNotAllowed    Reason = "tenant_not_allowed"
	ReasonAudienceNotOurs     Reason = "audience_not_ours"
	ReasonGraphToken          Reason = "graph_token"
	ReasonARMToken            Reason = "arm_token"
	ReasonIDToken             Reason = "id_token"
	ReasonBoundToken          Reason = "bound_token"
	ReasonClientNotAllowed    Reason = "client_not_allowed"
	ReasonScopeMissing        Reason = "scope_missing"
	ReasonAppRoleMissing      Reason = "app_role_missing"
	ReasonAppOnlyRefused      Reason = "app_only_refused"
	ReasonGuestRefused        Reason = "guest_refused"
	ReasonAgentRefused        Reason = "agent_refused"
	ReasonClaimMissing        Reason = "claim_missing"
	ReasonClaimInvalid        Reason = "claim_invalid"
)

// What stands between a known caller and a token.
const (
	ReasonRoleNotGranted Reason = "role_not_granted" // scope names a role that the caller does not hold
	ReasonTooManyRoles   Reason = "too_many_roles"   // the token would be too long for proxies
	ReasonNoRoles        Reason = "no_roles"         // the caller holds no role now
	ReasonBlocked        Reason = "blocked"          // the caller is blocked
	ReasonRateLimited    Reason = "rate_limited"     // too often; known callers are not the only ones to hear it
	ReasonPolicyDenied   Reason = "policy_denied"    // the operator's policy refuses, or leaves no role
)

// What could not be judged. Nothing is said about the caller; ask again later.
const (
	ReasonKeysUnavailable   Reason = "keys_unavailable"
	ReasonRolesUnavailable  Reason = "roles_unavailable"
	ReasonGroupsUnavailable Reason = "groups_unavailable"
	ReasonIDPUnavailable    Reason = "idp_unavailable"
	ReasonPolicyUnavailable Reason = "policy_unavailable"
	ReasonAuditUnavailable  Reason = "audit_unavailable" // judged, but no record could be kept of it
	ReasonOverloaded        Reason = "overloaded"        // not looked at: more is asked for than can be answered
	ReasonInternal          Reason = "internal"          // a fault of ours
)

// Reasons returns every reason there is, for tables that must be complete.
func Reasons() []Reason {
	return []Reason{
		ReasonBodyMalformed, ReasonParameterMissing, ReasonParameterRepeated, ReasonParameterUnsupported,
		ReasonTokenTooLarge, ReasonTokenMalformed, ReasonTokenEncrypted, ReasonAlgorithmNotAllowed, ReasonKeyUnknown,
		ReasonSignatureInvalid, ReasonTokenExpired, ReasonTokenNotYetValid, ReasonIssuerUnknown, ReasonKeyIssuerMismatch,
		ReasonTenantNotAllowed, ReasonAudienceNotOurs, ReasonGraphToken, ReasonARMToken, ReasonIDToken, ReasonBoundToken,
		ReasonClientNotAllowed, ReasonScopeMissing, ReasonAppRoleMissing, ReasonAppOnlyRefused, ReasonGuestRefused,
		ReasonAgentRefused, ReasonClaimMissing, ReasonClaimInvalid,
		ReasonGrantTypeUnsupported, ReasonRoleNotGranted, ReasonTooManyRoles, ReasonAudienceUnknown,
		ReasonNoRoles, ReasonBlocked, ReasonPolicyDenied, ReasonRateLimited,
		ReasonNotFound, ReasonMethodNotAllowed, ReasonBodyTooLarge, ReasonContentTypeUnsupported,
		ReasonKeysUnavailable, ReasonRolesUnavailable, ReasonGroupsUnavailable, ReasonIDPUnavailable,
		ReasonPolicyUnavailable, ReasonAuditUnavailable, ReasonOverloaded, ReasonInternal,
	}
}

// How long a caller is asked to wait, by what has to happen before another try can succeed.
const (
	retryIDP    = 30 * time.Second // the pause between two fetches of keys
	retryGroups = 60 * time.Second // the groups have to be few enough for a token, which no haste brings about
	retryRoles  = 5 * time.Second  // a database fails over in seconds
	retryKeys   = 15 * time.Second // the ring is read again that often
	retryPolicy = 5 * time.Second  // a policy server is restarted in seconds
	retryAudit  = 5 * time.Second  // the records are in the database, too
)

// Error says why there is no token. Reason is for the caller, Err for the operator: it holds no token, but may name
// internals that a caller must not see.
type Error struct {
	Reason     Reason
	RetryAfter time.Duration // more than zero where another try can succeed
	Err        error
}

// Error returns the reason and what was found.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Err.Error()
}

// Unwrap returns what was found.
func (e *Error) Unwrap() error { return e.Err }

// TokenFault reports whether the exchange ended for the subject token itself. So it is with every token that was refused.
// It is so too with one whose key nobody has seen and nobody may look for yet: that is ReasonIDPUnavailable, since the key
// may be new, but whoever guesses at tokens gets it as well, and no part of ours has failed.
func (e *Error) TokenFault() bool {
	_, refused := errors.AsType[tokenFault](e.Err)
	return refused || errors.Is(e.Err, idp.ErrKeyUnseen)
}

// tokenFault is what was found wrong with a subject token.
type tokenFault struct{ error }

func (f tokenFault) Unwrap() error { return f.error }

package idp

import (
	"errors"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// ErrUnavailable means that the token could not be judged, because the keys of its tenant could not be had: never seen,
// older than a day, the fetch for an unknown key failed, or nobody may look for an unknown key yet, since keys were fetched
// less than 30 seconds ago. The token may be good; ask again later. Use errors.Is. One that has a method RetryAfter()
// time.Duration says when.
var ErrUnavailable = entrakeys.ErrUnavailable

// ErrKeyUnseen is the last of these: keys are held, the token names none of them, and nobody may look for its key yet. Use
// errors.Is; it is ErrUnavailable too. The key may be new. But any stranger can make up its name, and nothing of ours failed.
var ErrKeyUnseen = entrakeys.ErrKeyUnseen

// Reason says why a token was refused. The values are stable: clients, metrics and the README know them.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	ReasonTokenTooLarge       Reason = "token_too_large"       // over 32 KiB
	ReasonTokenMalformed      Reason = "token_malformed"       // no JWS in compact form with the header we take, or over 200 claims
	ReasonTokenEncrypted      Reason = "token_encrypted"       // five parts: the app registration encrypts its tokens
	ReasonAlgorithmNotAllowed Reason = "algorithm_not_allowed" // anything but RS256
	ReasonGraphToken          Reason = "graph_token"           // meant for Microsoft Graph; nobody else can verify it
	ReasonARMToken            Reason = "arm_token"             // meant for Azure Resource Manager
	ReasonTenantNotAllowed    Reason = "tenant_not_allowed"    // a tenant that is not on our list
	ReasonKeyUnknown          Reason = "key_unknown"           // the tenant publishes no such key
	ReasonSignatureInvalid    Reason = "signature_invalid"     // not signed by the key it names
	ReasonTokenExpired        Reason = "token_expired"         // less than ten seconds left
	ReasonTokenNotYetValid    Reason = "token_not_yet_valid"   //nolint:gosec // G101 takes it for a secret. nbf or iat further ahead than the leeway
	ReasonIssuerUnknown       Reason = "issuer_unknown"        // iss is not the tenant's, for its version
	ReasonKeyIssuerMismatch   Reason = "key_issuer_mismatch"   // the key was published for another issuer or cloud
	ReasonAudienceNotOurs     Reason = "audience_not_ours"     // meant for another resource
	ReasonBoundToken          Reason = "bound_token"           // bound to a key (cnf), so it is no bearer token
	ReasonIDToken             Reason = "id_token"              // says who signed in, not what may be called
	ReasonAgentRefused        Reason = "agent_refused"         // an AI agent's identity acts
	ReasonClientNotAllowed    Reason = "client_not_allowed"    // an app that is not on our list asked for it
	ReasonGuestRefused        Reason = "guest_refused"         // a guest, where guests are refused
	ReasonAppOnlyRefused      Reason = "app_only_refused"      // an app by itself, where none may come
	ReasonAppRoleMissing      Reason = "app_role_missing"      // an app without the app role it needs
	ReasonScopeMissing        Reason = "scope_missing"         // a user's token without the scope it needs
	ReasonClaimMissing        Reason = "claim_missing"         // a claim we need is not there
	ReasonClaimInvalid        Reason = "claim_invalid"         // a claim we read has the wrong form
)

// TokenError says that a token is refused, and why. Its text is for operators: it names claims, but holds nothing that
// stood in one.
type TokenError struct {
	Reason Reason
	Err    error // what exactly was found
}

// Error returns the reason and what was found.
func (e *TokenError) Error() string { return string(e.Reason) + ": " + e.Err.Error() }

// Unwrap returns what was found.
func (e *TokenError) Unwrap() error { return e.Err }

// refuse builds the refusal. The finding is a constant or made of claim names, never of claim values.
func refuse(reason Reason, finding string) error {
	return &TokenError{Reason: reason, Err: errors.New(finding)}
}

package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// problem is how a reason looks on the wire. The text is a constant in the characters of RFC 6749 §5.2; it never holds
// anything of the request or of our insides.
type problem struct {
	status int
	code   string // RFC 6749 §5.2, RFC 8693 §2.2.2
	text   string
}

// The values of "error".
const (
	invalidRequest         = "invalid_request"
	unsupportedGrantType   = "unsupported_grant_type"
	invalidScope           = "invalid_scope"
	invalidTarget          = "invalid_target"
	accessDenied           = "access_denied"
	temporarilyUnavailable = "temporarily_unavailable"
	serverError            = "server_error"
)

// problems is the one table from reasons to answers.
func problems() map[issuer.Reason]problem {
	const (
		bad         = http.StatusBadRequest
		forbidden   = http.StatusForbidden
		unavailable = http.StatusServiceUnavailable
	)
	return map[issuer.Reason]problem{
		issuer.ReasonBodyMalformed:        {bad, invalidRequest, "The body is not a form that can be read (at most 64 fields of plain text, uncompressed, none in the query), or not the JSON of Hasura."},
		issuer.ReasonParameterMissing:     {bad, invalidRequest, "A required parameter is missing: grant_type, subject_token and subject_token_type are needed, or one Authorization header with a bearer token."},
		issuer.ReasonParameterRepeated:    {bad, invalidRequest, "A parameter or a header was sent more than once."},
		issuer.ReasonParameterUnsupported: {bad, invalidRequest, "A parameter, or the token type it names, is not supported."},

		issuer.ReasonTokenTooLarge:       {bad, invalidRequest, "The subject token is larger than 32 KiB."},
		issuer.ReasonTokenMalformed:      {bad, invalidRequest, "The subject token is not a signed JWT of the form that is accepted, with nothing around it."},
		issuer.ReasonTokenEncrypted:      {bad, invalidRequest, "The subject token is encrypted: turn token encryption off in the API's app registration."},
		issuer.ReasonAlgorithmNotAllowed: {bad, invalidRequest, "The subject token is not signed with RS256."},
		issuer.ReasonKeyUnknown:          {bad, invalidRequest, "The subject token is signed with a key that its tenant does not publish."},
		issuer.ReasonSignatureInvalid:    {bad, invalidRequest, "The subject token's signature is not valid."},
		issuer.ReasonTokenExpired:        {bad, invalidRequest, "The subject token has expired or is about to: get a new one."},
		issuer.ReasonTokenNotYetValid:    {bad, invalidRequest, "The subject token is not valid yet: check the clocks."},
		issuer.ReasonIssuerUnknown:       {bad, invalidRequest, "The subject token's issuer is not the one of its tenant and version."},
		issuer.ReasonKeyIssuerMismatch:   {bad, invalidRequest, "The key that signed the subject token belongs to another issuer or cloud."},
		issuer.ReasonTenantNotAllowed:    {bad, invalidRequest, "The subject token comes from a tenant that is not allowed."},
		issuer.ReasonAudienceNotOurs:     {bad, invalidRequest, "The subject token is meant for another service: ask for a scope of this API."},
		issuer.ReasonGraphToken:          {bad, invalidRequest, "The subject token is meant for Microsoft Graph: ask for a scope of this API instead."},
		issuer.ReasonARMToken:            {bad, invalidRequest, "The subject token is meant for Azure Resource Manager: ask for a scope of this API instead."},
		issuer.ReasonIDToken:             {bad, invalidRequest, "The subject token is an ID token: send an access token."},
		issuer.ReasonBoundToken:          {bad, invalidRequest, "The subject token is bound to a key and cannot be used as a bearer token."},
		issuer.ReasonClientNotAllowed:    {bad, invalidRequest, "The app that got the subject token is not allowed."},
		issuer.ReasonScopeMissing:        {bad, invalidRequest, "The subject token lacks the scope that is required."},
		issuer.ReasonAppRoleMissing:      {bad, invalidRequest, "The subject token lacks the app role that is required."},
		issuer.ReasonAppOnlyRefused:      {bad, invalidRequest, "Tokens of apps without a user are not accepted."},
		issuer.ReasonGuestRefused:        {bad, invalidRequest, "Guests are not accepted."},
		issuer.ReasonAgentRefused:        {bad, invalidRequest, "Tokens of agent identities are not accepted."},
		issuer.ReasonClaimMissing:        {bad, invalidRequest, "The subject token lacks a claim that is required."},
		issuer.ReasonClaimInvalid:        {bad, invalidRequest, "A claim of the subject token has a form that is not accepted."},

		issuer.ReasonGrantTypeUnsupported: {bad, unsupportedGrantType, "The only grant type is urn:ietf:params:oauth:grant-type:token-exchange."},
		issuer.ReasonRoleNotGranted:       {bad, invalidScope, "The scope, or X-Hasura-Role, names a role that the caller does not hold."},
		issuer.ReasonTooManyRoles:         {bad, invalidScope, "The token would be too long: ask for fewer roles by scope."},
		issuer.ReasonAudienceUnknown:      {bad, invalidTarget, "Tokens for this audience are not issued here."},

		issuer.ReasonNoRoles: {forbidden, accessDenied, "The caller holds no role."},
		issuer.ReasonBlocked: {forbidden, accessDenied, "The caller is blocked."},

		issuer.ReasonRateLimited:  {http.StatusTooManyRequests, temporarilyUnavailable, "Too many requests: try again later."},
		issuer.ReasonPolicyDenied: {forbidden, accessDenied, "The policy of this service does not allow it."},

		issuer.ReasonNotFound:               {http.StatusNotFound, invalidRequest, "There is nothing at this path."},
		issuer.ReasonMethodNotAllowed:       {http.StatusMethodNotAllowed, invalidRequest, "The method is not allowed here."},
		issuer.ReasonBodyTooLarge:           {http.StatusRequestEntityTooLarge, invalidRequest, "The body is too large: 64 KiB are accepted, 8 MiB at the webhook and 2 MiB at /v1/authenticate."},
		issuer.ReasonContentTypeUnsupported: {http.StatusUnsupportedMediaType, invalidRequest, "The body must be application/x-www-form-urlencoded."},

		issuer.ReasonKeysUnavailable:   {unavailable, temporarilyUnavailable, "No signing key can be used at the moment."},
		issuer.ReasonRolesUnavailable:  {unavailable, temporarilyUnavailable, "The caller's roles cannot be looked up at the moment."},
		issuer.ReasonGroupsUnavailable: {unavailable, temporarilyUnavailable, "The caller's groups cannot be looked up at the moment."},
		issuer.ReasonIDPUnavailable:    {unavailable, temporarilyUnavailable, "The subject token cannot be verified at the moment."},
		issuer.ReasonPolicyUnavailable: {unavailable, temporarilyUnavailable, "The policy of this service cannot be asked at the moment."},
		issuer.ReasonAuditUnavailable:  {unavailable, temporarilyUnavailable, "No record of the decision can be kept at the moment."},
		issuer.ReasonOverloaded:        {unavailable, temporarilyUnavailable, "More is asked of this service than it can answer: try again later."},

		issuer.ReasonInternal: {http.StatusInternalServerError, serverError, "The request failed because of a fault in this service."},
	}
}

// rendered is a problem as it is sent.
type rendered struct {
	status int
	code   string
	body   []byte
}

func renderProblems() map[issuer.Reason]rendered {
	list := map[issuer.Reason]rendered{}
	for reason, p := range problems() {
		list[reason] = rendered{p.status, p.code, mustMarshal(struct {
			Error       string        `json:"error"`
			Description string        `json:"error_description"`
			Reason      issuer.Reason `json:"reason"`
		}{p.code, p.text, reason})}
	}
	return list
}

// reasonOf returns what a client is told of err. What the table does not know is a fault of ours.
func (a *API) reasonOf(err error) (issuer.Reason, time.Duration) {
	if e, ok := errors.AsType[*issuer.Error](err); ok {
		if _, known := a.problems[e.Reason]; known {
			return e.Reason, e.RetryAfter
		}
	}
	return issuer.ReasonInternal, 0
}

// writeError writes the one form of error there is, with the status that the route gives it. Where another try can succeed
// it says when, in seconds rounded up; where another token could, it says of which kind (RFC 6750 §3).
func (a *API) writeError(w http.ResponseWriter, rt route, err error) {
	reason, wait := a.reasonOf(err)
	p := a.problems[reason]
	status := p.status
	if rt.status != nil {
		status = rt.status(p)
	}
	setRetryAfter(w, status, wait)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge(reason, p))
	}
	writeSecret(w, status, p.body)
}

// setRetryAfter says when another try can succeed, where the status says that one may.
func setRetryAfter(w http.ResponseWriter, status int, wait time.Duration) {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		seconds := max(1, int64((wait+time.Second-1)/time.Second))
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}

// writeSecret writes JSON that nobody may keep (RFC 6749 §5.1).
func writeSecret(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Cache-Control"], header["Pragma"] = noStore, noCache
	writeJSON(w, status, body)
}

// writeJSON writes a complete answer. A client that is gone by now is no error of anyone's.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"], header["Content-Length"] = typeJSON, []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // G705: it is JSON, and X-Content-Type-Options says that nobody may take it for anything else
}

// mustMarshal encodes a struct of texts and numbers of ours, which cannot fail.
func mustMarshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}

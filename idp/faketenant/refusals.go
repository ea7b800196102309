package faketenant

import (
	"net/http"
	"strings"
)

const (
	badRequest   = http.StatusBadRequest
	unauthorized = http.StatusUnauthorized
)

// Refusals by what went wrong. Numbers, errors and texts follow Entra's; it promises none of the texts.
var (
	tenantNotFound = aadsts{code: 90002, status: badRequest, oauth: "invalid_request", text: "Tenant '%s' not found. Check to make sure " +
		"you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."}
	notMultiTenant = aadsts{code: 50194, status: badRequest, oauth: "invalid_request", text: "Application '%s' is not configured as a " +
		"multi-tenant application. Usage of the /common endpoint is not supported for such apps."}
	parameterMissing = aadsts{code: 900144, status: badRequest, oauth: "invalid_request", text: "The request body must contain the following parameter: '%s'."}
	grantUnknown     = aadsts{code: 70003, status: badRequest, oauth: "unsupported_grant_type", text: "The app requested an unsupported grant type '%s'."}
	requestMalformed = aadsts{code: 9002313, status: badRequest, oauth: "invalid_request", text: "Invalid request. Request is malformed or invalid."}
	methodWrong      = aadsts{code: 900561, status: http.StatusMethodNotAllowed, oauth: "invalid_request", text: "The endpoint only accepts POST, OPTIONS requests."}
	appUnknown       = aadsts{code: 700016, status: badRequest, oauth: "unauthorized_client", text: "Application with identifier '%s' was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."}
	throttled        = aadsts{code: 90055, status: http.StatusTooManyRequests, oauth: "temporarily_unavailable", text: "The request was throttled."}

	secretWrong       = aadsts{code: 7000215, status: unauthorized, oauth: "invalid_client", text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."}
	secretExpired     = aadsts{code: 7000222, status: unauthorized, oauth: "invalid_client", text: "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."}
	credentialMissing = aadsts{code: 7000218, status: unauthorized, oauth: "invalid_client", text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	clientIsPublic    = aadsts{code: 700025, status: unauthorized, oauth: "invalid_client", text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."}
	clientSignature   = aadsts{code: 700027, status: unauthorized, oauth: "invalid_client", text: "Client assertion contains an invalid signature. %s"}
	clientName        = aadsts{code: 700021, status: unauthorized, oauth: "invalid_client", text: "Client assertion application identifier doesn't match 'client_id' parameter."}
	clientAudience    = aadsts{code: 700023, status: unauthorized, oauth: "invalid_client", text: "Client assertion audience claim does not match Realm issuer."}
	clientTime        = aadsts{code: 700024, status: unauthorized, oauth: "invalid_client", text: "Client assertion is not within its valid time range."}
	notFederated      = aadsts{code: 70021, status: badRequest, oauth: "invalid_client", text: "No matching federated identity record found for presented assertion. Assertion Issuer: '%s'. Assertion Subject: '%s'. Assertion Audience: '%s'."}

	scopeNotDefault   = aadsts{code: 1002012, status: badRequest, oauth: "invalid_scope", text: "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
	scopeInvalid      = aadsts{code: 70011, status: badRequest, oauth: "invalid_scope", text: "The provided value for the input parameter 'scope' is not valid. The scope '%s' is not valid."}
	scopeUnknown      = aadsts{code: 650053, status: badRequest, oauth: "invalid_client", text: "The application '%s' asked for scope '%s' that doesn't exist on the resource '%s'."}
	scopesMixed       = aadsts{code: 28000, status: badRequest, oauth: "invalid_request", text: "Provided value for the input parameter scope is not valid because it contains more than one resource."}
	resourceUnknown   = aadsts{code: 500011, status: badRequest, oauth: "invalid_resource", text: "The resource principal named %s was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."}
	consentMissing    = aadsts{code: 65001, status: badRequest, oauth: "invalid_grant", text: "The user or administrator has not consented to use the application with ID '%s'. Send an interactive authorization request for this user and resource.", suberror: "consent_required"}
	assertionInvalid  = aadsts{code: 50013, status: badRequest, oauth: "invalid_grant", text: "Assertion failed signature validation. [Reason - %s]"}
	assertionTime     = aadsts{code: 500133, status: badRequest, oauth: "invalid_grant", text: "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token."}
	assertionAudience = aadsts{code: 500131, status: badRequest, oauth: "invalid_grant", text: "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '%s' and the expected audience is '%s'."}
	assertionIsID     = aadsts{code: 240002, status: badRequest, oauth: "invalid_request", text: "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant."}
	assertionOfApp    = aadsts{code: 7000114, status: badRequest, oauth: "unauthorized_client", text: "Application '%s' is not allowed to make application on-behalf-of calls."}

	grantInvalid    = aadsts{code: 70000, status: badRequest, oauth: "invalid_grant", text: "Provided grant is invalid or malformed."}
	grantExpired    = aadsts{code: 70008, status: badRequest, oauth: "invalid_grant", text: "The provided authorization code or refresh token has expired. Send a new interactive authorization request for this user and resource."}
	codeRedeemed    = aadsts{code: 54005, status: badRequest, oauth: "invalid_grant", text: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."}
	pageExpired     = aadsts{code: 700084, status: badRequest, oauth: "invalid_grant", text: "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page."}
	redirectDiffers = aadsts{code: 500112, status: badRequest, oauth: "invalid_grant", text: "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code."}
	verifierWrong   = aadsts{code: 501481, status: badRequest, oauth: "invalid_grant", text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."}
	onlyCrossOrigin = aadsts{code: 9002327, status: badRequest, oauth: "invalid_request", text: "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests."}
	notCrossOrigin  = aadsts{code: 9002326, status: badRequest, oauth: "invalid_request", text: "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '%s'."}

	devicePending  = aadsts{code: 70016, status: badRequest, oauth: "authorization_pending", text: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	deviceTooFast  = aadsts{code: 70016, status: badRequest, oauth: "slow_down", text: "OAuth 2.0 device flow error. Authorization is pending. Poll less often."}
	deviceExpired  = aadsts{code: 70020, status: badRequest, oauth: "expired_token", text: "The provided value for the input parameter 'device_code' is not valid. This device code has expired."}
	deviceDeclined = aadsts{code: 65004, status: badRequest, oauth: "authorization_declined", text: "User declined to consent to access the app."}
	deviceUnknown  = aadsts{code: 70018, status: badRequest, oauth: "bad_verification_code", text: "Invalid verification code: the device code is not known."}

	redirectUnknown     = aadsts{code: 50011, status: badRequest, oauth: "invalid_request", text: "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'."}
	responseUnsupported = aadsts{code: 70005, status: badRequest, oauth: "unsupported_response_type", text: "The app requested an unsupported response type: '%s'."}
	modeUnsupported     = aadsts{code: 70007, status: badRequest, oauth: "invalid_request", text: "'%s' is not a supported value for 'response_mode' when requesting a token."}
	challengeMissing    = aadsts{code: 9002325, status: badRequest, oauth: "invalid_request", text: "Proof Key for Code Exchange is required for cross-origin authorization code redemption."}
	methodUnsupported   = aadsts{code: 501491, status: badRequest, oauth: "invalid_request", text: "Invalid code_challenge or code_challenge_method: S256 is wanted."}
	notSignedIn         = aadsts{code: 50058, status: badRequest, oauth: "login_required", text: "A silent sign-in request was sent but no user is signed in."}
	instanceUnknown     = aadsts{code: 50049, status: badRequest, oauth: "invalid_instance", text: "Unknown or invalid instance."}

	mfaNeeded     = aadsts{code: 50076, status: badRequest, oauth: "interaction_required", suberror: "basic_action", claims: challenge, text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource."}
	mfaMissing    = aadsts{code: 50079, status: badRequest, oauth: "interaction_required", suberror: "basic_action", claims: challenge, text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource."}
	accessBlocked = aadsts{code: 53003, status: badRequest, oauth: "interaction_required", suberror: "message_only", claims: challenge, text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."}
	appDisabled   = aadsts{code: 7000112, status: badRequest, oauth: "unauthorized_client", text: "Application '%s'(%s) is disabled."}
	appAbsent     = aadsts{code: 7000229, status: unauthorized, oauth: "invalid_client", text: "The client application %s is missing service principal in the tenant %s. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"}
	issuerDiffers = aadsts{code: 700211, status: unauthorized, oauth: "invalid_client", text: "No matching federated identity record found for presented assertion issuer '%s'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"}
	notAssigned   = aadsts{code: 50105, status: badRequest, oauth: "invalid_grant", text: "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application."}
)

// challenge is what a client must hand back as the claims parameter of its next sign-in.
const challenge = `{"access_token":{"polids":{"essential":true,"values":["9ab03e19-0000-4168-b6b7-7001fb3e9330"]}}}`

// numbered is the refusal with this number, for weather. Texts with gaps are left with them filled by three dots.
func numbered(code int) aadsts {
	for _, e := range []aadsts{
		mfaNeeded, mfaMissing, accessBlocked, notAssigned, consentMissing, secretWrong, secretExpired, appUnknown, notFederated,
		clientSignature, clientTime, assertionInvalid, assertionTime, grantExpired, pageExpired, onlyCrossOrigin, scopeNotDefault,
		tenantNotFound, throttled, resourceUnknown, appDisabled, appAbsent, issuerDiffers,
	} {
		if e.code == code {
			e.text = strings.ReplaceAll(e.text, "%s", "…")
			return e
		}
	}
	return aadsts{code: code, status: badRequest, oauth: "invalid_grant", text: "Refused by the weather."}
}

package apptoken

// errorNames are the errors of RFC 6749 section 5.2 and those that Entra adds.
var errorNames = map[string]bool{
	"invalid_request": true, "invalid_client": true, "invalid_grant": true, "unauthorized_client": true,
	"unsupported_grant_type": true, "invalid_scope": true, "invalid_resource": true, "invalid_tenant": true,
	"interaction_required": true, "temporarily_unavailable": true, "server_error": true,
}

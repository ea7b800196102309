package faketenant

// discoveryV2 is the v2.0 document. segment is the tenant as the path spells it; query is put behind the address of
// the keys, as an app with keys of its own needs it.
func (t *Tenant) discoveryV2(segment, tid, query string) any {
	base := t.base() + "/" + segment
	d := discovery(base, tid)
	d["issuer"] = t.V2Issuer(tid)
	d["jwks_uri"] = base + "/discovery/v2.0/keys" + query
	d["token_endpoint"] = base + "/oauth2/v2.0/token"
	d["authorization_endpoint"] = base + "/oauth2/v2.0/authorize"
	d["end_session_endpoint"] = base + "/oauth2/v2.0/logout"
	d["userinfo_endpoint"] = "https://graph.microsoft.com/oidc/userinfo"
	return d
}

// discoveryV1 is the v1.0 document. Its jwks_uri leads to "common" whatever the tenant, as Entra's does.
func (t *Tenant) discoveryV1(segment, tid, query string) any {
	base := t.base() + "/" + segment
	d := discovery(base, tid)
	d["issuer"] = t.V1Issuer(tid)
	d["jwks_uri"] = t.base() + "/common/discovery/keys" + query
	d["token_endpoint"] = base + "/oauth2/token"
	d["authorization_endpoint"] = base + "/oauth2/authorize"
	d["end_session_endpoint"] = base + "/oauth2/logout"
	d["userinfo_endpoint"] = base + "/openid/userinfo"
	d["check_session_iframe"] = base + "/oauth2/checksession"
	return d
}

// discovery has the members that both versions share. Several name endpoints that are not answered here: a client that
// reads the document must find them there.
func discovery(base, tid string) map[string]any {
	var region any = "EU"
	if tid == anyTenant {
		region = nil // null in the document
	}
	return map[string]any{
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"request_uri_parameter_supported":       false,
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         true,
		"claims_supported": []string{
			"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
			"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash",
			"c_hash", "email",
		},
		"kerberos_endpoint":     base + "/kerberos",
		"tenant_region_scope":   region,
		"cloud_instance_name":   cloudName,
		"cloud_graph_host_name": "graph.windows.net",
		"msgraph_host":          "graph.microsoft.com",
		"rbac_url":              "https://pas.windows.net",
	}
}

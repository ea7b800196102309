// What to do about a refusal of the operators' API, in the words of docs/admin-api.md, which a test holds them against.

/** @type {Record<string, string | undefined>} */
export const cures = {
  request_malformed: "detail names the parameter, the part of the path or the header that is wrong",
  body_malformed: "send one JSON object with the members of the document, each once and none of them null",
  credentials_missing: "send Authorization: Bearer and a token",
  credentials_refused: "get a fresh token for this API, of a tenant of ISSUER_ADMIN_TENANTS; the log line with the answer's X-Request-Id says what was found",
  forbidden: "the token is good: assign the app role, ask for the scope, use the operators' client app; guests are refused. The log says which",
  not_found: "check the path: there is no such route, grant or block",
  method_not_allowed: "the Allow header names the methods",
  not_here: "this is kept elsewhere, and detail says where: in a file, in your own tables",
  removal_unconfirmed: "detail says what it costs; send it again with ?confirm-removal=true if that is meant",
  changed_meanwhile: "others changed the roles three times while this was decided: try again",
  profile_running: "one profile of the CPU is taken at a time: try again when the other one is over",
  precondition_failed: "the entry is not as If-Match or If-None-Match says: read it again, and decide again",
  body_too_large: "the limit is 64 KiB",
  content_type_unsupported: "send application/json, uncompressed",
  entry_refused: "detail says each thing that is wrong, one a line",
  internal: "a fault of ours; the log line with the answer's X-Request-Id says more",
  idp_unavailable: "try again after Retry-After; can this service reach Entra's authority?",
  store_unavailable: "try again after Retry-After; is Postgres up?",
  unreachable: "does the service run, and does the way there, such as kubectl port-forward, still stand",
  no_answer_of_ours: "something stands between this page and the service: ask the listener of ISSUER_ADMIN_LISTEN itself",
};

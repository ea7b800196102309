/** Why the issuer refused, or could not judge. The cure for each stands in the issuer's README under "Reasons". */
export type IssuerReason =
  | "body_malformed"
  | "parameter_missing"
  | "parameter_repeated"
  | "parameter_unsupported"
  | "token_too_large"
  | "token_malformed"
  | "token_encrypted"
  | "algorithm_not_allowed"
  | "key_unknown"
  | "signature_invalid"
  | "token_expired"
  | "token_not_yet_valid"
  | "issuer_unknown"
  | "key_issuer_mismatch"
  | "tenant_not_allowed"
  | "audience_not_ours"
  | "graph_token"
  | "arm_token"
  | "id_token"
  | "bound_token"
  | "client_not_allowed"
  | "scope_missing"
  | "app_role_missing"
  | "app_only_refused"
  | "guest_refused"
  | "agent_refused"
  | "claim_missing"
  | "claim_invalid"
  | "grant_type_unsupported"
  | "role_not_granted"
  | "too_many_roles"
  | "audience_unknown"
  | "no_roles"
  | "blocked"
  | "policy_denied"
  | "not_found"
  | "method_not_allowed"
  | "body_too_large"
  | "content_type_unsupported"
  | "rate_limited"
  | "internal"
  | "keys_unavailable"
  | "roles_unavailable"
  | "groups_unavailable"
  | "idp_unavailable"
  | "policy_unavailable"
  | "audit_unavailable"
  | "overloaded";

/**
 * What went wrong on this side of the issuer:
 *
 * - `subject_token_failed`: `getSubjectToken` threw, or returned no text; `cause` has what it threw.
 * - `issuer_unreachable`: no answer. The network, the address, or an origin that `ISSUER_CORS_ORIGINS` does not name:
 *   browsers do not tell these apart. No `cause`: it could hold what the other side sent.
 * - `issuer_timeout`: no answer in time.
 * - `answer_malformed`: an answer that is not the issuer's: a proxy's page, a captive portal, a wrong address.
 * - `cleared`: `clear()` was called while this caller waited, or since it had the token that it wants renewed.
 */
export type ClientReason =
  | "subject_token_failed"
  | "issuer_unreachable"
  | "issuer_timeout"
  | "answer_malformed"
  | "cleared";

/** Every reason known today. The type stays open, since a newer issuer may have more. */
export type Reason = IssuerReason | ClientReason | (string & Record<never, never>);

export interface TokenErrorDetails {
  /** The HTTP status of the issuer's answer. */
  status?: number | undefined;
  /** The `error` of RFC 6749 and RFC 8693. */
  error?: string | undefined;
  /** Seconds that the issuer asked to be left alone for. */
  retryAfter?: number | undefined;
  /** The answer's `X-Request-Id`, by which an operator finds the log line. */
  requestId?: string | undefined;
  cause?: unknown;
}

/** Why there is no token. Neither the message nor any member holds a token. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  declare readonly reason: Reason;
  declare readonly status: number | undefined;
  declare readonly error: string | undefined;
  declare readonly retryAfter: number | undefined;
  declare readonly requestId: string | undefined;

  constructor(reason: Reason, description: string, details?: TokenErrorDetails) {
    super(`${reason}: ${description}`, details);
    Object.assign(this, { reason }, details);
  }

  /** Whether the same question may be answered later: the network, a limit, or a fault at the issuer. */
  get temporary(): boolean {
    const { reason, status } = this;
    return (
      reason === "issuer_unreachable" ||
      reason === "issuer_timeout" ||
      status === 429 ||
      status === 200 ||
      Number(status) >= 500
    );
  }
}

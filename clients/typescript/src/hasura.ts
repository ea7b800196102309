interface GraphQLErrorLike {
  readonly message?: unknown;
  readonly extensions?: unknown;
}

/** What v3 says of a token; it has no codes. */
const v3Refusal = /^(JWT validation error|Error while decoding the JWT|(Internal Error - )?No matching JWK)/;

/** Whether Hasura's answer (a body as GraphQL or its other APIs have it) says that the token is no good. */
export function refusesToken(answer: unknown): boolean {
  const { code, errors } = Object(answer);
  return code === invalid || (Array.isArray(errors) && errors.some(isTokenError));
}

const invalid = "invalid-jwt";

/** Whether an error of a GraphQL answer says so. */
export function isTokenError(error: GraphQLErrorLike | null | undefined): boolean {
  const { message, extensions } = Object(error);
  return Object(extensions).code === invalid || v3Refusal.test(`${message}`);
}

export { type ClientReason, type IssuerReason, type Reason, TokenError } from "./errors.js";
export type { Token } from "./exchange.js";
export type {
  GetTokenOptions,
  SubjectTokenRequest,
  TokenListener,
  TokenSource,
  TokenSourceOptions,
} from "./options.js";
export { createTokenSource } from "./source.js";

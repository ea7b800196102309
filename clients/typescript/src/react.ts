import { useEffect, useState } from "react";
import type { Token, TokenError, TokenSource } from "./index.js";

export interface TokenState {
  /** The token, once there is one. For requests ask the source: this one may have ended while the page was hidden. */
  readonly token: Token | undefined;
  /** Why the last exchange failed; undefined after one that did not. */
  readonly error: TokenError | undefined;
}

/**
 * The token of source and its roles, for what a page shows. Asks for a token when the component appears, and keeps it
 * renewed while the page can be seen. Make the source outside of the component.
 */
export function useToken(source: TokenSource): TokenState {
  const [state, setState] = useState<TokenState>(() => ({ token: source.current, error: undefined }));
  useEffect(() => {
    const leave = source.subscribe((token, error) => setState({ token, error }));
    setState({ token: source.current, error: undefined });
    source.getToken().catch(() => {}); // listeners hear of it
    return leave;
  }, [source]);
  return state;
}

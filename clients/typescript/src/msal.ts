import type { SubjectTokenRequest, TokenSourceOptions } from "./index.js";

/** What is used of an account of MSAL. */
export type MsalAccount = { readonly homeAccountId: string };

interface MsalRequest<Account> {
  scopes: string[];
  account?: Account;
  forceRefresh?: boolean;
}

/** What is used of MSAL's PublicClientApplication, so that this package needs no version of it. */
export interface MsalApp<Account extends MsalAccount = MsalAccount> {
  getActiveAccount(): Account | null;
  getAllAccounts(): Account[];
  acquireTokenSilent(request: MsalRequest<Account>): Promise<{ accessToken: string }>;
  acquireTokenPopup(request: MsalRequest<Account>): Promise<{ accessToken: string }>;
  acquireTokenRedirect(request: MsalRequest<Account>): Promise<void>;
}

export interface MsalOptions<Account extends MsalAccount = MsalAccount> {
  /** Scopes of your API alone, such as `api://…/access_as_user`: with one of another API, Entra gives a token for that. */
  scopes: readonly string[];
  /** How the user is asked where it does not go silently; `none` hands MSAL's error on. `redirect` unless said. */
  interaction?: "redirect" | "popup" | "none";
  /** Whose token; the active account, or else the only one, unless said. */
  account?: () => Account | null | undefined;
}

/**
 * A `getSubjectToken` by MSAL.js: silently, or else by redirect or popup where somebody waits for the token. The app has
 * to be initialized, and a page that was redirected to has to have called `handleRedirectPromise`, before.
 */
export function msalSubjectToken<Account extends MsalAccount>(
  app: MsalApp<Account>,
  { scopes, interaction = "redirect", account }: MsalOptions<Account>,
): TokenSourceOptions["getSubjectToken"] {
  return async ({ forceRefresh, interactive }: SubjectTokenRequest) => {
    const who = account ? account() : (app.getActiveAccount() ?? onlyOne(app.getAllAccounts()));
    const request = { scopes: [...scopes], ...(who && { account: who }) };
    try {
      if (!who) throw signInRequired();
      return (await app.acquireTokenSilent({ ...request, forceRefresh })).accessToken;
    } catch (error) {
      if (!interactive || interaction === "none" || !needsUser(error)) throw error;
      if (interaction === "popup") return (await app.acquireTokenPopup(request)).accessToken;
      await app.acquireTokenRedirect(request);
      throw error; // the page is about to go
    }
  };
}

const onlyOne = <T>(all: T[]): T | undefined => (all.length === 1 ? all[0] : undefined);

const interactionRequired = "InteractionRequiredAuthError";

const signInRequired = () => Object.assign(new Error("nobody is signed in"), { name: interactionRequired });

/** Whether the user is asked. A hidden frame that came to nothing is what browsers make of it that keep third parties' cookies out. */
function needsUser(error: unknown): boolean {
  const { name, errorCode } = Object(error);
  return name === interactionRequired || errorCode === "monitor_window_timeout" || errorCode === "timed_out";
}

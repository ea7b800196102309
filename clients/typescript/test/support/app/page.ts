// What a page of the browser tests has at hand.
import { createStandardPublicClientApplication } from "@azure/msal-browser";
import { createFetch } from "../../../dist/fetch.js";
import { createTokenSource } from "../../../dist/index.js";
import { msalSubjectToken } from "../../../dist/msal.js";

const tools = { createFetch, createTokenSource, msalSubjectToken, createStandardPublicClientApplication };

export type Tools = typeof tools;

Object.assign(globalThis, { tools });

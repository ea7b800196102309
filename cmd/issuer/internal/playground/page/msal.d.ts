export { createStandardPublicClientApplication } from "@azure/msal-browser";

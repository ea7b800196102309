import type { TestProject } from "vitest/node";
import { build, type RealIssuer, start } from "./issuer.js";

declare module "vitest" {
  export interface ProvidedContext {
    binary: string;
    issuer: RealIssuer;
  }
}

/** Before all tests: the issuer is built once, and one of it runs for those who need nothing special. */
export default async function setup({ provide }: TestProject) {
  const { binary, remove } = build();
  const { stop, ...issuer } = await start(binary);
  provide("binary", binary);
  provide("issuer", issuer);
  return async () => {
    await stop();
    remove();
  };
}

/** The value, where it is text and looks like that. */
export const text = (value: unknown, like: RegExp): string | undefined =>
  typeof value === "string" && like.test(value) ? value : undefined;

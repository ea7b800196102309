/** A fresh Entra token of one of the fake tenant's personas. */
export async function personaToken(tenant: string, name: string): Promise<string> {
  const response = await fetch(`${tenant}/personas/${name}/token`);
  if (!response.ok) throw new Error(`persona ${name}: HTTP ${response.status}`);
  return (await response.text()).trim();
}

/** The claims of a JWT, unverified. */
export const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

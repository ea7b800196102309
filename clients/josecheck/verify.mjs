// Verifies a token as a frontend's server would: the key by its kid from the key set's URL, the signature, and then
// exp, iss and aud, all three required.
//
//   node verify.mjs JWKS_URL ISSUER AUDIENCE < token
//
// Prints the claims as one JSON object and exits 0. A token that is refused is exit 1 and one sentence on stderr, with
// the library's error code and nothing of the token; wrong usage is exit 2.
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [url, issuer, audience, ...rest] = process.argv.slice(2)

if (!URL.canParse(url ?? '') || !issuer || !audience || rest.length > 0) {
  console.error('usage: node verify.mjs JWKS_URL ISSUER AUDIENCE < token')
  process.exit(2)
}

try {
  const { payload } = await jwtVerify((await text(process.stdin)).trim(), createRemoteJWKSet(new URL(url)), {
    issuer,
    audience,
    algorithms: ['ES256', 'RS256', 'EdDSA'],
    requiredClaims: ['exp', 'iss', 'aud'],
  })
  console.log(JSON.stringify(payload))
} catch (error) {
  console.error(`the token was refused (${error.code ?? 'ERR_UNKNOWN'})`)
  process.exit(1)
}

// Package hasura answers one question: what would an engine say to this token?
//
// It holds two models, written from the engines' sources, tests and issue threads: v2 (graphql-engine, whose JOSE
// library is hs-jose) and v3 (the DDN engine, whose JOSE library is jsonwebtoken 9). Each reads its configuration, the
// JWKS document and a request as the engine does, and gives the engine's verdict, its quirks included. In webhook mode each
// says what it sends to its hook, and what it makes of the answer. The facts the models are held to are in
// testdata/cases.json.
//
// The package knows JWKS documents, JWTs and engine configurations, and nothing of our issuer. Signatures are verified
// with the standard library alone: a judge that shared a JOSE library with the issuer would share its mistakes, and the
// development playground stays small. Nothing here does I/O or reads a clock.
//
// What it does not model: fixed keys and claims maps in a configuration (reading one is an error), several JWT secrets,
// admin secrets and roles for callers without a token, websockets, the header members jku, jwk, x5u and
// x5c, role emulation of AuthConfig v1, and ES256K signatures (the standard library lacks that curve, so such a signature
// is refused). A JSON member given twice counts with its last value.
package hasura

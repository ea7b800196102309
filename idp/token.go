package idp

import (
	"crypto/sha256"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

// maxToken is four times what a token with the 200 groups Entra puts in at most needs.
const maxToken = 32 << 10

// token is a compact JWS taken apart. Nothing in it is believed before its signature was verified.
type token struct {
	kid       string
	forGraph  bool // the header has a nonce, which only Graph's tokens have
	claims    claims
	digest    [sha256.Size]byte // of what is signed
	signature []byte
}

// parse takes a token of bounded size apart (RFC 7515 section 7.1): shape, header, claims as JSON, in this order.
func parse(raw string, keep keepList) (*token, error) {
	header, payload, signature, err := split(raw)
	if err != nil {
		return nil, err
	}
	t := &token{signature: signature}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	if len(signature) == 0 {
		return nil, refuse(ReasonTokenMalformed, "the signature is empty")
	}
	if err := t.claims.decode(payload, keep); err != nil {
		return nil, refuse(ReasonTokenMalformed, "claims: "+err.Error())
	}
	t.digest = bounded.KeyOf(raw[:strings.LastIndexByte(raw, '.')])
	return t, nil
}

// split decodes the three parts of a compact JWS. Empty ones are found later: the first two are no JSON then, and a
// token without a signature says alg "none", so that its sender is better told about that. Five parts are a JWE (RFC 7516 section 7.1), unless characters
// stand in them that no part of a JWE has: opaque tokens of personal accounts have dots too.
func split(raw string) (header, payload, signature []byte, err error) {
	switch dots := strings.Count(raw, "."); {
	case dots == 4 && !strings.ContainsFunc(raw, notInJWE):
		return nil, nil, nil, refuse(ReasonTokenEncrypted, "five parts")
	case dots != 2:
		return nil, nil, nil, refuse(ReasonTokenMalformed, "not three parts")
	}
	var decoded [3][]byte
	i := 0
	for part := range strings.SplitSeq(raw, ".") {
		if decoded[i], err = strict.Base64(part); err != nil {
			return nil, nil, nil, refuse(ReasonTokenMalformed, "a part is not canonical base64url")
		}
		i++
	}
	return decoded[0], decoded[1], decoded[2], nil
}

func notInJWE(r rune) bool {
	return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// header holds the members of a JOSE header that mean something to us (RFC 7515 section 4.1). Those that say where a
// key might be had (jku, jwk, x5u, x5c) do not: the key comes from the tenant's set, by kid alone.
type header struct {
	alg, typ, kid text
	nonce         mark
	extension     mark // crit (section 4.1.11) or b64 (RFC 7797)
}

func (h *header) field(name string) field {
	switch name {
	case "alg":
		return &h.alg
	case "typ":
		return &h.typ
	case "kid":
		return &h.kid
	case "nonce":
		return &h.nonce
	case "crit", "b64":
		return &h.extension
	default:
		return nil
	}
}

func (t *token) readHeader(doc []byte) error {
	var h header
	variant := false
	if err := strict.Object(doc, func(name string, value jsontext.Value) error {
		if known := h.field(name); known != nil {
			known.read(value)
		} else if lower := fold(name); lower != name && h.field(lower) != nil {
			variant = true
		}
		return nil
	}); err != nil {
		return refuse(ReasonTokenMalformed, "header: "+err.Error())
	}
	switch {
	case variant:
		return refuse(ReasonTokenMalformed, "header: a name differs from one we read only in case")
	case h.alg.value != "RS256":
		return refuse(ReasonAlgorithmNotAllowed, "header: alg is not RS256")
	case h.typ.state != absent && h.typ.value != "JWT" && h.typ.value != "at+jwt":
		return refuse(ReasonTokenMalformed, "header: typ is neither JWT nor at+jwt")
	case bool(h.extension):
		return refuse(ReasonTokenMalformed, "header: crit or b64 is there")
	case h.kid.value == "":
		return refuse(ReasonTokenMalformed, "header: kid is missing")
	}
	t.kid, t.forGraph = h.kid.value, bool(h.nonce)
	return nil
}

package hasura

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512" // for crypto.Hash.New
	"math/big"
)

// publicKey is one key of a set, as far as a signature needs it.
type publicKey struct {
	family string // a JWK's kty
	curve  string // of an OKP key in v2, where it may be one for encryption; else a point tells its curve by its size
	rsa    *rsa.PublicKey
	octets []byte // EC: uncompressed point; OKP: public key; oct: secret
}

// verifies says whether the signature is this key's under the algorithm (RFC 7518 §3, RFC 8037 §3.1).
func (k publicKey) verifies(alg string, input, signature []byte) bool {
	if alg == "EdDSA" {
		return k.family == "OKP" && (k.curve == "" || k.curve == "Ed25519") &&
			len(k.octets) == ed25519.PublicKeySize && ed25519.Verify(k.octets, input, signature)
	}
	if len(alg) != len("RS256") {
		return false
	}
	hash, curve := parameters(alg[2:])
	if hash == 0 {
		return false
	}
	if alg[:2] == "HS" {
		mac := hmac.New(hash.New, k.octets)
		mac.Write(input)
		return k.family == "oct" && hmac.Equal(mac.Sum(nil), signature)
	}
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch {
	case alg[:2] == "ES":
		return k.family == "EC" && verifyECDSA(curve, k.octets, digest, signature)
	case k.rsa == nil:
		return false
	case alg[:2] == "RS":
		return rsa.VerifyPKCS1v15(k.rsa, hash, digest, signature) == nil
	case alg[:2] == "PS":
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		return rsa.VerifyPSS(k.rsa, hash, digest, signature, options) == nil
	}
	return false
}

func parameters(bits string) (crypto.Hash, elliptic.Curve) {
	switch bits {
	case "256":
		return crypto.SHA256, elliptic.P256()
	case "384":
		return crypto.SHA384, elliptic.P384()
	case "512":
		return crypto.SHA512, elliptic.P521()
	}
	return 0, nil
}

func verifyECDSA(curve elliptic.Curve, point, digest, signature []byte) bool {
	size := (curve.Params().BitSize + 7) / 8
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil || len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, digest, r, s)
}

// rsaKey makes a key of big-endian octets; nil when the standard library could not hold its exponent.
func rsaKey(n, e []byte) *rsa.PublicKey {
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}
}

func uncompressed(x, y []byte) []byte {
	return bytes.Join([][]byte{{4}, x, y}, nil)
}

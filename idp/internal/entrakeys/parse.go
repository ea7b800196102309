package entrakeys

import (
	"crypto/rsa"
	"errors"
	"math/big"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

const (
	minModulusBits = 2048 // RFC 7518 section 3.3
	maxModulusBits = 8192 // larger ones would make each stranger's token dear
	minExponent    = 3
	maxExponent    = 1<<31 - 1
	maxNumberBytes = maxModulusBits/8 + 1
)

var (
	errNotASet  = errors.New("not a JSON Web Key Set")
	errNoUsable = errors.New("the key set has no usable key")
	errUnusable = errors.New("not a usable key")
)

// ParseSet reads a JSON Web Key Set (RFC 7517 section 5) and returns its usable keys by id. A key is usable when it is
// RSA of 2048 to 8192 bits with an odd exponent from 3 to 2^31-1, has an id that no other usable key has, is meant for
// nothing but RS256 signatures and holds no private member. Others are left out, however broken they are: one bad
// entry must not take the good ones with it. A document that is no set, or has no usable key, is an error.
func ParseSet(doc []byte) (map[string]*Key, error) {
	keys := map[string]*Key{}
	repeated := map[string]bool{}
	sets := 0
	err := strict.Envelope(doc, func(name string, value jsontext.Value) error {
		if name != "keys" {
			return nil
		}
		sets++
		if !strict.Array(value, func(entry jsontext.Value) bool {
			if kid, key, err := parseKey(entry); err == nil {
				repeated[kid] = keys[kid] != nil
				keys[kid] = key
			}
			return true
		}) {
			return errNotASet
		}
		return nil
	})
	if err != nil || sets != 1 {
		return nil, errNotASet
	}
	for kid, twice := range repeated {
		if twice { // which of the two is meant cannot be told
			delete(keys, kid)
		}
	}
	if len(keys) == 0 {
		return nil, errNoUsable
	}
	return keys, nil
}

// jwk is one entry of a set as it is written, before anything is believed of it.
type jwk struct {
	kty, use, alg, kid, n, e, issuer, cloud string
}

func parseKey(entry jsontext.Value) (kid string, key *Key, err error) {
	var raw jwk
	if err := strict.Object(entry, raw.read); err != nil {
		return "", nil, err
	}
	if raw.kty != "RSA" || raw.kid == "" || (raw.use != "" && raw.use != "sig") || (raw.alg != "" && raw.alg != "RS256") {
		return "", nil, errUnusable
	}
	public, err := publicKey(raw.n, raw.e)
	if err != nil {
		return "", nil, err
	}
	return raw.kid, &Key{kid: raw.kid, public: public, issuer: raw.issuer, cloud: raw.cloud}, nil
}

// read takes one member in. A member we know must be a string that is not empty; the private ones of RFC 7518 sections
// 6.3.2 and 6.4.1 must not be there at all, since a private key in public belongs to everybody. x5c and x5t are left
// alone: trust comes from where the set was fetched.
func (k *jwk) read(name string, value jsontext.Value) error {
	var into *string
	switch name {
	case "kty":
		into = &k.kty
	case "use":
		into = &k.use
	case "alg":
		into = &k.alg
	case "kid":
		into = &k.kid
	case "n":
		into = &k.n
	case "e":
		into = &k.e
	case "issuer":
		into = &k.issuer
	case "cloud_instance_name":
		into = &k.cloud
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
		return errUnusable
	default:
		return nil
	}
	text, ok := strict.Text(value)
	if !ok || text == "" {
		return errUnusable
	}
	*into = text
	return nil
}

func publicKey(n, e string) (*rsa.PublicKey, error) {
	modulus, err := number(n)
	if err != nil {
		return nil, err
	}
	exponent, err := number(e)
	if err != nil {
		return nil, err
	}
	if bits := modulus.BitLen(); bits < minModulusBits || bits > maxModulusBits || modulus.Bit(0) == 0 {
		return nil, errUnusable
	}
	if !exponent.IsInt64() || exponent.Int64() < minExponent || exponent.Int64() > maxExponent || exponent.Bit(0) == 0 {
		return nil, errUnusable
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

// number reads a Base64urlUInt (RFC 7518 section 2): big-endian, without leading zero bytes.
func number(text string) (*big.Int, error) {
	raw, err := strict.Base64(text)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 || len(raw) > maxNumberBytes || raw[0] == 0 {
		return nil, errUnusable
	}
	return new(big.Int).SetBytes(raw), nil
}

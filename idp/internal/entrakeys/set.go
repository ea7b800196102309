package entrakeys

import (
	"crypto"
	"crypto/rsa"
	"strings"
	"time"
)

// tenantTemplate stands in Entra's documents where the tenant's id belongs.
const tenantTemplate = "{tenantid}"

// Key is one public key of a tenant's set, and whom its publisher says it signs for. It does not change. For as long as
// one is published unchanged, under the same facts, it is the same *Key in every set.
type Key struct {
	kid    string
	public *rsa.PublicKey
	issuer string // as published, "" when the set does not say
	cloud  string // cloud_instance_name, "" when the set does not say
}

// Verify returns nil when signature is this key's RSASSA-PKCS1-v1_5 signature over the SHA-256 digest (RS256, RFC 7518
// section 3.3). The error says no more than that it is not. The standard library does it: the token's parts are
// already taken apart here, and a JOSE library would only parse them a second time.
func (k *Key) Verify(digest [32]byte, signature []byte) error {
	return rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], signature)
}

func (k *Key) equal(other *Key) bool {
	return k.kid == other.kid && k.issuer == other.issuer && k.cloud == other.cloud && k.public.Equal(other.public)
}

// Facts are what tokens and keys of a set are held against. They can be compared.
type Facts struct {
	V1Issuer string // exact `iss` of v1.0 tokens; "" when the tenant has none
	V2Issuer string // exact `iss` of v2.0 tokens
	// Named is true for an issuer that is trusted by its exact name: External ID, B2C. Both issuers are that one then.
	Named bool

	tenant string
	cloud  string // cloud_instance_name of the discovery document, "" when it names none
}

// Set is what a tenant published at one moment. It does not change, so it may be read by many at once.
type Set struct {
	Facts

	keys    map[string]*Key
	fetched time.Time
	number  uint64 // of the fetch, among all of its source
}

// Key returns the key with exactly this id, or nil.
func (s *Set) Key(kid string) *Key { return s.keys[kid] }

// MaySign reports whether key was published for this tenant. One set holds keys of several issuers: those of personal
// accounts stand beside the organisation's, and without this check they could sign for it. A key that names no issuer
// or no cloud is not compared by that member; nor is its cloud when the discovery document names none.
func (s *Set) MaySign(key *Key) bool {
	if key.issuer != "" && forTenant(key.issuer, s.tenant) != s.V2Issuer {
		return false
	}
	return key.cloud == "" || s.cloud == "" || key.cloud == s.cloud
}

// inherit takes over the keys of the set before that are published unchanged under the same facts. Who remembers what
// a key once signed thereby learns from one comparison that all it rested on still holds.
func (s *Set) inherit(before *Set) {
	if before == nil || before.Facts != s.Facts {
		return
	}
	for kid, key := range s.keys {
		if old := before.keys[kid]; old != nil && old.equal(key) {
			s.keys[kid] = old
		}
	}
}

// forTenant fills Entra's template in; a text without it stays as it is.
func forTenant(issuer, tenant string) string {
	return strings.ReplaceAll(issuer, tenantTemplate, tenant)
}

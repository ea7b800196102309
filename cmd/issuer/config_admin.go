package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// tokenHashes are the SHA-256 of tokens, in hex, comma separated. What somebody could guess tokens against is not printed.
type tokenHashes struct{ list [][sha256.Size]byte }

func (tokenHashes) masked() {}

// Format writes that there is a secret, whatever the verb.
func (tokenHashes) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(not shown)") }

// UnmarshalText parses the list; its error holds nothing of the value.
func (t *tokenHashes) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		raw, err := hex.DecodeString(strings.TrimSpace(item))
		if err != nil || len(raw) != sha256.Size {
			return errValue
		}
		hash := [sha256.Size]byte(raw)
		if hash == sha256.Sum256(nil) {
			return sayableError("it is the hash of nothing: the token was empty when it was hashed")
		}
		t.list = append(t.list, hash)
	}
	return nil
}

// completeAdmin fills in whose tokens may administer where that is not said, and records what is wrong with what is said.
// Where several tenants are allowed it has to be: one of customers must not come to administer because it was added.
func (s *settings) completeAdmin(f *faults, needs need) {
	if f.named["ISSUER_ENTRA_TENANTS"] || f.named["ISSUER_ENTRA_CLIENTS"] {
		return
	}
	for i, tenant := range s.AdminTenants {
		if !slices.Contains(s.EntraTenants, tenant) {
			f.addItem("ISSUER_ADMIN_TENANTS", s.AdminTenants, i)
		}
	}
	switch {
	case len(s.AdminTenants) > 0:
	case len(s.EntraTenants) == 1:
		s.AdminTenants = s.EntraTenants
	case len(s.EntraTenants) > 1 && needs&needService == needService:
		f.add("ISSUER_ADMIN_TENANTS", "")
	}
	if len(s.AdminClients) == 0 {
		s.AdminClients = s.EntraClients
	}
}

// adminConfig is the policy for operators' tokens: that of everybody's, but for who may come. An app that administers need
// not exchange, and a guest never administers.
func adminConfig(s settings) idp.Config {
	config := idpConfig(s)
	config.Tenants, config.Clients, config.AppRoles, config.RefuseGuests = s.AdminTenants, s.AdminClients, []string{s.AdminAppRole}, true
	config.KeepClaims, config.CacheSize = nil, 0
	return config
}

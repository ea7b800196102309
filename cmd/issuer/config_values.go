package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// masked is a value that must never be printed.
type masked interface{ masked() }

// secret is a setting that prints as "(not shown)" whatever prints it; reveal is the only way to its text.
type secret struct{ text string }

func (secret) masked() {}

// Format writes that there is a secret, whatever the verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(not shown)") }

func (s secret) reveal() string { return s.text }

// UnmarshalText takes the value as it is.
func (s *secret) UnmarshalText(text []byte) error { //nolint:unparam // the interface wants an error
	s.text = string(text)
	return nil
}

// secretKV is a list of key-encryption keys, written id:base64 and separated by commas. The first one seals.
type secretKV struct{ keks []keys.KEK }

func (secretKV) masked() {}

// Format writes that there is a secret, whatever the verb.
func (secretKV) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(not shown)") }

var (
	kekID    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	errValue = errors.New("value not understood") // the want tag of the setting says what is
)

// UnmarshalText parses the list; its error holds nothing of the value.
func (s *secretKV) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		id, encoded, ok := strings.Cut(strings.TrimSpace(item), ":")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(raw) != len(keys.KEK{}.Key) || !kekID.MatchString(id) {
			return errValue
		}
		if slices.ContainsFunc(s.keks, func(k keys.KEK) bool { return k.ID == id }) {
			return errValue
		}
		s.keks = append(s.keks, keys.KEK{ID: id, Key: [32]byte(raw)})
	}
	return nil
}

// sessionClaims is a list of session variables that come from verified claims, written variable=claim.
type sessionClaims struct{ list []issuer.SessionClaim }

var (
	sessionVariable   = regexp.MustCompile(`^x-hasura-[a-z0-9]+(-[a-z0-9]+)*$`)
	claimName         = regexp.MustCompile(`^[!-~]{1,128}$`)
	reservedVariables = []string{"x-hasura-role", "x-hasura-default-role", "x-hasura-allowed-roles"}
)

// UnmarshalText parses the list.
func (s *sessionClaims) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		name, claim, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || !sessionVariable.MatchString(name) || !claimName.MatchString(claim) ||
			slices.Contains(reservedVariables, name) || slices.Contains(s.variables(), name) {
			return errValue
		}
		s.list = append(s.list, issuer.SessionClaim{Variable: name, Claim: claim})
	}
	return nil
}

// variables are the session variables' names, in the order given.
func (s sessionClaims) variables() []string {
	names := make([]string, 0, len(s.list))
	for _, c := range s.list {
		names = append(names, c.Variable)
	}
	return names
}

// claims are the claims' names, in the order given.
func (s sessionClaims) claims() []string {
	names := make([]string, 0, len(s.list))
	for _, c := range s.list {
		names = append(names, c.Claim)
	}
	return names
}

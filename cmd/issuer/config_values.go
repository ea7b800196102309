package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keyvault"
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

// secretKV is a list of key-encryption keys, separated by commas, each written id:base64 or, where Azure Key Vault
// wrapped it, id:https://…. The first one seals.
type secretKV struct{ keks []kekItem }

// kekItem is a key-encryption key as the settings hold it.
type kekItem struct {
	ID      string
	key     [32]byte
	wrapped keyvault.Wrapped // not zero: the key is in here, and key is none
}

func (k kekItem) isWrapped() bool { return k.wrapped != keyvault.Wrapped{} }

func (secretKV) masked() {}

// Format writes that there is a secret, whatever the verb.
func (secretKV) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(not shown)") }

var (
	kekText  = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	errValue = errors.New("value not understood") // the want tag of the setting says what is
)

// isKEKID tells whether a key-encryption key may be called that. The length stands beside the pattern: as a bound of repetitions it
// makes the pattern ten times as long to compile, at every start.
func isKEKID(id string) bool { return len(id) <= 64 && kekText.MatchString(id) }

// UnmarshalText parses the list; its error holds nothing of the value.
func (s *secretKV) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		id, value, ok := strings.Cut(strings.TrimSpace(item), ":")
		if !ok || !isKEKID(id) || s.has(id) {
			return errValue
		}
		kek, err := parseKEK(id, value)
		if err != nil {
			return err
		}
		s.keks = append(s.keks, kek)
	}
	return nil
}

func parseKEK(id, value string) (kekItem, error) {
	if strings.HasPrefix(value, "https://") {
		wrapped, err := keyvault.ParseWrapped(value)
		if err != nil {
			return kekItem{}, sayableError(fmt.Sprintf("item %q: %v", id, err))
		}
		return kekItem{ID: id, wrapped: wrapped}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != len(kekItem{}.key) {
		return kekItem{}, errValue
	}
	if [32]byte(raw) == [32]byte{} {
		return kekItem{}, sayableError(fmt.Sprintf("item %q: the key is nothing but zeros; make one with: head -c 32 /dev/urandom | base64", id))
	}
	return kekItem{ID: id, key: [32]byte(raw)}, nil
}

// has reports whether a key-encryption key bears this id.
func (s secretKV) has(id string) bool {
	return slices.ContainsFunc(s.keks, func(k kekItem) bool { return k.ID == id })
}

// sayableError is what is wrong with a value, in a sentence that shows nothing of it.
type sayableError string

func (e sayableError) Error() string { return string(e) }

// entraIssuers is a list of issuers that are trusted by name, written as idp.ParseIssuer reads them.
type entraIssuers struct{ list []idp.Issuer }

// UnmarshalText parses the list. Its error names the first wrong item by its place, and repeats nothing of it.
func (e *entraIssuers) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		issuer, err := idp.ParseIssuer(item)
		if err != nil {
			return sayableError(fmt.Sprintf("item %d: %v", len(e.list)+1, err))
		}
		e.list = append(e.list, issuer)
	}
	return nil
}

// sessionClaims is a list of session variables that come from verified claims, written variable=claim.
type sessionClaims struct{ list []issuer.SessionClaim }

var (
	sessionVariable   = regexp.MustCompile(`^x-hasura-[a-z0-9]+(-[a-z0-9]+)*$`)
	reservedVariables = []string{"x-hasura-role", "x-hasura-default-role", "x-hasura-allowed-roles"}
)

func isClaimName(name string) bool { return len(name) <= 128 && noBlanks.MatchString(name) }

// UnmarshalText parses the list.
func (s *sessionClaims) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		name, claim, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || !sessionVariable.MatchString(name) || !isClaimName(claim) ||
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

package rolemap

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const maxLine = 1024

var fieldName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]{0,254}$`) })

// isLine tells whether a text can be kept, shown and written as one line.
func isLine(text string) bool {
	return text != "" && len(text) <= maxLine && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError
	})
}

// Check returns what PutRole would find wrong with a role and its fields by
// themselves: nil, or a Refusal.
func (s *Store) Check(role Role, fields []string) error {
	// A role is one if it could be granted to somebody.
	someone := rolestore.Grant{Tenant: nobody, Principal: rolestore.Principal{Kind: rolestore.KindEveryone}, Role: role.Role}
	edit := rolestore.Edit{Put: rolestore.Document{Grants: []rolestore.Grant{someone}}}
	if _, err := edit.Checked(s.rules); err != nil {
		return ErrBadRole
	}
	if !isLine(role.Component) {
		return ErrBadComponent
	}
	if slices.ContainsFunc(fields, func(field string) bool { return !fieldName().MatchString(field) }) {
		return ErrBadField
	}
	return nil
}

// nobody is a tenant that does not exist.
const nobody = "00000000-0000-0000-0000-000000000000"

// distinct returns the items once each, in order.
func distinct(items []string) []string {
	items = slices.Clone(items)
	slices.Sort(items)
	return slices.Compact(items)
}

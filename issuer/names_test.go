package issuer_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// TestNamesAreReadAsTheirPatternsSay holds what reads names byte by byte, for each grant of each exchange, against the patterns
// that the tables have for them.
func TestNamesAreReadAsTheirPatternsSay(t *testing.T) {
	t.Parallel()
	role := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`)
	variable := regexp.MustCompile(`^x-hasura-[a-z0-9-]+$`)
	reserved := map[string]bool{"x-hasura-role": true, "x-hasura-default-role": true, "x-hasura-allowed-roles": true}
	check := func(t interface{ Errorf(string, ...any) }, name string) {
		if got, want := issuer.IsRole(name), role.MatchString(name); got != want {
			t.Errorf("%q is a role's name: %v, want %v", name, got, want)
		}
		if got, want := issuer.IsVariable(name), variable.MatchString(name) && !reserved[name]; got != want {
			t.Errorf("%q is a variable's name: %v, want %v", name, got, want)
		}
	}
	for c := range 256 { // each byte, where it is first, last and alone
		one := string([]byte{byte(c)})
		for _, name := range []string{one, "a" + one, one + "a", "x-hasura-" + one, "x-hasura-a" + one} {
			check(t, name)
		}
	}
	for _, name := range []string{
		"", "x-hasura-", "X-Hasura-A", "x-hasura-role", "x-hasura-roles", "x-hasura-default-role", "x-hasura-allowed-roles",
		strings.Repeat("a", 128), strings.Repeat("a", 129), "a\n", "x-hasura-a\n", "ſ", "x-hasura-ſ",
	} {
		check(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOf(rapid.SampledFrom([]rune("aZ09_.- \né"))).Draw(t, "name")
		check(t, name)
		check(t, "x-hasura-"+name)
	})
}

package rolestore

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a store holds. They are far above any use, and keep one row
// from crowding out everything else in a token of 6 KiB.
const (
	maxRole         = 128
	maxAppRole      = 120 // Entra's own limit
	maxVariableName = 128
	maxVariables    = 64
	maxValue        = 4096
	maxItems        = 256
	maxReason       = 1024
)

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// isGUID tells whether s is a GUID in its usual form and in lower case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isDigit(s[i]) && (s[i] < 'a' || 'f' < s[i]) {
			return false
		}
	}
	return true
}

// isRole tells whether s matches ^[A-Za-z_][A-Za-z0-9_.-]{0,127}$.
func isRole(s string) bool { return len(s) <= maxRole && isWord(s) }

// isWord tells whether s is a letter or _ and then letters, digits, _ . or -.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isLetter(c) && c != '_' && (i == 0 || !isDigit(c) && c != '.' && c != '-') {
			return false
		}
	}
	return s != ""
}

// isAppRole tells whether s can be the value of an app role: printable ASCII
// without a space. What looks like a GUID is none: Entra can be told to write
// group ids where app roles belong, and those must not pass for one.
func isAppRole(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || '~' < s[i] {
			return false
		}
	}
	return s != "" && len(s) <= maxAppRole && !isGUID(strings.ToLower(s))
}

// isVariable tells whether s matches ^x-hasura-[a-z0-9-]+$ and is not too long.
func isVariable(s string) bool {
	rest, found := strings.CutPrefix(s, "x-hasura-")
	for i := range len(rest) {
		if c := rest[i]; !isDigit(c) && c != '-' && (c < 'a' || 'z' < c) {
			return false
		}
	}
	return found && rest != "" && len(s) <= maxVariableName
}

// isClean tells whether s can be kept, shown and written as one line by
// everything that meets it: valid UTF-8 without control characters and without
// U+FFFD, which stands in place of something that could not be read.
func isClean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError
	})
}

// isAmbiguous tells whether some YAML reader takes the bare word for something
// other than a text (YAML 1.1 §10.2.1.2 knows yes, no, on and off).
func isAmbiguous(word string) bool {
	return slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"}, strings.ToLower(word))
}

package main

import (
	"strings"
	"testing"
)

func TestNamesInSettingsHaveALength(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		is   func(string) bool
		most int
	}{
		"a key-encryption key": {isKEKID, 64},
		"a claim":              {isClaimName, 128},
	} {
		for text, want := range map[string]bool{
			"": false, "a": true, "a b": false, "ä": false, "a\n": false,
			strings.Repeat("a", c.most): true, strings.Repeat("a", c.most+1): false,
		} {
			if got := c.is(text); got != want {
				t.Errorf("%s called %q: %v, want %v", name, text, got, want)
			}
		}
	}
}

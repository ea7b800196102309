package idp

import "strings"

// guidForm is the one spelling of a GUID that Entra uses; x stands for a hexadecimal digit.
const guidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

// guid returns text in lower case when it is a GUID. Entra compares them without regard to case, and so do we by
// having only one case inside.
func guid(text string) (lower string, ok bool) {
	if len(text) != len(guidForm) {
		return "", false
	}
	for i := range len(guidForm) {
		if guidForm[i] == '-' {
			if text[i] != '-' {
				return "", false
			}
		} else if !isHex(text[i]) {
			return "", false
		}
	}
	return strings.ToLower(text), true
}

func isHex(c byte) bool {
	return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F')
}

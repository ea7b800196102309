package audit

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText = 256 // bytes of one text
	maxList = 100 // texts of one list
)

// clean returns the record as Postgres takes it and as it may be printed: what callers, a policy or Entra have written is cut to a
// sane length, and what is no printable text in it is replaced.
func (r Record) clean() Record {
	for _, text := range []*string{
		&r.Reason, &r.ObjectID, &r.ClientID, &r.AskedRole, &r.PolicyDecision, &r.KID, &r.JTI, &r.SubjectTokenID, &r.Address,
		&r.RequestID, &r.TraceID, &r.Replica,
	} {
		*text = cleanText(*text)
	}
	for _, list := range []*[]string{&r.AskedRoles, &r.Roles, &r.Grants} {
		*list = cleanList(*list)
	}
	return r
}

// cleanList returns list itself where there is nothing to clean.
func cleanList(list []string) []string {
	if len(list) <= maxList && !slices.ContainsFunc(list, func(s string) bool { return cleanText(s) != s }) {
		return list
	}
	cleaned := make([]string, 0, min(len(list), maxList)+1)
	for _, text := range list[:min(len(list), maxList)] {
		cleaned = append(cleaned, cleanText(text))
	}
	if len(list) > maxList {
		cleaned = append(cleaned, "…")
	}
	return cleaned
}

func cleanText(text string) string {
	if len(text) <= maxText && utf8.ValidString(text) && strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text[:min(len(text), maxText)])
	return strings.ToValidUTF8(text, string(unicode.ReplacementChar))
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

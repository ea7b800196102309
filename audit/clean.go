package audit

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText = 256  // bytes of one text
	maxList = 100  // texts of a list that callers write
	maxHeld = 1000 // texts of a list that grants make: more than a token has room for
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
	r.AskedRoles = clones(cleanList(r.AskedRoles, maxList)) // of the request's body
	r.Roles = clones(cleanList(r.Roles, maxHeld))           // of all that the store knows of the caller
	r.Grants = cleanList(r.Grants, maxHeld)
	return r
}

// clones returns texts that are parts of something longer, which is not to be held, as texts of their own.
func clones(list []string) []string {
	list = slices.Clone(list)
	for i, text := range list {
		list[i] = strings.Clone(text)
	}
	return list
}

// cleanList returns list itself where there is nothing to clean, and else one of so many texts at most, and a sign that there were more.
func cleanList(list []string, most int) []string {
	if len(list) <= most && !slices.ContainsFunc(list, func(s string) bool { return cleanText(s) != s }) {
		return list
	}
	cleaned := make([]string, 0, min(len(list), most)+1)
	for _, text := range list[:min(len(list), most)] {
		cleaned = append(cleaned, cleanText(text))
	}
	if len(list) > most {
		cleaned = append(cleaned, "…")
	}
	return cleaned
}

// size is about how many bytes of memory a record takes while it waits.
func (r Record) size() int {
	const record, text = 1 << 10, 16
	size := record
	for _, list := range [][]string{r.AskedRoles, r.Roles, r.Grants} {
		for _, s := range list {
			size += text + len(s)
		}
	}
	return size
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

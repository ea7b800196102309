package idp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// This is a second reader of tokens, slow and plain, that shares no code with the first: encoding/json, with a check of its
// own for each thing that package is lenient about.

// claimForms are the claims that are read, by the form that they must have.
var claimForms = map[string]func(any) any{
	"aud": asText, "iss": asText, "tid": asText, "ver": asText, "oid": asText, "sub": asText, "azp": asText, "appid": asText,
	"scp": asText, "idtyp": asText, "idp": asText, "uti": asText, "tfp": asText, "acr": asText, "xms_act_fct": asText, "xms_sub_fct": asText,
	"exp": asSeconds, "nbf": asSeconds, "iat": asSeconds, "acct": asSeconds,
	"groups": asTexts, "roles": asTexts, "_claim_names": asClaimNames, "hasgroups": asFlag,
	"cnf": asMark, "nonce": asMark, "at_hash": asMark, "c_hash": asMark, "xms_par_app_azp": asMark,
}

func asMark(any) any { return true }

func asText(value any) any {
	if text, ok := value.(string); ok {
		return text
	}
	return idp.Faulty{}
}

func asFlag(value any) any {
	if flag, ok := value.(bool); ok {
		return flag
	}
	return idp.Faulty{}
}

var wholeNumber = regexp.MustCompile(`^[0-9]{1,15}$`)

func asSeconds(value any) any {
	literal, ok := value.(json.Number)
	if !ok || !wholeNumber.MatchString(string(literal)) {
		return idp.Faulty{}
	}
	number, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		return err
	}
	return number
}

func asTexts(value any) any {
	items, ok := value.([]any)
	if !ok || len(items) > 1000 {
		return idp.Faulty{}
	}
	texts := []string{}
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return idp.Faulty{}
		}
		texts = append(texts, text)
	}
	return texts
}

func asClaimNames(value any) any {
	names, ok := value.(map[string]any)
	if !ok {
		return idp.Faulty{}
	}
	_, groups := names["groups"]
	return groups
}

// refuses is a refusal of the reference: the reason that the caller is told.
type refuses string

func (r refuses) Error() string { return string(r) }

const malformed = refuses("token_malformed")

var (
	threeParts = regexp.MustCompile(`^[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$`)
	fiveParts  = regexp.MustCompile(`^([A-Za-z0-9_-]*\.){4}[A-Za-z0-9_-]*$`)
)

// plainRead is what Read ought to make of a token.
func plainRead(raw string, keep []string) (idp.Reading, error) {
	if fiveParts.MatchString(raw) {
		return idp.Reading{}, refuses("token_encrypted")
	}
	if !threeParts.MatchString(raw) {
		return idp.Reading{}, malformed
	}
	var parts [3][]byte
	for i, part := range strings.Split(raw, ".") {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
			return idp.Reading{}, malformed
		}
		parts[i] = decoded
	}
	var r idp.Reading
	if err := plainHeader(parts[0], &r); err != nil {
		return r, err
	}
	if len(parts[2]) == 0 {
		return r, malformed
	}
	return r, plainClaims(parts[1], keep, &r)
}

func plainHeader(doc []byte, r *idp.Reading) error {
	header, err := plainObject(doc)
	known := []string{"alg", "typ", "kid", "nonce", "crit", "b64"}
	if err != nil || slices.ContainsFunc(known, func(name string) bool { return inOtherCase(header, name) }) {
		return malformed
	}
	if header["alg"] != "RS256" {
		return refuses("algorithm_not_allowed")
	}
	typ, typed := header["typ"]
	_, critical := header["crit"]
	_, unencoded := header["b64"]
	kid, _ := header["kid"].(string)
	if typed && typ != "JWT" && typ != "at+jwt" || critical || unencoded || kid == "" {
		return malformed
	}
	r.KID = kid
	_, r.ForGraph = header["nonce"]
	return nil
}

func plainClaims(doc []byte, keep []string, r *idp.Reading) error {
	members, err := plainObject(doc)
	if err != nil || len(members) > 200 {
		return malformed
	}
	r.Claims = map[string]any{}
	for name, form := range claimForms {
		r.Variant = r.Variant || inOtherCase(members, name)
		if value, there := members[name]; there {
			r.Claims[name] = form(value)
		}
	}
	for _, name := range keep {
		r.Variant = r.Variant || inOtherCase(members, name)
		text, scalar := plainScalar(name, members[name])
		switch {
		case !scalar:
		case len(text) > 4096 || strings.ContainsFunc(text, unicode.IsControl):
			r.Unfit = true
		default:
			if r.Kept == nil {
				r.Kept = map[string]string{}
			}
			r.Kept[name] = text
		}
	}
	return nil
}

var anyGUID = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// plainScalar is a claim as it is handed on.
func plainScalar(name string, value any) (string, bool) {
	switch value := value.(type) {
	case string:
		if slices.Contains([]string{"tid", "oid", "azp", "appid"}, name) && anyGUID.MatchString(value) {
			return strings.ToLower(value), true
		}
		return value, true
	case json.Number, bool:
		return fmt.Sprint(value), true
	}
	return "", false
}

// inOtherCase tells whether an object has a member whose name lenient readers take for this one.
func inOtherCase(object map[string]any, name string) bool {
	for other := range object {
		if other != name && strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

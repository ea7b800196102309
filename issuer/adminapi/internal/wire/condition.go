package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// TagOf returns the strong entity tag of an entry (RFC 9110 §8.8.3): entries have the same one when they say the same.
func TagOf(entry json.Marshaler) (string, error) {
	text, err := entry.MarshalJSON()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, nil
}

// Conditions are what a request wants to find (RFC 9110 §13.1). Without any, it is done whatever there is.
type Conditions struct{ match, noneMatch []string }

var entityTag = regexp.MustCompile(`^(W/)?"[!#-~]*"$`)

func ConditionsOf(r *http.Request) (c Conditions, err error) {
	for _, one := range []struct {
		header string
		into   *[]string
	}{{"If-Match", &c.match}, {"If-None-Match", &c.noneMatch}} {
		lines := r.Header.Values(one.header)
		if len(lines) == 0 {
			continue
		}
		for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") { // no tag of ours holds a comma
			if tag = strings.TrimSpace(tag); tag != "*" && !entityTag.MatchString(tag) {
				return Conditions{}, Refuse(ReasonRequestMalformed, one.header+` wants entity tags in quotes, or *`)
			}
			*one.into = append(*one.into, tag)
		}
	}
	return c, nil
}

// Hold tells whether what is there is as wanted; tag is empty where nothing is. If-Match compares strongly, so that a weak
// tag never matches, and If-None-Match weakly (§8.8.3.2).
func (c Conditions) Hold(tag string) bool {
	if len(c.match) > 0 && (tag == "" || !slices.Contains(c.match, "*") && !slices.Contains(c.match, tag)) {
		return false
	}
	return !c.Excludes(tag)
}

// Excludes tells whether If-None-Match names what is there.
func (c Conditions) Excludes(tag string) bool {
	return tag != "" && slices.ContainsFunc(c.noneMatch, func(other string) bool {
		return other == "*" || strings.TrimPrefix(other, "W/") == tag
	})
}

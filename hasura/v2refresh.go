package hasura

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// V2Refresh says from when on a v2 engine that got this answer of the jwk_url at the moment now fetches again; it looks
// once a second. The zero time means never, until it restarts. previous is what V2Refresh said to the answer before,
// zero for the first: an answer whose headers name no time leaves it in force. An engine that holds the empty set, or
// whose fetch failed, fetches again the next second, whatever this says.
func V2Refresh(header http.Header, now, previous time.Time) time.Time {
	if values := header.Values("Cache-Control"); len(values) > 0 {
		directives := parseCacheControl(values[0])
		age, hasAge, ok := directives.maxAge()
		expiry := now.Add(age)
		switch {
		case !ok:
			return previous
		case directives.has("must-revalidate") && hasAge:
			return expiry
		case directives.has("must-revalidate"), directives.has("no-cache"), directives.has("no-store"):
			return now
		case hasAge:
			return expiry
		}
	}
	at, err := time.Parse(http.TimeFormat, strings.TrimSpace(header.Get("Expires")))
	if err != nil {
		return previous
	}
	return at
}

// directive is name, or name=value.
type directive struct {
	name, value string
	hasValue    bool
}

type cacheControl []directive

const tchars = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

// v2 reads names case-sensitively, takes at most one blank on each side of a comma, and drops what it cannot read
// together with all that follows.
var (
	cacheLead      = regexp.MustCompile(`^(?:,\s?)*`)
	cacheDirective = regexp.MustCompile(`^(` + tchars + `)(?:=(?:(` + tchars + `)|"((?:[^"\\]|\\.)*)"))?`)
	cacheSeparator = regexp.MustCompile(`^(?:\s?,)+\s?`)
	quotedPair     = regexp.MustCompile(`\\(.)`)
	decimal        = regexp.MustCompile(`^[0-9]+`)
)

// parseCacheControl returns nil for a value that holds no directive at the front, which is an error to the engine.
func parseCacheControl(s string) cacheControl {
	var out cacheControl
	s = s[len(cacheLead.FindString(s)):]
	for m := cacheDirective.FindStringSubmatch(s); m != nil; m = cacheDirective.FindStringSubmatch(s) {
		out = append(out, directive{
			name:     m[1],
			value:    m[2] + quotedPair.ReplaceAllString(m[3], "$1"),
			hasValue: len(m[0]) > len(m[1]),
		})
		s = s[len(m[0]):]
		separator := cacheSeparator.FindString(s)
		if separator == "" {
			break
		}
		s = s[len(separator):]
	}
	return out
}

func (c cacheControl) has(name string) bool {
	for _, d := range c {
		if d.name == name && !d.hasValue {
			return true
		}
	}
	return false
}

// maxAge reads the first of max-age and s-maxage, by its leading digits; ok is false where the engine reports an error.
func (c cacheControl) maxAge() (age time.Duration, found, ok bool) {
	for _, d := range c {
		if d.hasValue && (d.name == "max-age" || d.name == "s-maxage") {
			age, err := time.ParseDuration(decimal.FindString(d.value) + "s")
			return age, true, err == nil
		}
	}
	return 0, false, c != nil
}

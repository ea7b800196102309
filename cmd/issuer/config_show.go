package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxShown is how long a value may be that is shown: no sound setting that can be wrong is longer, but keys and tokens are.
const maxShown = 200

// secretForms are what secrets look like that somebody may have put into the wrong variable, in whatever case: GUIDs are
// brought to lower case before they are looked at.
var secretForms = []*regexp.Regexp{
	regexp.MustCompile(`://[^/?#]*@`),                                                                   // a URL with a user in it
	regexp.MustCompile(`(?i)^\s*(postgres|postgresql|redis|rediss):`),                                   // a URL that is meant to have one
	regexp.MustCompile(`(?i)\b(password|passwd|pwd|secret)\s*=`),                                        // a connection string
	regexp.MustCompile(`(^|,)\s*[A-Za-z0-9._-]{1,64}:[A-Za-z0-9+_-][A-Za-z0-9+/_-]{19,}={0,2}\s*(,|$)`), // id:base64
	regexp.MustCompile(`(^|[\s,:=])([A-Za-z0-9+/_-]{43}=|[A-Za-z0-9_-]{43})(\s|,|$)`),                   // 32 bytes in base64
	regexp.MustCompile(`(?i)eyJ[A-Za-z0-9_-]{8,}`),                                                      // a JWT
	regexp.MustCompile(`(?i)[0-9]Q~[A-Za-z0-9_.~-]{20,}`),                                               // a client secret of Entra
	regexp.MustCompile(`(?i)-----BEGIN `),
}

// looksSecret reports whether value has the form of a secret.
func looksSecret(value string) bool {
	for _, form := range secretForms {
		if form.MatchString(value) {
			return true
		}
	}
	return false
}

// spnGUID is a client id as v1.0 tokens may spell an audience, which has the form id:base64 by chance.
var spnGUID = regexp.MustCompile(`(?i)\bspn:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)

// refuseSecrets records the variables that hold a secret and are none: what is in them stands in documents, reports and
// sometimes tokens, where everybody reads it.
func (f *faults) refuseSecrets(given map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !f.vars[name].secret && looksSecret(spnGUID.ReplaceAllString(given[name], "")) {
			f.add(name, given[name])
		}
	}
}

// notShown stands for a value that nobody should find in a log.
const notShown = "(not shown: it may hold a secret)"

// shown is a value as an error may quote it: a secret in the wrong place stays hidden.
func shown(value string) string {
	if isHidden(value) {
		return notShown
	}
	return fmt.Sprintf("%q", value)
}

// isHidden reports whether no error may quote value.
func isHidden(value string) bool { return len(value) > maxShown || looksSecret(value) }

// isPathLike reports whether value may be the path of a file, rather than what was meant to be in one.
func isPathLike(value string) bool {
	if len(value) > maxShown && !strings.HasPrefix(value, "/") {
		return false
	}
	return !looksSecret(value) && !strings.Contains(value, "://") && !strings.ContainsAny(value, "\r\n")
}

// pathless returns why a file could not be read, without its path.
func pathless(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

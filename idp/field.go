package idp

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

// maxListed bounds groups and roles. Entra lists at most 200 groups in a token.
const maxListed = 1000

// state says how a claim was found. A faulty one is not refused when it is read but when it is asked for, so that the
// order of the checks does not depend on the order of the claims.
type state uint8

const (
	absent state = iota
	sound
	faulty
)

func stateOf(ok bool) state {
	if ok {
		return sound
	}
	return faulty
}

// field is a claim or header member of a certain form.
type field interface {
	read(value jsontext.Value)
}

// text is a member that must be a string.
type text struct {
	value string // empty unless sound
	state state
}

func (t *text) read(value jsontext.Value) {
	var ok bool
	t.value, ok = strict.Text(value)
	t.state = stateOf(ok)
}

// number is a member that must be a whole number, not negative.
type number struct {
	value int64
	state state
}

func (n *number) read(value jsontext.Value) {
	var ok bool
	n.value, ok = strict.Integer(value)
	n.state = stateOf(ok)
}

// flag is a member that must be true or false.
type flag struct {
	value bool
	state state
}

func (f *flag) read(value jsontext.Value) {
	f.value = value.Kind() == jsontext.KindTrue
	f.state = stateOf(f.value || value.Kind() == jsontext.KindFalse)
}

// mark is a member that counts by being there, whatever it holds.
type mark bool

func (m *mark) read(jsontext.Value) { *m = true }

// list is a member that must be an array of strings.
type list struct {
	values []string
	state  state
}

func (l *list) read(value jsontext.Value) {
	var ok bool
	l.values, ok = strict.Texts(value, maxListed)
	l.state = stateOf(ok)
}

// claimNames is the "_claim_names" object, of which only the names count (OpenID Connect Core section 5.6.2). Where
// the claims are to be had stands in "_claim_sources", which is never read: it is an address a token would have us call.
type claimNames struct {
	groups bool
	state  state
}

func (c *claimNames) read(value jsontext.Value) {
	c.state = stateOf(strict.Object(value, func(name string, _ jsontext.Value) error {
		c.groups = c.groups || name == "groups"
		return nil
	}) == nil)
}

// fold lowers a name the way a reader does that takes names without regard to case: the letters A to Z, and the two
// characters outside ASCII that Unicode folds to ASCII letters.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + ('a' - 'A')
		case r == '\u017F': // long s
			return 's'
		case r == '\u212A': // Kelvin sign
			return 'k'
		default:
			return r
		}
	}, name)
}

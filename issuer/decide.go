package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Decide is Exchange for who puts the decision to use without a token: it says in which role the caller acts, with which
// session variables and for how long, as the token would that Exchange mints for the same request. A role that would not be
// in that token is refused. No key is needed.
func (i *Issuer) Decide(ctx context.Context, r Request) (Decision, error) {
	d, j, err := i.decide(ctx, r, func(earlier) bool { return true })
	if err == nil {
		if d, err = i.actIn(r.Role, d, j); err != nil {
			d.Reused = false // this was not decided before: it leaves a record, and asking on counts
			i.forget(j.id, err)
		}
	}
	if d, err = i.keepAccount(ctx, r, d, &j, err); err == nil && r.Reuse && !d.Reused {
		i.remember(d, j)
	}
	return d, err
}

// actIn completes d with the role to act in, the default one where role is empty.
func (i *Issuer) actIn(role string, d Decision, j judgement) (Decision, error) {
	if role == "" {
		role = d.Roles[0]
	}
	if !slices.Contains(d.Roles, role) {
		return d, refuse(ReasonRoleNotGranted, "the role that is asked for is not among the caller's")
	}
	session, err := i.form.texts(j.allowed.Session)
	if err != nil {
		return d, &Error{ReasonInternal, 0, fmt.Errorf("write session variables: %w", err)}
	}
	d.Role, d.Session, d.Lifetime = role, session, left(j.allowed.Expiry, j.now)
	return d, nil
}

// texts returns session variables for who takes nothing but texts. An error means that one is no valid text, which no token
// may hold either.
func (f form) texts(session map[string]rolestore.Value) (map[string]string, error) {
	texts := make(map[string]string, len(session))
	for name, value := range session {
		text, err := f.text(value)
		if err == nil && !utf8.ValidString(text) {
			err = errors.New("a value is not UTF-8")
		}
		if err != nil {
			return nil, err
		}
		texts[name] = text
	}
	return texts, nil
}

// text returns a list as it stands in a token, the JSON array written out.
func (f form) text(v rolestore.Value) (string, error) {
	switch {
	case !v.IsList():
		return v.Text(), nil
	case f.arrays == ArrayPostgres:
		return arrayLiteral(v.List()), nil
	}
	w := newWriter()
	w.list(v.List())
	text, err := w.bytes()
	return string(text), err
}

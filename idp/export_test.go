package idp

import "github.com/hasura-issuer/hasura-issuer/bounded"

// Reading is what parse makes of a token: whatever a later step could ask of it.
type Reading struct {
	KID            string
	ForGraph       bool
	Claims         map[string]any // those that are there: a string, int64, bool or []string, or Faulty
	Variant, Unfit bool
	Kept           map[string]string
}

// Faulty is a claim that is there, but not of the form it must have.
type Faulty struct{}

// Read takes a token apart and says what was read of the claims of these names.
func Read(raw string, keep, names []string) (Reading, error) {
	list, err := newKeepList(keep)
	if err != nil {
		return Reading{}, err
	}
	t, err := parse(raw, list)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{KID: t.kid, ForGraph: t.forGraph, Claims: map[string]any{}, Variant: t.claims.variant, Unfit: t.claims.unfit, Kept: t.claims.kept}
	for _, name := range names {
		if value, state := contentOf(t.claims.field(name)); state == sound {
			r.Claims[name] = value
		} else if state == faulty {
			r.Claims[name] = Faulty{}
		}
	}
	return r, nil
}

func contentOf(f field) (any, state) {
	switch f := f.(type) {
	case *text:
		return f.value, f.state
	case *number:
		return f.value, f.state
	case *flag:
		return f.value, f.state
	case *list:
		return append([]string{}, f.values...), f.state
	case *claimNames:
		return f.groups, f.state
	case *mark:
		if *f {
			return true, sound
		}
	}
	return nil, absent
}

// Remembered returns what is remembered of a token.
func (v *Verifier) Remembered(raw string) (Subject, bool) {
	known, ok := v.seen.Get(bounded.KeyOf(raw))
	if !ok {
		return Subject{}, false
	}
	return known.subject, true
}

package idp_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// neutral reports whether a mutation leaves a good token good: it was recorded as such, it only counts with a setting
// that is not made here, or the token says the same already.
func (m mutation) neutral(t *testing.T, claims map[string]any) bool {
	t.Helper()
	if len(m.Reasons) == 0 || m.Name == "client_not_allowed" {
		return true
	}
	f := forgery{claims: maps.Clone(claims)}
	m.spoil(t, &f)
	return f.raw == "" && f.member == "" && len(f.options) == 0 && cmp.Equal(claims, f.claims)
}

// TestTwoFaultsNeverMakeAGoodToken crosses all mutations with each other, first in one order and then in the other, over
// the good tokens in turn: one fault must never make up for another.
func TestTwoFaultsNeverMakeAGoodToken(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	all := readRecorded(t)
	good := all.Tokens[:0:0]
	for _, token := range all.Tokens {
		if len(token.Expect.Reasons) == 0 {
			good = append(good, token)
		}
	}
	crossed := 0
	for i := range all.Mutations {
		for j := range i + 1 {
			first, second := all.Mutations[i], all.Mutations[j]
			if crossed%2 == 0 {
				first, second = second, first
			}
			base := good[crossed%len(good)]
			harmless := first.neutral(t, base.Payload) && second.neutral(t, base.Payload)
			f := forgery{claims: maps.Clone(base.Payload), options: headerOptions(base.Header)}
			first.spoil(t, &f)
			second.spoil(t, &f)
			if got := judge(t, verifier, f.sign(t, e)); got == "accepted" && !harmless {
				t.Errorf("%s with %s and %s is accepted", base.Name, first.Name, second.Name)
			}
			crossed++
		}
	}
	if len(good) < 15 || crossed != 27*28/2 {
		t.Errorf("%d pairs over %d good tokens were crossed", crossed, len(good))
	}
}

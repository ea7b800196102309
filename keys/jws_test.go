package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

var algs = []keys.Alg{keys.ES256, keys.RS256, keys.EdDSA}

// ringOf returns a ring in memory with keys of one algorithm.
func ringOf(tb keystest.TB, alg keys.Alg) *keys.Ring {
	tb.Helper()
	c := &clock{start}
	p := policy
	p.Alg = alg
	ring := newRing(tb, keys.RingConfig{Store: keystore.NewMemory(c.now), Policy: p, Now: c.now, Auto: true})
	syncRing(tb, ring)
	return ring
}

func TestTokensVerifyWithTwoLibrariesAgainstThePublishedSet(t *testing.T) {
	t.Parallel()
	payloads := []string{`{}`, `{"sub":"ö","n":1}`, strings.Repeat("x", 6<<10), ""}
	for _, alg := range algs {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			ring := ringOf(t, alg)
			body, _, err := ring.JWKS("")
			keystest.Must(t, err)
			var ours jose.JSONWebKeySet
			keystest.Must(t, json.Unmarshal(body, &ours))
			theirs, err := jwk.Parse(body)
			keystest.Must(t, err)
			for range 300 / len(payloads) { // a leading zero in r or s comes up once in 128
				for _, payload := range payloads {
					token, kid, err := ring.Sign(t.Context(), []byte(payload))
					keystest.Must(t, err)
					verifyWithGoJose(t, token, kid, payload, alg, ours)
					got, err := jws.Verify([]byte(token), jws.WithKeySet(theirs, jws.WithRequireKid(true)))
					if err != nil || string(got) != payload {
						t.Fatalf("jwx does not verify a token: %v", err)
					}
				}
			}
		})
	}
}

func verifyWithGoJose(t *testing.T, token, kid, payload string, alg keys.Alg, set jose.JSONWebKeySet) {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		t.Fatalf("go-jose does not read a token: %v", err)
	}
	found := set.Key(kid)
	if len(found) != 1 {
		t.Fatalf("the set holds %d keys of the token's kid", len(found))
	}
	got, err := parsed.Verify(found[0])
	if err != nil || string(got) != payload {
		t.Fatalf("go-jose does not verify a token: %v", err)
	}
}

func TestTheHeaderHoldsThreeMembersInOneOrder(t *testing.T) {
	t.Parallel()
	for _, alg := range algs {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			ring := ringOf(t, alg)
			token, kid, err := ring.Sign(t.Context(), []byte(`{}`))
			keystest.Must(t, err)
			header, err := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')])
			keystest.Must(t, err)
			if want := `{"alg":"` + string(alg) + `","kid":"` + kid + `","typ":"JWT"}`; string(header) != want {
				t.Errorf("the header is %s, want %s", header, want)
			}
		})
	}
}

func TestThePublishedSetHoldsTheMembersBothEnginesReadAndNoOthers(t *testing.T) {
	t.Parallel()
	members := map[keys.Alg]string{
		keys.ES256: "alg crv kid kty use x y",
		keys.RS256: "alg e kid kty n use",
		keys.EdDSA: "alg crv kid kty use x",
	}
	lengths := map[string]int{"x": 43, "y": 43, "n": 342, "e": 4, "kid": 43}
	for _, alg := range algs {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			body, _, err := ringOf(t, alg).JWKS("")
			keystest.Must(t, err)
			var set map[string][]map[string]string // fails on anything but strings
			keystest.Must(t, json.Unmarshal(body, &set))
			if len(set) != 1 || len(set["keys"]) != 3 {
				t.Fatalf("the document has %d members and %d keys, want 1 and 3", len(set), len(set["keys"]))
			}
			for _, k := range set["keys"] {
				var names []string
				for name, text := range k {
					names = append(names, name)
					if want := lengths[name]; want != 0 && len(text) != want {
						t.Errorf("member %s has %d characters, want %d", name, len(text), want)
					}
				}
				slices.Sort(names)
				if diff := cmp.Diff(members[alg], strings.Join(names, " ")); diff != "" {
					t.Errorf("members (-want +got):\n%s", diff)
				}
				if k["use"] != "sig" || k["alg"] != string(alg) {
					t.Errorf("use is %q and alg is %q", k["use"], k["alg"])
				}
			}
		})
	}
}

func TestTheKidIsTheThumbprint(t *testing.T) {
	t.Parallel()
	for _, alg := range algs {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			body, _, err := ringOf(t, alg).JWKS("")
			keystest.Must(t, err)
			set, err := jwk.Parse(body)
			keystest.Must(t, err)
			for i := range set.Len() {
				k, _ := set.Key(i)
				kid, _ := k.KeyID()
				keystest.Must(t, k.Remove(jwk.KeyIDKey))
				keystest.Must(t, jwk.AssignKeyID(k))
				if want, _ := k.KeyID(); kid != want {
					t.Errorf("the kid is %s, want %s", kid, want)
				}
			}
		})
	}
}

func TestTheEntityTagIsStrongAndFollowsTheBytes(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	one := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	two := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	syncRing(t, one)
	syncRing(t, two)
	body, tag, err := one.JWKS("")
	keystest.Must(t, err)
	if !regexp.MustCompile(`^"[A-Za-z0-9_-]{22}"$`).MatchString(tag) {
		t.Errorf("the tag is %s, want 22 characters in quotes", tag)
	}
	otherBody, otherTag, err := two.JWKS("")
	keystest.Must(t, err)
	if string(body) != string(otherBody) || tag != otherTag {
		t.Error("another replica publishes the same ring in other bytes")
	}
	c.advance(day)
	syncRing(t, one)
	if _, later, err := one.JWKS(""); err != nil || later == tag {
		t.Errorf("the tag is the same for another set, %v", err)
	}
}

func BenchmarkSign(b *testing.B) {
	payload := []byte(strings.Repeat("x", 700))
	for _, alg := range algs {
		b.Run(string(alg), func(b *testing.B) {
			ring := ringOf(b, alg)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ring.Sign(b.Context(), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJWKS(b *testing.B) {
	ring := ringOf(b, keys.ES256)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ring.JWKS(""); err != nil {
			b.Fatal(err)
		}
	}
}

package hasura_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

func TestAGoodTokenIsAcceptedByBothEnginesUnderEverySetting(t *testing.T) {
	t.Parallel()
	m := newMaterial()
	inner := marshal(t, hasuraClaims("{}"))
	for name, tt := range map[string]struct {
		v2               map[string]any
		format, location string
		place            func(claims map[string]any)
	}{
		"the usual namespace": {nil, "Json", pointer, func(c map[string]any) { c[namespace] = hasuraClaims("{}") }},
		"a namespace of another name": {
			map[string]any{"claims_namespace": "h/c~1"},
			"Json", "/h~1c~01",
			func(c map[string]any) { c["h/c~1"] = hasuraClaims("{}") },
		},
		"a path": {
			map[string]any{"claims_namespace_path": "$.a.list[1]['b%']"},
			"Json", "/a/list/1/b%",
			func(c map[string]any) {
				c["a"] = map[string]any{"list": []any{0, map[string]any{"b%": hasuraClaims("{}")}}}
			},
		},
		"claims in a string": {
			map[string]any{"claims_format": "stringified_json"},
			"StringifiedJson", pointer,
			func(c map[string]any) { c[namespace] = string(inner) },
		},
		"claims at the root": {
			map[string]any{"claims_namespace_path": "$"},
			"Json", "",
			func(c map[string]any) { maps.Copy(c, hasuraClaims("{}")) },
		},
	} {
		e := enginesFor(t, tt.v2, tt.format, tt.location)
		for alg, kind := range map[string]string{"ES256": "P-256", "RS256": "RSA2048", "EdDSA": "Ed25519"} {
			t.Run(name+", "+alg, func(t *testing.T) {
				t.Parallel()
				c := claims()
				delete(c, namespace)
				tt.place(c)
				token, jwks := signed(t, m, alg, kind, c)
				want := map[string]any{"x-hasura-user-id": "u1", "x-hasura-regions": "{}"}
				for _, role := range []string{"", "viewer"} {
					wantRole := map[string]string{"": "editor", "viewer": "viewer"}[role]
					accepted(t, hasura.V2(strict(e.v2), jwks, token, role, now()), wantRole, want)
					v3 := hasura.V3(e.v3, jwks, token, role, now())
					if tt.location == "" {
						v3.Session = pick(v3.Session, want)
					}
					accepted(t, v3, wantRole, want)
				}
			})
		}
	}
}

func strict(c hasura.V2Config) hasura.V2Config {
	c.Quirks = hasura.AllQuirks
	return c
}

// pick keeps the variables of want: at the root, v3 takes every other claim for a variable too.
func pick(session, want map[string]any) map[string]any {
	out := map[string]any{}
	for name := range want {
		out[name] = session[name]
	}
	return out
}

func accepted(t *testing.T, got hasura.Verdict, role string, session map[string]any) {
	t.Helper()
	if diff := cmp.Diff(hasura.Verdict{Accepted: true, Role: role, Session: session}, got); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

func TestASessionVariableIsTextToV2AndAnyValueToV3(t *testing.T) {
	t.Parallel()
	e, c := usual(t), claims()
	c[namespace] = hasuraClaims([]any{"a", json.Number("1")})
	token, jwks := signed(t, newMaterial(), "ES256", "P-256", c)
	if got := hasura.V2(e.v2, jwks, token, "", now()); got.Accepted || got.Code != "jwt-invalid-claims" {
		t.Errorf("v2 said %+v", got)
	}
	accepted(t, hasura.V3(e.v3, jwks, token, "", now()), "editor",
		map[string]any{"x-hasura-user-id": "u1", "x-hasura-regions": []any{"a", json.Number("1")}})
}

func TestTheLastMomentOfAToken(t *testing.T) {
	t.Parallel()
	m, e := newMaterial(), usual(t)
	for name, tt := range map[string]struct {
		after  time.Duration // since exp
		v2, v3 bool
	}{
		"a microsecond before exp":       {-time.Microsecond, true, true},
		"exp":                            {0, false, true},
		"a minute after exp":             {time.Minute, false, true},
		"a minute and a second after it": {61 * time.Second, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, jwks := signed(t, m, "ES256", "P-256", claims())
			at := now().Add(300*time.Second + tt.after)
			if v := hasura.V2(e.v2, jwks, token, "", at); v.Accepted != tt.v2 {
				t.Errorf("v2 said %+v", v)
			}
			if v := hasura.V3(e.v3, jwks, token, "", at); v.Accepted != tt.v3 {
				t.Errorf("v3 said %+v", v)
			}
		})
	}
}

func TestAnEmptyAudienceListIsNobodys(t *testing.T) {
	t.Parallel()
	e := enginesFor(t, map[string]any{"audience": nil}, "Json", pointer)
	c := claims()
	c["aud"] = []string{}
	token, jwks := signed(t, newMaterial(), "ES256", "P-256", c)
	if v := hasura.V2(e.v2, jwks, token, "", now()); !strings.Contains(v.Message, "JWTNotInAudience") {
		t.Errorf("v2 said %+v", v)
	}
	if v := hasura.V3(e.v3, jwks, token, "", now()); !strings.Contains(v.Message, "InvalidAudience") {
		t.Errorf("v3 said %+v", v)
	}
}

func TestASignatureCoversEveryByte(t *testing.T) {
	t.Parallel()
	m, e := newMaterial(), usual(t)
	for alg, kind := range map[string]string{"ES256": "P-256", "PS384": "RSA2048", "EdDSA": "Ed25519"} {
		token, jwks := signed(t, m, alg, kind, claims())
		parts := strings.Split(token, ".")
		rapid.Check(t, func(t *rapid.T) {
			changed := append([]string{}, parts...)
			i := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
			raw, _ := base64.RawURLEncoding.DecodeString(parts[i])
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "byte")] ^= byte(1 << rapid.IntRange(0, 7).Draw(t, "bit"))
			changed[i] = b64(raw)
			forged := strings.Join(changed, ".")
			if hasura.V2(e.v2, jwks, forged, "", now()).Accepted || hasura.V3(e.v3, jwks, forged, "", now()).Accepted {
				t.Fatal("a changed token was accepted")
			}
		})
	}
}

func TestV3ReadsBase64StrictlyAndV2DoesNot(t *testing.T) {
	t.Parallel()
	e := usual(t)
	token, jwks := signed(t, newMaterial(), "ES256", "P-256", claims()) // 64 octets leave four bits over
	last := bytes.IndexByte([]byte(alphabet), token[len(token)-1])
	loose := token[:len(token)-1] + string(alphabet[last+1])
	if v := hasura.V2(e.v2, jwks, loose, "", now()); !v.Accepted {
		t.Errorf("v2 said %+v", v)
	}
	if v := hasura.V3(e.v3, jwks, loose, "", now()); v.Accepted {
		t.Errorf("v3 said %+v", v)
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

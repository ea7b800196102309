package issuer_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// claims decodes what was signed last.
func (w *world) claims() map[string]any {
	w.t.Helper()
	var claims map[string]any
	if err := json.Unmarshal([]byte(w.payload), &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims
}

var jti = regexp.MustCompile(`"jti":"[A-Z2-7]{26}"`)

const registered = `{"iss":"https://auth.example.com","sub":"` + objectID + "." + tenantID + `","aud":"hasura",` +
	`"iat":1795435140,"nbf":1795435140,"exp":1795435500,"jti":"…","client_id":"` + clientID + `",`

const members = `"x-hasura-default-role":"editor","x-hasura-allowed-roles":["editor","reader"],"x-hasura-org-id":"4\"2",` +
	`"x-hasura-regions":"{\"eu\",\"a\\\"b\\\\c\"}","x-hasura-tenant-id":"` + tenantID + `","x-hasura-user-id":"` + objectID + `"`

// golden is a caller with two roles, a text and a list.
func golden(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.answer.Grants = []rolestore.Grant{grant("reader"), grant("editor", priority(10), func(g *rolestore.Grant) {
		g.Session = map[string]rolestore.Value{"x-hasura-regions": rolestore.List("eu", `a"b\c`), "x-hasura-org-id": rolestore.Text(`4"2`)}
	})}
	return w
}

func TestThePayloadIsExactlyThis(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config func(*issuer.Config)
		want   string
	}{
		"as it comes": {
			config: func(*issuer.Config) {},
			want:   registered + `"https://hasura.io/jwt/claims":{` + members + `}}`,
		},
		"at a path": {
			config: func(c *issuer.Config) { c.ClaimsNamespace, c.ClaimsNamespacePath = "", "$.hasura.claims" },
			want:   registered + `"hasura":{"claims":{` + members + `}}}`,
		},
		"at a path with special characters": {
			config: func(c *issuer.Config) { c.ClaimsNamespace, c.ClaimsNamespacePath = "", "$.hasura['claims%']" },
			want:   registered + `"hasura":{"claims%":{` + members + `}}}`,
		},
		"at the root": {
			config: func(c *issuer.Config) { c.ClaimsNamespace, c.ClaimsNamespacePath = "", "$" },
			want:   registered + members + `}`,
		},
		"as JSON in a string": {
			config: func(c *issuer.Config) { c.StringifiedClaims = true },
			want:   registered + `"https://hasura.io/jwt/claims":` + quoted(`{`+members+`}`) + `}`,
		},
		"as JSON in a string at a path": {
			config: func(c *issuer.Config) {
				c.StringifiedClaims, c.ClaimsNamespace, c.ClaimsNamespacePath = true, "", "$.a.b"
			},
			want: registered + `"a":{"b":` + quoted(`{`+members+`}`) + `}}`,
		},
		"with lists as JSON": {
			config: func(c *issuer.Config) { c.ArrayFormat = issuer.ArrayJSON },
			want: registered + `"https://hasura.io/jwt/claims":{` +
				strings.Replace(members, `"{\"eu\",\"a\\\"b\\\\c\"}"`, `["eu","a\"b\\c"]`, 1) + `}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := golden(t)
			c.config(&w.config)
			if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
				t.Fatal(err)
			}
			got := jti.ReplaceAllString(w.payload, `"jti":"…"`)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

// quoted writes text as a JSON string, for texts without control characters.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func TestTwoTokensNeverShareAJTI(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		got, err := newWorld(t).exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
		if err != nil || seen[got.JTI] {
			t.Fatalf("jti %q again, or error %v", got.JTI, err)
		}
		seen[got.JTI] = true
	}
}

func TestTheLifetimeSaidIsTheTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer.Grants = []rolestore.Grant{grant("oncall", until(noon.Add(90*time.Second)))}
	got, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
	if err != nil {
		t.Fatal(err)
	}
	exp := time.Unix(int64(w.claims()["exp"].(float64)), 0)
	if want := exp.Sub(noon.Truncate(time.Second)); got.Lifetime != want || want != 90*time.Second {
		t.Errorf("lifetime %s, the token says %s", got.Lifetime, want)
	}
}

func TestTheRealClockIsUsedUnlessAnotherIsGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Now = nil
	w.subject.Expiry = time.Now().Add(time.Hour)
	before := time.Now().Unix()
	if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
		t.Fatal(err)
	}
	if iat := int64(w.claims()["iat"].(float64)); iat < before-60 || iat > time.Now().Unix()-60 {
		t.Errorf("iat %d is not a minute back", iat)
	}
}

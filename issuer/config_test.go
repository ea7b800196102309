package issuer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

func TestNamespaceSegments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		namespace, path string
		want            []string
		wrong           string // part of the sentence
	}{
		"a namespace":                   {namespace: "https://hasura.io/jwt/claims", want: []string{"https://hasura.io/jwt/claims"}},
		"a namespace that looks a path": {namespace: "$.a", want: []string{"$.a"}},
		"one part":                      {path: "$.hasura", want: []string{"hasura"}},
		"two parts":                     {path: "$.hasura.claims-2_x", want: []string{"hasura", "claims-2_x"}},
		"quotes":                        {path: "$.hasura['claims%']", want: []string{"hasura", "claims%"}},
		"double quotes":                 {path: `$["a b"].c`, want: []string{"a b", "c"}},
		"signs of paths inside quotes":  {path: `$['a.b[0]']["c]"].d`, want: []string{"a.b[0]", "c]", "d"}},
		"letters of the world":          {path: `$['Ansprüche']`, want: []string{"Ansprüche"}},
		"a registered name below":       {path: "$.hasura.sub", want: []string{"hasura", "sub"}},
		"a name near a registered one":  {path: "$.Sub", want: []string{"Sub"}},
		"the root":                      {path: "$", want: nil},

		"both":                      {namespace: "a", path: "$.a", wrong: "cannot both be set"},
		"neither":                   {wrong: "is needed"},
		"no dollar":                 {path: "hasura", wrong: "must look like"},
		"a dot at the end":          {path: "$.", wrong: "must look like"},
		"two dots":                  {path: "$..a", wrong: "must look like"},
		"an index":                  {path: "$.a[0]", wrong: "must look like"},
		"a wildcard":                {path: "$.*", wrong: "must look like"},
		"special signs unquoted":    {path: "$.claims%", wrong: "must look like"},
		"a digit first":             {path: "$.1a", wrong: "must look like"},
		"empty quotes":              {path: "$['']", wrong: "must look like"},
		"an escape":                 {path: `$['a\'b']`, wrong: "must look like"},
		"quotes that do not match":  {path: `$['a"]`, wrong: "must look like"},
		"a bracket left open":       {path: "$['a'", wrong: "must look like"},
		"no separator":              {path: "$['a']b", wrong: "must look like"},
		"a line end":                {path: "$.a\n", wrong: "must look like"},
		"a control sign in quotes":  {path: "$['a\x1b']", wrong: "must look like"},
		"no UTF-8":                  {path: "$['\xff']", wrong: "must look like"},
		"a namespace with a tab":    {namespace: "a\tb", wrong: "control characters"},
		"a namespace without UTF-8": {namespace: "\xff", wrong: "valid text"},
		"a registered claim":        {namespace: "sub", wrong: "the claim sub"},
		"a path into one":           {path: "$.aud.hasura", wrong: "the claim aud"},
		"a quoted path into one":    {path: "$['client_id']", wrong: "the claim client_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := issuer.NamespaceSegments(c.namespace, c.path)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("segments (-want +got):\n%s", diff)
			}
			wantSentence(t, err, c.wrong)
		})
	}
}

func wantSentence(t *testing.T, err error, part string) {
	t.Helper()
	if (err == nil) != (part == "") || err != nil && !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one with %q", err, part)
	}
}

func TestEveryRegisteredClaimIsKeptFree(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id"} {
		_, err := issuer.NamespaceSegments("", "$."+name)
		wantSentence(t, err, "the claim "+name)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	bad := issuer.Config{
		URL: "https://auth.example.com/", TTL: 90 * time.Minute, ClaimsNamespacePath: "$", StringifiedClaims: true, ArrayFormat: "xml", Remember: -1,
		SessionClaims: []issuer.SessionClaim{
			{Variable: "X-Hasura-Org", Claim: "a"},
			{Variable: "x-hasura-role", Claim: "a"},
			{Variable: "x-hasura-a"},
			{Variable: "x-hasura-b", Claim: "a"},
			{Variable: "x-hasura-b", Claim: "c"},
		},
	}
	w := newWorld(t)
	_, err := issuer.New(bad, w, w, w, w)
	for _, part := range []string{
		"end in a slash", "audience must be set", "from 1s to 1h", "cannot be $", "postgres or json", "-1 is not between", `"X-Hasura-Org" cannot`,
		`"x-hasura-role" cannot`, "x-hasura-a names no claim", "x-hasura-b is set from two claims",
	} {
		wantSentence(t, err, part)
	}
}

// TestAFaultTellsItsField: who reads settings from elsewhere can then name the one that is wrong.
func TestAFaultTellsItsField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*issuer.Config)
		field  string
	}{
		"a namespace":      {func(c *issuer.Config) { c.ClaimsNamespace, c.ClaimsNamespacePath = "sub", "" }, "ClaimsNamespace"},
		"a path":           {func(c *issuer.Config) { c.ClaimsNamespace, c.ClaimsNamespacePath = "", "$.aud" }, "ClaimsNamespacePath"},
		"text in the root": {func(c *issuer.Config) { c.ClaimsNamespace, c.ClaimsNamespacePath, c.StringifiedClaims = "", "$", true }, "StringifiedClaims"},
		"a URL":            {func(c *issuer.Config) { c.URL = "" }, "URL"},
		"an audience":      {func(c *issuer.Config) { c.Audience = "" }, "Audience"},
		"a lifetime":       {func(c *issuer.Config) { c.TTL = 0 }, "TTL"},
		"arrays":           {func(c *issuer.Config) { c.ArrayFormat = "xml" }, "ArrayFormat"},
		"a memory":         {func(c *issuer.Config) { c.Remember = 1_000_001 }, "Remember"},
		"session claims":   {func(c *issuer.Config) { c.SessionClaims = []issuer.SessionClaim{{Variable: "x-hasura-a"}} }, "SessionClaims"},
	} {
		config := newWorld(t).config
		if err := config.Validate(); err != nil {
			t.Fatalf("without a fault: %v", err)
		}
		c.change(&config)
		err := config.Validate()
		if fault, ok := errors.AsType[*issuer.ConfigError](err); !ok || fault.Field != c.field || !errors.Is(err, fault.Unwrap()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefusesLifetimesThatAreNoWholeSeconds(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{0, -time.Second, 1500 * time.Millisecond, time.Hour + time.Second} {
		w := newWorld(t)
		w.config.TTL = lifetime
		_, err := issuer.New(w.config, w, w, w, w)
		wantSentence(t, err, "from 1s to 1h")
	}
}

func TestNewNeedsAllItsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := issuer.New(w.config, nil, w, w, w)
	wantSentence(t, err, "are needed")
	_, err = issuer.New(w.config, w, w, nil, w)
	wantSentence(t, err, "are needed")
	_, err = issuer.New(w.config, w, w, w, nil)
	wantSentence(t, err, "are needed")
}

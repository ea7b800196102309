package hasura_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

func TestCasesOfTokensAndKeySets(t *testing.T) {
	t.Parallel()
	m := newMaterial()
	var verdicts int
	for _, c := range loadCases(t) {
		if _, listed := unmodelled()[c.ID]; listed || !strings.Contains("TRHJF", c.ID[:1]) || c.Given.Headers != nil {
			continue
		}
		for engine, e := range map[string]expectation{"v2": c.Expect.V2, "v3": c.Expect.V3} {
			variants := e.variants
			if variants == nil {
				variants = map[string]expectation{"": e}
			}
			for label, e := range variants {
				name := strings.TrimSpace(c.ID + " " + engine + " " + label)
				if _, listed := unmodelled()[name]; listed || e.Outcome == "n/a" {
					continue
				}
				verdicts++
				t.Run(name+" "+c.Title, func(t *testing.T) {
					t.Parallel()
					check(t, name, e, judge(t, m, c, engine, label))
				})
			}
		}
	}
	// 30 + 28 + 27 + 21 cases with F018 and F019 are 108, for two engines; 5 have no answer of v3, 6 have two of one engine.
	if want := 217; verdicts != want {
		t.Errorf("%d verdicts were asked for, want %d", verdicts, want)
	}
}

// judge sets the scene a case describes and asks one engine.
func judge(t *testing.T, m *material, c testCase, engine, label string) hasura.Verdict {
	t.Helper()
	keys := make([]map[string]any, 0, len(c.Given.JWKS))
	for _, description := range c.Given.JWKS {
		keys = append(keys, m.describe(t, description))
	}
	answer := hasura.JWKSAnswer{URL: "https://issuer.example/jwks", Status: c.Given.Status}
	switch {
	case c.ID == "J013", c.ID == "F019": // "empty keys array"; an engine that has not fetched yet
		keys = nil
	case c.ID == "J019" && engine == "v2": // v2 goes on with the keys it has
		answer.Status = 0
	case c.ID == "F018" && engine == "v3": // only v3 fetches the set that has the new key
		keys = append(keys, m.describe(t, "K2:RSA2048"))
	}
	answer.Body = jwksOf(t, keys...)
	if c.Given.Body != "" {
		answer.Body = []byte(c.Given.Body)
	}
	config, _ := c.Given.Config.(map[string]any)
	config = maps.Clone(config)
	config["jwk_url"] = answer.URL
	request := requestOf(t, m, c, config)
	if engine == "v3" {
		cfg, err := hasura.ParseV3Config(v3Document(t, config))
		if err != nil {
			t.Fatal(err)
		}
		cfg.AudienceOptional = config["audience"] == nil && label == "" || strings.HasPrefix(label, "optional_mode")
		return cfg.Judge(answer, request, now())
	}
	cfg, err := hasura.ParseV2Config(marshal(t, config))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Quirks = quirks(t, label)
	held, err := hasura.ReadV2JWKS(answer, cfg.Quirks)
	if err != nil {
		return hasura.Verdict{Unreadable: true, Message: err.Error()}
	}
	return cfg.Judge(held, request, now())
}

func quirks(t *testing.T, label string) hasura.Quirks {
	t.Helper()
	switch label {
	case "", "other", "newer", "newest (robust parser)":
		return 0
	case "v2.48.4":
		return hasura.QuirkUseRequired
	case "v2.48.1 and older":
		return hasura.QuirkUnknownUse
	case "older":
		return hasura.QuirkExactNumbers
	case "jose<0.10":
		return hasura.QuirkNoSecp256k1
	}
	t.Fatalf("no release is known as %q", label)
	return 0
}

// check holds a verdict against what the case expects.
func check(t *testing.T, name string, e expectation, got hasura.Verdict) {
	t.Helper()
	var status []int
	switch e.Outcome {
	case "accept":
		if !got.Accepted || e.Role != "" && got.Role != e.Role {
			t.Errorf("got %+v, want acceptance as %q", got, e.Role)
		}
		return
	case "reject":
		status = []int{e.Status}
	case "starts": // it does, and each request fails
		status = []int{http.StatusInternalServerError}
	case "startup_fatal", "startup_fatal_or_refresh_ignored", "jwks_unreadable":
		if !got.Unreadable {
			t.Errorf("got %+v, want an unreadable key set", got)
		}
	default:
		t.Fatalf("no such outcome: %q", e.Outcome)
	}
	switch want := e.HTTP.(type) {
	case float64:
		status = []int{int(want)}
	case []any:
		status = []int{int(want[0].(float64)), int(want[1].(float64))}
	}
	if len(status) > 0 && status[0] != 0 && !slices.Contains(status, got.HTTP) {
		t.Errorf("got HTTP %d, want %v (%s)", got.HTTP, status, got.Message)
	}
	if got.Accepted || e.Code != "" && got.Code != e.Code {
		t.Errorf("got %+v, want refusal with code %q", got, e.Code)
	}
	if !message(name, e.Message).MatchString(got.Message) {
		t.Errorf("got message %q, want %q", got.Message, e.Message)
	}
}

var gap = regexp.MustCompile(`\\\.\\\.\\\.|<[^>]*>`)

// message makes a pattern of an expected sentence: "..." and "<…>" stand for anything. Where a case gives an explanation
// in place of the sentence, the sentence is here.
func message(name, want string) *regexp.Regexp {
	switch name {
	case "H027 v3", "H030 v3":
		want = "Internal request error"
	}
	want = strings.TrimSuffix(want, " (JWKS decode)")
	return regexp.MustCompile(gap.ReplaceAllString(regexp.QuoteMeta(want), ".*"))
}

package playground_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestEachQuestionIsAnsweredByWhoKnows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path, body string
		stand              stand
		status             int
		says               string // a part of the answer
	}{
		"the world":                   {"GET", "world", "", stand{}, 200, `"issuer":"http://127.0.0.1:1"`},
		"a token":                     {"POST", "token", `{"persona":"editor"}`, stand{}, 200, `{"token":"token-of-editor"}`},
		"a broken one":                {"POST", "token", `{"persona":"editor","fault":"expired"}`, stand{}, 200, `{"token":"expired-token-of-editor"}`},
		"a token of nobody's":         {"POST", "token", `{"persona":"x"}`, stand{}, 400, `no such persona`},
		"broken as nothing breaks":    {"POST", "token", `{"persona":"editor","fault":"x"}`, stand{}, 400, `no such fault`},
		"an exchange":                 {"POST", "exchange", `{"token":"t","scope":["a","b"]}`, stand{}, 200, `"status":403,"body":{"reason":"no_roles","peer":"127.0.0.1:5555","origin":"","form":"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&scope=a+b&subject_token=t&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"},"cure":"a cure of no_roles for t","ahead_seconds":60`},
		"one without a ring":          {"POST", "exchange", `{"token":"t","scope":[]}`, stand{broke: errors.New("no ring")}, 500, `no ring`},
		"an explanation":              {"POST", "explain", `{"token":"t","scope":["a"],"role":"r"}`, stand{}, 200, `"finding":"t[a]r"`},
		"with its cure":               {"POST", "explain", `{"token":"t","scope":[],"role":""}`, stand{}, 200, `"cure":"a cure of no_roles for t"`},
		"one that fails":              {"POST", "explain", `{"token":"t"}`, stand{broke: errors.New("it broke")}, 500, `it broke`},
		"verdicts":                    {"POST", "verdicts", `{"token":"t","role":"r"}`, stand{}, 200, `"v2":{"accepted":false,"http":400,"code":"invalid-jwt"`},
		"verdicts without a key set":  {"POST", "verdicts", `{"token":"t"}`, stand{broke: errors.New("no keys")}, 500, `no keys`},
		"the keys":                    {"GET", "keys", "", stand{}, 200, `"generation":7`},
		"a rotation":                  {"POST", "rotate", `{}`, stand{}, 200, `"generation":7`},
		"one that comes early":        {"POST", "rotate", `{}`, stand{early: true}, 200, `"refused":"it is early","from":"2027-01-15T08:00:00Z"`},
		"and is forced":               {"POST", "rotate", `{"force":true}`, stand{early: true}, 200, `"generation":7`},
		"a rotation that fails":       {"POST", "rotate", `{}`, stand{broke: errors.New("it broke")}, 500, `it broke`},
		"an hour":                     {"POST", "pass", `{"seconds":3600}`, stand{}, 200, `"generation":7`},
		"no time at all":              {"POST", "pass", `{"seconds":0}`, stand{}, 400, `a week`},
		"too much time":               {"POST", "pass", `{"seconds":604801}`, stand{}, 400, `a week`},
		"a question nobody knows":     {"GET", "secrets", "", stand{}, 404, `no such route`},
		"by another method":           {"GET", "token", "", stand{}, 404, `no such route`},
		"what is no JSON":             {"POST", "token", `persona=editor`, stand{}, 400, `cannot be read`},
		"what nobody asked for":       {"POST", "token", `{"person":"editor"}`, stand{}, 400, `cannot be read`},
		"what is longer than a token": {"POST", "token", `{"persona":"` + strings.Repeat("x", 1<<18) + `"}`, stand{}, 400, `cannot be read`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := ask(open(t, test.stand), test.method, "/playground/api/"+test.path, test.body)
			got := text(t, response)
			if response.StatusCode != test.status || !strings.Contains(got, test.says) {
				t.Errorf("%s %s", response.Status, got)
			}
			if refused := strings.Contains(got, `"refused"`); refused != strings.Contains(test.says, `"refused"`) {
				t.Errorf("refused %t: %s", refused, got)
			}
			var any map[string]any
			if err := json.Unmarshal([]byte(got), &any); err != nil {
				t.Errorf("no JSON: %v", err)
			}
			for header, want := range map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": ""} {
				if response.Header.Get(header) != want {
					t.Errorf("%s: %q", header, response.Header.Get(header))
				}
			}
		})
	}
}

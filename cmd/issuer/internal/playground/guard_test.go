package playground_test

import (
	"strings"
	"testing"
)

func TestOnlyADeveloperAndThePageItselfAreAnswered(t *testing.T) {
	t.Parallel()
	h := open(t, stand{})
	const question = `{"persona":"editor"}`
	for name, test := range map[string]struct {
		method, path string
		status       int
		headers      []string
	}{
		"the page":                          {"POST", "/playground/api/token", 200, nil},
		"the page by localhost":             {"POST", "/playground/api/token", 200, []string{"Host", "localhost:8080", "Origin", "http://localhost:8080"}},
		"the page by IPv6":                  {"POST", "/playground/api/token", 200, []string{"Host", "[::1]:8080", "Origin", "http://[::1]:8080"}},
		"by a forwarded port":               {"POST", "/playground/api/token", 200, []string{"Host", "127.0.0.1:9", "Origin", "http://127.0.0.1:9"}},
		"curl":                              {"POST", "/playground/api/token", 200, []string{"Origin", "", "Sec-Fetch-Site", ""}},
		"a browser that says less":          {"POST", "/playground/api/token", 200, []string{"Sec-Fetch-Site", ""}},
		"a page elsewhere":                  {"POST", "/playground/api/token", 403, []string{"Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"}},
		"one in an older browser":           {"POST", "/playground/api/token", 403, []string{"Origin", "https://elsewhere.example", "Sec-Fetch-Site", ""}},
		"a page at another port":            {"POST", "/playground/api/rotate", 403, []string{"Origin", "http://127.0.0.1:3000", "Sec-Fetch-Site", "same-site"}},
		"a page without an origin":          {"POST", "/playground/api/rotate", 403, []string{"Origin", "null", "Sec-Fetch-Site", ""}},
		"a name that was made to lead here": {"POST", "/playground/api/token", 403, []string{"Host", "elsewhere.example:8080", "Origin", "http://elsewhere.example:8080"}},
		"such a name for the page":          {"GET", "/", 403, []string{"Host", "elsewhere.example"}},
		"a name that only begins right":     {"GET", "/", 403, []string{"Host", "localhost.elsewhere.example:8080"}},
		"another machine":                   {"GET", "/playground/api/world", 403, []string{"Host", "192.0.2.1:8080"}},
		"a link from elsewhere to the page": {"GET", "/", 200, []string{"Sec-Fetch-Site", "cross-site"}},
		"somebody's own address bar":        {"GET", "/playground/api/keys", 200, []string{"Sec-Fetch-Site", "none"}},
		"a page elsewhere that only reads":  {"GET", "/playground/api/keys", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		"one that loads a script":           {"GET", "/playground/main.js", 403, []string{"Sec-Fetch-Site", "same-site"}},
		"a form":                            {"POST", "/playground/api/token", 415, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		"a form that says it is plain text": {"POST", "/playground/api/token", 415, []string{"Content-Type", "text/plain; application/json"}},
		"what does not say what it is":      {"POST", "/playground/api/token", 415, []string{"Content-Type", ""}},
	} {
		response := ask(h, test.method, test.path, question, test.headers...)
		if got := text(t, response); response.StatusCode != test.status || test.status != 200 && strings.Contains(got, "token-of") {
			t.Errorf("%s: %s %s", name, response.Status, got)
		}
	}
}

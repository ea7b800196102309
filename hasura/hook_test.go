package hasura_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// hookCase is a case of group K. What engines send to a hook is in HookSees and HookBody, and the rest is a verdict.
type hookCase struct {
	ID, Title string
	Given     struct {
		Hook    json.RawMessage
		Mode    string `json:"hook_mode"`
		Request map[string]string
	}
	Expect struct{ V2, V3 hookExpectation }
}

type hookExpectation struct {
	Outcome, Role, Code, Message string
	HTTP                         int
	Status                       int                        `json:"qerr_status"`
	Expiry                       *float64                   `json:"websocket_expiry_s"`
	ClientGets                   *string                    `json:"client_gets"`
	Sees                         []string                   `json:"hook_sees"`
	SeesNot                      []string                   `json:"hook_does_not_see"`
	Body                         map[string]json.RawMessage `json:"hook_body"`
}

func loadHookCases(t *testing.T) []hookCase {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var cases []hookCase
	for _, raw := range doc.Cases {
		var id struct{ ID string }
		if err := json.Unmarshal(raw, &id); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(id.ID, "K") {
			continue
		}
		var c hookCase
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", id.ID, err)
		}
		cases = append(cases, c)
	}
	if len(cases) != 13 {
		t.Fatalf("%d cases of webhooks, want 13", len(cases))
	}
	return cases
}

// answerOf is the hook's answer that a case gives; one that is no object is no answer.
func answerOf(t *testing.T, c hookCase) hasura.HookAnswer {
	t.Helper()
	var given struct {
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
	if c.ID != "K013" { // "connection refused"
		if err := json.Unmarshal(c.Given.Hook, &given); err != nil {
			t.Fatal(err)
		}
	}
	header := http.Header{}
	for name, value := range given.Headers {
		header.Set(name, value)
	}
	return hasura.HookAnswer{Status: given.Status, Header: header, Body: given.Body}
}

func TestCasesOfWebhooks(t *testing.T) {
	t.Parallel()
	for _, c := range loadHookCases(t) {
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			t.Parallel()
			if c.Given.Mode != "" {
				checkForwarding(t, c)
				return
			}
			answer := answerOf(t, c)
			checkHook(t, "v2", c.Expect.V2, hasura.V2Hook(answer))
			checkHook(t, "v3", c.Expect.V3, hasura.V3Hook(answer, c.Given.Request["X-Hasura-Role"]))
		})
	}
}

func checkHook(t *testing.T, engine string, want hookExpectation, got hasura.HookVerdict) {
	t.Helper()
	if got.Accepted != (want.Outcome == "accept") || want.Role != "" && got.Role != want.Role {
		t.Errorf("%s: accepted %v as %q, want %s as %q: %s", engine, got.Accepted, got.Role, want.Outcome, want.Role, got.Message)
	}
	begins, _, _ := strings.Cut(want.Message, "...")
	if !strings.Contains(got.Message, begins) || want.Code != "" && got.Code != want.Code {
		t.Errorf("%s: %s %q, want %s %q", engine, got.Code, got.Message, want.Code, want.Message)
	}
	for _, status := range []int{want.HTTP, want.Status} {
		if status != 0 && got.HTTP != status {
			t.Errorf("%s: status %d, want %d", engine, got.HTTP, status)
		}
	}
	var expiry time.Duration
	if want.Expiry != nil {
		expiry = time.Duration(*want.Expiry) * time.Second
	}
	if got.MaxAge != expiry || got.Expires != (expiry > 0) {
		t.Errorf("%s: a socket lives for %v (%v), want %v", engine, got.MaxAge, got.Expires, expiry)
	}
	var cookies []string
	if want.ClientGets != nil {
		cookies = []string{strings.TrimPrefix(*want.ClientGets, "Set-Cookie: ")}
	}
	if !slices.Equal(got.SetCookie, cookies) {
		t.Errorf("%s: the client gets %q, want %q", engine, got.SetCookie, cookies)
	}
}

// checkForwarding holds what engines send to a hook against a case.
func checkForwarding(t *testing.T, c hookCase) {
	t.Helper()
	client := http.Header{"Authorization": {"Bearer t"}, "User-Agent": {"x"}}
	for name, value := range c.Given.Request {
		client.Set(name, value)
	}
	for engine, sent := range map[string]hasura.HookRequest{
		"v2": hasura.V2HookRequest(c.Given.Mode, client, []byte(`{"operationName":"q","query":"{a}","variables":{}}`)),
		"v3": hasura.V3HookRequest(c.Given.Mode, client),
	} {
		want := map[string]hookExpectation{"v2": c.Expect.V2, "v3": c.Expect.V3}[engine]
		if sent.Method != c.Given.Mode {
			t.Errorf("%s asks by %s", engine, sent.Method)
		}
		tracing := []string{"traceparent", "x-b3-*"} // the engine's own, which are left out here
		for _, name := range want.Sees {
			if sent.Header[name] == nil && !slices.Contains(tracing, name) {
				t.Errorf("%s does not send %s: %v", engine, name, sent.Header)
			}
		}
		for _, name := range want.SeesNot {
			if len(sent.Header.Values(name)) > 0 || sent.Header[name] != nil {
				t.Errorf("%s sends %s", engine, name)
			}
		}
		if want.Body != nil {
			checkBody(t, engine, want.Body, sent.Body)
		}
	}
}

func checkBody(t *testing.T, engine string, want map[string]json.RawMessage, body []byte) {
	t.Helper()
	var got map[string]map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", engine, err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("%s sends (-want +got):\n%s", engine, diff)
	}
	name := "Authorization"
	if strings.Contains(string(want["headers"]), "lower-case") {
		name = "authorization"
	}
	if got["headers"][name] != "Bearer t" {
		t.Errorf("%s sends the headers %v", engine, got["headers"])
	}
	if request := got["request"]; engine == "v2" && (request["query"] != "{a}" || request["operationName"] != "q") {
		t.Errorf("%s sends the request %v", engine, request)
	}
}

// TestWhatV2SendsOfAQuery: nothing where it is told so, and null where it is no JSON.
func TestWhatV2SendsOfAQuery(t *testing.T) {
	t.Parallel()
	client := http.Header{"A": {"first", "last"}}
	for query, want := range map[string]string{
		"": `{"headers":{"A":"last"}}`, "{": `{"headers":{"A":"last"},"request":null}`, `{"query":1}`: `{"headers":{"A":"last"},"request":{"query":1}}`,
	} {
		graphql := []byte(query)
		if query == "" {
			graphql = nil
		}
		if got := string(hasura.V2HookRequest(http.MethodPost, client, graphql).Body); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

func TestAnAnswerThatIsNoSession(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"no JSON": "{", "a list": "[]", "nothing": "", "an empty role": `{"x-hasura-role":""}`, "a role that is a list": `{"x-hasura-role":[]}`} {
		answer := hasura.HookAnswer{Status: http.StatusOK, Body: []byte(body)}
		if hasura.V2Hook(answer).Accepted || name != "an empty role" && hasura.V3Hook(answer, "").Accepted {
			t.Errorf("%s is accepted", name)
		}
	}
}

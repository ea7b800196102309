package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// FuzzHookBody: what is accepted of a body is what any reader of JSON finds in it.
func FuzzHookBody(f *testing.F) {
	for _, seed := range []string{
		`{"headers":{"Authorization":"Bearer a.b.c","X-Hasura-Role":"editor"},"request":{"query":"{a}"}}`,
		`{"request":null,"headers":{"authorization":"\u0042earer x"}}`, `{"headers":{}}`, `{"headers":{"A":1}}`, `{"Headers":{}}`,
		`{"headers":{"authorization":"a","Authorization":"b"}}`, `{"headers":{"x-haſura-role":"a"}} `, `{"headers":{}}{}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		authorization, role, err := api.HeadersIn(body)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		var headers map[string]string
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatalf("accepted, and no JSON object: %v", err)
		}
		if err := json.Unmarshal(members["headers"], &headers); err != nil {
			t.Fatalf("accepted, and the headers are no object of texts: %v", err)
		}
		var want [2][]string
		for name, value := range headers {
			switch strings.ToLower(name) {
			case "authorization":
				want[0] = append(want[0], value)
			case "x-hasura-role":
				want[1] = append(want[1], value)
			}
		}
		for i, got := range [][]string{authorization, role} {
			slices.Sort(got)
			slices.Sort(want[i])
			if !slices.Equal(got, want[i]) {
				t.Errorf("read %q, want %q", got, want[i])
			}
		}
	})
}

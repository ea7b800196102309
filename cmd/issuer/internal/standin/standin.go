// Package standin answers: what would the demo's Hasura say to a query? It stands in for a v2 engine where none runs, in
// `issuer dev`: tokens are judged by package hasura, by the key set that is published, and the roles see the rows and columns
// that deploy/hasura/v2/metadata gives them of the one table orders. It is no engine: it knows no other table, no mutation and
// no argument but order_by: {id: asc}. It does not know how tokens are made.
package standin

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// Path is where it takes queries, which is where Hasura v2 does.
const Path = "/v1/graphql"

// maxBody is more than any query that it can answer.
const maxBody = 64 << 10

// Hasura is the stand-in. It may be used concurrently.
type Hasura struct {
	Config hasura.V2Config        // what the engine is told of the issuer
	JWKS   func() ([]byte, error) // the key set as an engine would fetch it now
	Now    func() time.Time
}

// Before answers POST /v1/graphql, and leaves all other requests to next as they are.
func (h *Hasura) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.EscapedPath() == Path {
			h.serve(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fault is a refusal as v2 words it.
type fault struct{ code, message, path string }

// serve answers with 200 whatever comes of it, as /v1/graphql of v2 does.
func (h *Hasura) serve(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{}
	data, refused := h.answer(w, r)
	if refused != nil {
		answer["errors"] = []any{map[string]any{"message": refused.message, "extensions": map[string]string{"path": refused.path, "code": refused.code}}}
	} else {
		answer["data"] = data
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.MarshalWrite(w, answer, json.Deterministic(true))
}

// answer judges who asks before it looks at what they ask for.
func (h *Hasura) answer(w http.ResponseWriter, r *http.Request) (map[string]any, *fault) {
	published, err := h.JWKS()
	if err != nil {
		return nil, &fault{"unexpected", "the key set cannot be had", "$"}
	}
	keys, err := hasura.ReadV2JWKS(hasura.JWKSAnswer{URL: h.Config.JWKURL, Body: published}, h.Config.Quirks)
	if err != nil {
		return nil, &fault{"unexpected", err.Error(), "$"}
	}
	verdict := h.Config.Judge(keys, r.Header, h.Now())
	if !verdict.Accepted {
		return nil, &fault{verdict.Code, verdict.Message, "$"}
	}
	var request struct {
		Query     string `json:"query"`
		Operation string `json:"operationName"`
	}
	if json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxBody), &request) != nil {
		return nil, &fault{"parse-failed", "the body must be JSON with the key 'query', of at most 64 KiB", "$"}
	}
	return run(request.Query, request.Operation, viewer{verdict.Role, verdict.Session})
}

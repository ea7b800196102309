package hasuratest

import "net/http"

func (e *Engine) routesV3() {
	e.routes.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { page(w, "GraphiQL") })
	e.routes.HandleFunc("POST /graphql", e.graphqlV3)
	e.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
}

// graphqlV3 answers a caller whom it refuses with the status that says so, and all others with 200.
func (e *Engine) graphqlV3(w http.ResponseWriter, r *http.Request) {
	if !e.options.NoAuth {
		jwks, _ := e.fetch(e.v3.JWKURL) // for every request anew
		if verdict := e.v3.Judge(jwks, r.Header, e.now()); !verdict.Accepted {
			failedV3(w, verdict.HTTP, verdict.Message)
			return
		}
	}
	query, ok := e.query(r)
	if !ok {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	answered(w, query, "Query")
}

func failedV3(w http.ResponseWriter, status int, message string) {
	write(w, status, map[string]any{"data": nil, "errors": []any{map[string]any{"message": message}}})
}

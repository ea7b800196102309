package adminapi

import "github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"

// Statuses returns the status of every reason.
func Statuses() map[string]int {
	all := map[string]int{}
	for reason, p := range wire.Problems() {
		all[string(reason)] = p.Status
	}
	return all
}

// Routes returns the methods of every route, without HEAD.
func (a *API) Routes() map[string][]string {
	all := map[string][]string{}
	for path, methods := range a.routes {
		for method := range methods {
			all[path] = append(all[path], method)
		}
	}
	return all
}

// Document is what openapi.json answers.
var Document = document

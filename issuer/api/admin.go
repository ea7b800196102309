package api

import (
	"net/http"

	"github.com/rs/zerolog"
)

const pathOperations = "/admin/v1/"

// Operations answers the operators' routes below /admin/v1/, which another room knows. It is called concurrently.
type Operations interface {
	// Answer answers a request, or returns an error before it has written anything. What it learns goes into the account.
	Answer(w http.ResponseWriter, r *http.Request, account *Account) error
	// Refuse writes the answer to an error: one of Answer, or a panic in it. It returns the reason, for the log.
	Refuse(w http.ResponseWriter, err error) (reason string)
}

// Account is what the log line of an operator's request says beside what all of them say.
type Account struct {
	Address                            string // the other end of the connection, without the port; filled in already
	Route                              string // as it is written in a table of routes, never the path that was asked for
	Actor                              string // who, as the history calls them; empty while that is not known
	TenantID, ObjectID, Kind, ClientID string // the same by an Entra token
}

// AdminHandler returns the routes for operators, which are no business of the world's: /metrics, answered by metrics, and
// those of operations, nil for none.
func (a *API) AdminHandler(metrics http.Handler, operations Operations) http.Handler {
	scrape := func(w http.ResponseWriter, r *http.Request, _ *entry) error {
		metrics.ServeHTTP(w, r)
		return nil
	}
	routes := []route{{path: "/metrics", level: zerolog.DebugLevel, cors: noOrigin, methods: []method{
		{http.MethodGet, scrape}, {http.MethodHead, scrape},
	}}}
	if operations != nil {
		routes = append(routes, route{
			path: pathOperations, below: true, level: zerolog.InfoLevel, cors: noOrigin, refuse: operations.Refuse,
			all: func(w http.ResponseWriter, r *http.Request, e *entry) error {
				e.account.Address = text(e.origin.peer) // what stands in the history nobody may make up
				return operations.Answer(w, r, &e.account)
			},
		})
	}
	return a.router(routes, noOrigin)
}

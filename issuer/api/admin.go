package api

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Operations answers routes of operators, which another room knows. It is called concurrently.
type Operations interface {
	// Answer answers a request, or returns an error before it has written anything. What it learns goes into the account.
	Answer(w http.ResponseWriter, r *http.Request, account *Account) error
	// Refuse writes the answer to an error: one of Answer, or a panic in it. It returns the reason, for the log.
	Refuse(w http.ResponseWriter, err error) (reason string)
}

// Patient are operations that may take longer than requests do otherwise.
type Patient interface {
	AtMost() time.Duration
}

// Account is what the log line of an operator's request says beside what all of them say.
type Account struct {
	Address                            string // the other end of the connection, without the port; filled in already
	Route                              string // as it is written in a table of routes, never the path that was asked for
	Actor                              string // who, as the history calls them; empty while that is not known
	TenantID, ObjectID, Kind, ClientID string // the same by an Entra token
}

// AdminHandler returns the routes for operators, which are no business of the world's: /metrics, answered by metrics, the
// health routes, and the operations below each of the paths, which end in a slash.
func (a *API) AdminHandler(metrics http.Handler, operations map[string]Operations) http.Handler {
	scrape := func(w http.ResponseWriter, r *http.Request, _ *entry) error {
		metrics.ServeHTTP(w, r)
		return nil
	}
	routes := append(a.healthRoutes(), route{path: "/metrics", level: zerolog.DebugLevel, cors: noOrigin, untraced: true, methods: []method{
		{http.MethodGet, scrape}, {http.MethodHead, scrape},
	}})
	if a.config.Chooser != nil {
		routes = append(routes, a.authenticateRoute())
	}
	for path, answers := range operations {
		var timeout time.Duration
		if patient, is := answers.(Patient); is {
			timeout = patient.AtMost()
		}
		routes = append(routes, route{
			path: path, below: true, level: zerolog.InfoLevel, cors: noOrigin, refuse: answers.Refuse, timeout: timeout,
			all: func(w http.ResponseWriter, r *http.Request, e *entry) error {
				e.account.Address = text(e.origin.peer) // what stands in the history nobody may make up
				return answers.Answer(w, r, &e.account)
			},
		})
	}
	return a.router(routes, noOrigin)
}

package adminapi

import (
	_ "embed"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

// history answers who changed what, the newest first.
func (a *API) history(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	q, err := historyQuery(r)
	if err != nil {
		return err
	}
	if a.config.InFile != "" {
		return wire.Refuse(wire.ReasonNotHere, "no history of roles is kept here: "+a.config.InFile)
	}
	page, err := a.config.History(r.Context(), q)
	if errors.Is(err, history.ErrNoHistory) {
		return wire.Refuse(wire.ReasonNotHere, err.Error())
	}
	if err != nil {
		return storeError(err)
	}
	body := map[string]any{"records": append([]history.Record{}, page.Records...)}
	if page.Before > 0 {
		body["next"] = wire.NextPage(r, "before", strconv.FormatInt(page.Before, 10))
	}
	return wire.Answer(w, http.StatusOK, body)
}

func historyQuery(r *http.Request) (q history.Query, err error) {
	p, err := wire.ParametersOf(r, append([]string{"since", "before", "limit"}, filterNames...)...)
	if err != nil {
		return q, err
	}
	limit, err := p.Number("limit", defaultLimit, 1, 1000)
	if err != nil {
		return q, err
	}
	if q.Before, err = p.Number("before", 0, 1, 1<<62); err != nil {
		return q, err
	}
	if q.Filter, err = filterOf(p); err != nil {
		return q, err
	}
	q.Limit = int(limit)
	if since, given := p["since"]; given {
		if q.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return q, wire.Refuse(wire.ReasonRequestMalformed, "since wants a time such as 2026-12-31T18:00:00Z")
		}
	}
	return q, nil
}

// document describes every route, request and answer (OpenAPI 3.1). The tests hold it against what is answered.
//
//go:embed openapi.json
var document []byte

// describe answers the document.
func describe(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	wire.Write(w, http.StatusOK, "application/json", document)
	return nil
}

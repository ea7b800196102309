package compat

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/compat/rootfields"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// Owners tell which root fields roles own, as rolemap.Catalog does. It is called concurrently.
type Owners interface {
	Owner(roles, fields []string) (string, error)
}

// Chooser is an api.Chooser on who owns what.
type Chooser struct{ Owners Owners }

// retryOwners is how long it takes until a database that is back was looked at again.
const retryOwners = 5 * time.Second

// Choose is api.Chooser's. Where the engine cannot say what will be asked for (a websocket is opened, and all its queries
// go by one role), that is the first of the roles, as it is for a query that every role may make.
func (c Chooser) Choose(_ context.Context, roles []string, request []byte) (string, error) {
	fields, err := fieldsOf(request)
	if wrong, ok := errors.AsType[*rootfields.Error](err); ok {
		return "", &api.QueryError{Text: wrong.Error()}
	}
	if err != nil {
		return "", err
	}
	role, err := c.Owners.Owner(roles, fields)
	if err != nil {
		return "", &issuer.Error{Reason: issuer.ReasonRolesUnavailable, RetryAfter: retryOwners, Err: err}
	}
	return role, nil
}

// query is what an engine sends along of a request.
type query struct {
	Query         *string `json:"query"`
	OperationName *string `json:"operationName"`
}

// maxBatch is more than engines send.
const maxBatch = 100

var errNoQuery = &api.QueryError{Text: "request is neither null nor an object with a query, nor a list of such objects"}

// fieldsOf returns the root fields of all queries in a request.
func fieldsOf(request []byte) ([]string, error) {
	var batch []query
	switch jsontext.NewDecoder(bytes.NewReader(request)).PeekKind() { //nolint:exhaustive // everything else is read as a list, or refused
	case 'n':
		return nil, nil
	case '{':
		batch = make([]query, 1)
		if err := json.Unmarshal(request, &batch[0]); err != nil {
			return nil, errNoQuery
		}
	default:
		if err := json.Unmarshal(request, &batch); err != nil || len(batch) == 0 || len(batch) > maxBatch {
			return nil, errNoQuery
		}
	}
	queries := make([]rootfields.Query, 0, len(batch))
	for _, one := range batch {
		if one.Query == nil {
			return nil, errNoQuery
		}
		query := rootfields.Query{Text: *one.Query}
		if one.OperationName != nil {
			query.Operation = *one.OperationName
		}
		queries = append(queries, query)
	}
	return rootfields.Of(queries...)
}

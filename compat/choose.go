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
type Chooser struct {
	Owners Owners
	Places chan struct{} // has room for as many as are looked at at once, which takes many times a query's size; nil: for all
}

// retryOwners is how long it takes until a database that is back was looked at again.
const retryOwners = 5 * time.Second

// Choose is api.Chooser's. Where the engine cannot say what will be asked for (a websocket is opened, and all its queries
// go by one role), that is the first of the roles, as it is for a query that every role may make.
func (c Chooser) Choose(ctx context.Context, roles []string, request []byte) (string, error) {
	fields, err := c.fieldsOf(ctx, request)
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

// fieldsOf returns the root fields of a request, once it is its turn.
func (c Chooser) fieldsOf(ctx context.Context, request []byte) ([]string, error) {
	if c.Places != nil {
		select {
		case c.Places <- struct{}{}:
			defer func() { <-c.Places }()
		case <-ctx.Done():
			return nil, &issuer.Error{Reason: issuer.ReasonRateLimited, RetryAfter: time.Second, Err: errors.New("too many queries are looked at already")}
		}
	}
	return fieldsOf(request)
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
	batch, err := batchIn(request)
	if err != nil || batch == nil {
		return nil, err
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

// batchIn returns the queries in a request; nil for null. A list is read no further than it may be long: its elements take
// many times the memory here that they take in the request.
func batchIn(request []byte) ([]query, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(request))
	var one query
	switch d.PeekKind() { //nolint:exhaustive // everything else is refused
	case 'n':
		return nil, nil
	case '{':
		if err := json.UnmarshalDecode(d, &one); err != nil {
			return nil, errNoQuery
		}
		return []query{one}, nil
	case '[':
	default:
		return nil, errNoQuery
	}
	_, _ = d.ReadToken()
	var batch []query
	for d.PeekKind() != ']' {
		one = query{}
		if len(batch) == maxBatch || json.UnmarshalDecode(d, &one) != nil {
			return nil, errNoQuery
		}
		batch = append(batch, one)
	}
	if len(batch) == 0 {
		return nil, errNoQuery
	}
	return batch, nil
}

package graph

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

const (
	namesAtOnce = 15   // that one filter takes
	namesLength = 1500 // bytes of names in one address, as they are written there
)

// UsersByName finds users by their user principal names, which no two users of a tenant share at any time. It returns object
// ids, lower-case GUIDs, by the names in lower case; who is not found is not in it. The error is an *UnavailableError, and
// then nothing is known of anybody.
func (c *Client) UsersByName(ctx context.Context, tenantID string, names []string) (map[string]string, error) {
	found, err := c.byName(ctx, tenantID, question{"users", "userPrincipalName", strings.EqualFold}, names)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for name, some := range found {
		if len(some) > 1 {
			return nil, wire.Misread(who, "two users have one user principal name")
		}
		ids[strings.ToLower(name)] = some[0]
	}
	return ids, nil
}

// GroupsByName finds groups by their display names, which several may share. It returns their object ids, lower-case GUIDs,
// by the names; letter case makes another name. The error is as that of UsersByName.
func (c *Client) GroupsByName(ctx context.Context, tenantID string, names []string) (map[string][]string, error) {
	return c.byName(ctx, tenantID, question{"groups", "displayName", func(a, b string) bool { return a == b }}, names)
}

// question is which kind of object is looked for, and by what.
type question struct {
	kind, property string
	same           func(a, b string) bool // Graph itself ignores letter case
}

// byName asks for some names at once, and for several such lots at a time. Of what comes back only that counts which was
// asked for.
func (c *Client) byName(ctx context.Context, tenantID string, q question, names []string) (map[string][]string, error) {
	id, ok := wire.GUID(tenantID)
	if !ok {
		return nil, &UnavailableError{Err: errors.New("the tenant id is not a GUID")}
	}
	c.mu.Lock()
	r := &reading{client: c, tenant: c.tenant(id.String()), flight: newFlight(c.now())}
	c.mu.Unlock()
	var mu sync.Mutex
	found := map[string][]string{}
	questions, ctx := errgroup.WithContext(ctx)
	questions.SetLimit(questionsAtOnce)
	for some := range lots(names) {
		questions.Go(func() error {
			objects, problem := r.named(ctx, q, some)
			if problem != nil {
				return problem
			}
			mu.Lock()
			defer mu.Unlock()
			for _, one := range objects {
				if slices.ContainsFunc(some, func(name string) bool { return q.same(name, one.name) }) {
					found[one.name] = append(found[one.name], one.id.String())
				}
			}
			return nil
		})
	}
	if err := questions.Wait(); err != nil {
		return nil, err
	}
	return found, nil
}

// lots parts names so that each part fits into one question.
func lots(names []string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		var lot []string
		length := 0
		for _, name := range names {
			size := len(quoted(name))
			if len(lot) > 0 && (len(lot) == namesAtOnce || length+size > namesLength) {
				if !yield(lot) {
					return
				}
				lot, length = nil, 0
			}
			lot, length = append(lot, name), length+size
		}
		if len(lot) > 0 {
			yield(lot)
		}
	}
}

// quoted writes a text as a literal of OData (a quote in it is doubled) within a query.
func quoted(name string) string {
	return url.QueryEscape("'" + strings.ReplaceAll(name, "'", "''") + "'")
}

// named asks one question. There can be more pages than one only where a name is shared by hundreds, which is as good as
// unknown: then none of the answer is.
func (r *reading) named(ctx context.Context, q question, names []string) ([]named, *UnavailableError) {
	literals := make([]string, len(names))
	for i, name := range names {
		literals[i] = quoted(name)
	}
	address := r.client.graph.String() + "/v1.0/" + q.kind + "?$select=id," + q.property + "&$top=999&$filter=" +
		q.property + "+in+(" + strings.Join(literals, ",") + ")"
	body, problem := r.ask(ctx, http.MethodGet, address, nil)
	if problem != nil {
		return nil, problem
	}
	objects, err := readNamed(body, q.property)
	if err != nil {
		return nil, wire.Misread(who, err.Error())
	}
	return objects, nil
}

// named is an object with the name that it was found by.
type named struct {
	id   uuid.UUID
	name string
}

// readNamed takes an answer whole or not at all, and only one that is whole.
func readNamed(doc []byte, property string) ([]named, error) {
	var objects []named
	answer, err := readPage(doc, func(value jsontext.Value) (uuid.UUID, bool, error) {
		var id, name string
		err := strict.Object(value, func(member string, value jsontext.Value) error {
			switch member {
			case "id":
				id, _ = strict.Text(value)
			case property:
				name, _ = strict.Text(value)
			}
			return nil
		})
		guid, ok := wire.GUID(id)
		if err != nil || !ok || name == "" {
			return uuid.UUID{}, false, errNotGraph
		}
		objects = append(objects, named{guid, name})
		return guid, false, nil
	})
	if err != nil || answer.next != "" {
		return nil, errNotGraph
	}
	return objects, nil
}

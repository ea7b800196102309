package graph

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/recall"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

func compareGUIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// sorted brings ids into the one order and drops repetitions. Lower-case texts sort the same way.
func sorted(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, compareGUIDs)
	return slices.Compact(ids)
}

// query is one question, checked.
type query struct {
	tenant, object string // lower-case GUIDs: they become parts of addresses
	app            bool
	whole          bool        // all groups matter
	among          []uuid.UUID // else these: sorted, each once
	key            recall.Key
}

func newQuery(graph string, caller Caller, among []string) (query, *UnavailableError) {
	tenant, tenantOK := wire.GUID(caller.TenantID)
	object, objectOK := wire.GUID(caller.ObjectID)
	if !tenantOK || !objectOK {
		return query{}, &UnavailableError{Err: errors.New("the caller's tenant id or object id is not a GUID")}
	}
	q := query{tenant: tenant.String(), object: object.String(), app: caller.App, whole: among == nil}
	for _, text := range among {
		if id, ok := wire.GUID(text); ok {
			q.among = append(q.among, id)
		}
	}
	q.among = sorted(q.among)
	q.key = q.hash(graph)
	return q, nil
}

// hash has the groups that matter in it: a grant that names another group makes another question, so that it is not
// answered from before it.
func (q query) hash(graph string) recall.Key {
	h := sha256.New()
	kind := "user"
	if q.app {
		kind = "app"
	}
	for _, part := range []string{"hasura-issuer groups 1", graph, q.tenant, kind, q.object} {
		h.Write([]byte(part + "\n"))
	}
	if q.whole {
		h.Write([]byte("whole"))
	}
	for _, id := range q.among {
		h.Write(id[:])
	}
	return recall.Key(h.Sum(nil))
}

func (q query) asksNothing() bool { return !q.whole && len(q.among) == 0 }

// keep sorts ids and keeps those that matter.
func (q query) keep(ids []uuid.UUID) []uuid.UUID {
	ids = sorted(ids)
	if q.whole {
		return ids
	}
	return slices.DeleteFunc(ids, func(id uuid.UUID) bool { return !q.asks(id) })
}

func (q query) asks(id uuid.UUID) bool {
	_, found := slices.BinarySearchFunc(q.among, id, compareGUIDs)
	return found
}

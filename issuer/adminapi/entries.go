package adminapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// entries are one of the two lists, grants or blocks, with what differs between them.
type entries[T json.Marshaler] struct {
	name      string // the member that holds them
	filters   []string
	fixed     string // why they cannot be changed here; empty: they can
	elsewhere string // why they are not even here; empty: they are
	editor    Editor
	now       func() time.Time
	page      func(context.Context, rolestore.PageQuery) (rolestore.Page[T], error)
	read      func(http.ResponseWriter, *http.Request, rolestore.Filter) (T, error)
	bare      func(id rolestore.Filter) T // an entry that says nothing
	document  func(...T) rolestore.Document
	changes   func(rolestore.Diff) rolestore.Changes[T]
}

func (a *API) grants() entries[rolestore.Grant] {
	return entries[rolestore.Grant]{
		name: "grants", filters: filterNames, fixed: a.config.InFile, elsewhere: a.config.GrantsElsewhere,
		editor: a.config.Editor, now: a.config.Now, page: a.config.Roles.GrantPage, read: readGrant,
		bare: func(id rolestore.Filter) rolestore.Grant {
			return rolestore.Grant{Tenant: id.Tenant, Principal: id.Principal, Role: id.Role}
		},
		document: func(list ...rolestore.Grant) rolestore.Document { return rolestore.Document{Grants: list} },
		changes:  func(d rolestore.Diff) rolestore.Changes[rolestore.Grant] { return d.Grants },
	}
}

func (a *API) blocks() entries[rolestore.Block] {
	return entries[rolestore.Block]{
		name: "blocks", filters: []string{"tenant", "user", "app"}, fixed: a.config.InFile,
		editor: a.config.Editor, now: a.config.Now, page: a.config.Roles.BlockPage, read: readBlock,
		bare: func(id rolestore.Filter) rolestore.Block {
			return rolestore.Block{Tenant: id.Tenant, Principal: id.Principal}
		},
		document: func(list ...rolestore.Block) rolestore.Document { return rolestore.Document{Blocks: list} },
		changes:  func(d rolestore.Diff) rolestore.Changes[rolestore.Block] { return d.Blocks },
	}
}

// list answers a page. It may be short, or empty, and still name a next one.
func (l entries[T]) list(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	q, err := l.query(r)
	if err != nil {
		return err
	}
	page, err := l.page(r.Context(), q)
	if err != nil {
		return listError(err)
	}
	body := map[string]any{l.name: append([]T{}, page.Entries...)}
	if page.Next != (rolestore.Place{}) {
		body["next"] = wire.NextPage(r, "cursor", cursorOf(page.Next))
	}
	return wire.Answer(w, http.StatusOK, body)
}

func (l entries[T]) query(r *http.Request) (q rolestore.PageQuery, err error) {
	p, err := l.parameters(r, append([]string{"expired", "limit", "cursor"}, l.filters...)...)
	if err != nil {
		return q, err
	}
	limit, err := p.Number("limit", defaultLimit, 1, rolestore.MaxPage)
	if err != nil {
		return q, err
	}
	if q.Filter, err = filterOf(p); err != nil {
		return q, err
	}
	expired, err := p.Flag("expired")
	if err != nil {
		return q, err
	}
	if expired {
		q.Over = l.now()
	}
	q.Limit = int(limit)
	if cursor, given := p["cursor"]; given {
		q.After, err = placeOf(cursor)
	}
	return q, err
}

// parameters reads the query, unless there is nothing here to ask about.
func (l entries[T]) parameters(r *http.Request, known ...string) (wire.Parameters, error) {
	if l.elsewhere != "" {
		return nil, wire.Refuse(wire.ReasonNotHere, l.elsewhere)
	}
	return wire.ParametersOf(r, known...)
}

// listError is storeError where what is refused is the question.
func listError(err error) error {
	if errors.Is(err, rolestore.ErrRefused) {
		return wire.Refuse(wire.ReasonRequestMalformed, err.Error())
	}
	return storeError(err)
}

// get answers one entry with its entity tag.
func (l entries[T]) get(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	_, id, want, err := l.wanted(r)
	if err != nil {
		return err
	}
	page, err := l.page(r.Context(), rolestore.PageQuery{Filter: id, Limit: 1})
	if err != nil {
		return listError(err)
	}
	if len(page.Entries) == 0 {
		if !want.Hold("") {
			return wire.Refuse(wire.ReasonPreconditionFailed, "")
		}
		return wire.Refuse(wire.ReasonNotFound, "")
	}
	return l.show(w, http.StatusOK, page.Entries[0], want)
}

// show answers an entry, or that it still is as the client has it.
func (l entries[T]) show(w http.ResponseWriter, status int, one T, want wire.Conditions) error {
	tag, err := wire.TagOf(one)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	switch {
	case want.Excludes(tag):
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotModified)
		return nil
	case !want.Hold(tag):
		return wire.Refuse(wire.ReasonPreconditionFailed, "")
	}
	return wire.Answer(w, status, one)
}

// wanted reads what every request about one entry says.
func (l entries[T]) wanted(r *http.Request, known ...string) (p wire.Parameters, id rolestore.Filter, want wire.Conditions, err error) {
	if p, err = l.parameters(r, known...); err != nil {
		return nil, id, want, err
	}
	if id, err = identityOf(r); err != nil {
		return nil, id, want, err
	}
	want, err = wire.ConditionsOf(r)
	return p, id, want, err
}

// toChange reads what every request says that may take something away.
func (l entries[T]) toChange(r *http.Request) (id rolestore.Filter, want wire.Conditions, confirmed bool, err error) {
	p, id, want, err := l.wanted(r, "confirm-removal")
	if err != nil {
		return id, want, false, err
	}
	confirmed, err = p.Flag("confirm-removal")
	return id, want, confirmed, err
}

// put makes one entry be there just like this, whatever is there.
func (l entries[T]) put(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	id, want, confirmed, err := l.toChange(r)
	if err != nil {
		return err
	}
	one, err := l.read(w, r, id)
	if err != nil {
		return err
	}
	before, err := l.change(r.Context(), change[T]{
		edit: rolestore.Edit{Put: l.document(one)}, wanted: &one, want: want, confirmed: confirmed, by: account.Actor,
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if before == nil {
		status = http.StatusCreated
	}
	return l.show(w, status, one, wire.Conditions{})
}

// remove takes one entry away.
func (l entries[T]) remove(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	id, want, confirmed, err := l.toChange(r)
	if err != nil {
		return err
	}
	before, err := l.change(r.Context(), change[T]{
		edit: rolestore.Edit{Remove: l.document(l.bare(id))}, want: want, confirmed: confirmed, by: account.Actor,
	})
	if err != nil {
		return err
	}
	if before == nil {
		return wire.Refuse(wire.ReasonNotFound, "")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

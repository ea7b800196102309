package rolemap

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// List is everybody whom a provisioner lists for a role, of one kind.
type List struct {
	Tenant  string // GUID
	Role    string
	Kind    rolestore.PrincipalKind // user or group
	Holders []Holder
	Among   Among
	// Expected is the list as it was when somebody agreed to the change, sorted by
	// name: if it is another by now, the change is rolestore.ErrChangedMeanwhile.
	// Nil: whatever it is.
	Expected []Holder
}

// PutHolders makes the list what it says. Who is listed is granted the role, and
// a grant that is there already stays as it is; who was listed and no longer is
// loses the grant. Grants to those whom no list has ever named are not touched.
// Somebody who could not be asked for now (NotAsked), or is one of several
// (Ambiguous), stays whom they were found to be before under the same name. It returns how many names nobody was found
// by, and fails as PutRole does, also with ErrNoRole.
func (s *Store) PutHolders(ctx context.Context, by By, list List) (unresolved int, err error) {
	if list.Holders, err = checkHolders(list.Holders); err != nil {
		return 0, err
	}
	_, err = s.grants.EditWith(ctx, by.Actor, func(ctx context.Context, tx pgx.Tx) (rolestore.Edit, error) {
		now, edit, err := list.plan(ctx, tx)
		if err != nil {
			return rolestore.Edit{}, err
		}
		unresolved = count(now)
		return edit, putHolders(ctx, tx, list, now)
	})
	return unresolved, plain(err, "map holders")
}

// Weigh returns what it would cost to put all these lists: what a role loses by
// one list and gets by another is no loss. It changes nothing, and fails as
// PutHolders does.
func (s *Store) Weigh(ctx context.Context, lists []List) (rolestore.Loss, error) {
	diff, err := s.grants.PlanWith(ctx, func(ctx context.Context, tx pgx.Tx) (all rolestore.Edit, err error) {
		for _, list := range lists {
			if list.Holders, err = checkHolders(list.Holders); err != nil {
				return all, err
			}
			_, edit, err := list.plan(ctx, tx)
			if err != nil {
				return all, err
			}
			all.Put.Grants = append(all.Put.Grants, edit.Put.Grants...)
			all.Remove.Grants = append(all.Remove.Grants, edit.Remove.Grants...)
		}
		return all, nil
	})
	return diff.Loss, plain(err, "weigh holders")
}

// plan reads the list as it is, and returns what it will be and what that means for grants.
func (l List) plan(ctx context.Context, tx pgx.Tx) (now []Holder, edit rolestore.Edit, err error) {
	before, err := holders(ctx, tx, l)
	if err != nil {
		return nil, edit, err
	}
	if l.Expected != nil && !slices.Equal(l.Expected, before) {
		return nil, edit, rolestore.ErrChangedMeanwhile
	}
	now = l.Among.remember(l.Holders, before)
	edit, err = l.edit(ctx, tx, ids(before), ids(now))
	return now, edit, err
}

// checkHolders returns the holders once each, in order.
func checkHolders(list []Holder) ([]Holder, error) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Holder) int { return strings.Compare(a.Name, b.Name) })
	list = slices.CompactFunc(list, func(a, b Holder) bool { return a.Name == b.Name })
	if slices.ContainsFunc(list, func(h Holder) bool { return !isLine(h.Name) || (h.ID == "") != (h.Why != "") }) {
		return nil, ErrBadName
	}
	return list, nil
}

// holders reads the list as it is, and fails with ErrNoRole.
func holders(ctx context.Context, tx pgx.Tx, list List) ([]Holder, error) {
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM issuer.mapped_roles WHERE role = $1)`, list.Role).Scan(&exists); err != nil {
		return nil, err
	}
	if !exists {
		return nil, ErrNoRole
	}
	rows, err := tx.Query(ctx, `SELECT name, coalesce(principal, ''), unresolved FROM issuer.mapped_holders
WHERE tenant = $1 AND role = $2 AND principal_kind = $3 ORDER BY name`, list.Tenant, list.Role, string(list.Kind))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Holder])
}

// Among are the object ids of all whom an ambiguous name may mean, by the name.
type Among map[string][]string

// Settle returns the holder, or who was found before under the same name where
// that still holds: that Graph is down must not take a role away, nor that
// somebody gave a group of their own the name of another.
func (a Among) Settle(h, before Holder) Holder {
	if before.ID != "" && (h.Why == NotAsked || h.Why == Ambiguous && slices.Contains(a[h.Name], before.ID)) {
		return Holder{Name: h.Name, ID: before.ID}
	}
	return h
}

// remember settles a whole list.
func (a Among) remember(list, before []Holder) []Holder {
	known := map[string]Holder{}
	for _, h := range before {
		known[h.Name] = h
	}
	now := slices.Clone(list)
	for i, h := range now {
		now[i] = a.Settle(h, known[h.Name])
	}
	return now
}

func putHolders(ctx context.Context, tx pgx.Tx, list List, now []Holder) error {
	var names, principals, whys []string
	for _, h := range now {
		names, principals, whys = append(names, h.Name), append(principals, h.ID), append(whys, string(h.Why))
	}
	var batch pgx.Batch
	batch.Queue(`DELETE FROM issuer.mapped_holders WHERE tenant = $1 AND role = $2 AND principal_kind = $3`, list.Tenant, list.Role, string(list.Kind))
	batch.Queue(`INSERT INTO issuer.mapped_holders (tenant, role, principal_kind, name, principal, unresolved)
SELECT $1, $2, $3, n.name, nullif(n.principal, ''), n.why FROM unnest($4::text[], $5::text[], $6::text[]) AS n(name, principal, why)`,
		list.Tenant, list.Role, string(list.Kind), names, principals, whys)
	return tx.SendBatch(ctx, &batch).Close()
}

// edit is what the list means for grants.
func (l List) edit(ctx context.Context, tx pgx.Tx, before, now []string) (rolestore.Edit, error) {
	rows, err := tx.Query(ctx, `SELECT principal FROM issuer.grants WHERE tenant = $1 AND principal_kind = $2 AND role = $3 AND principal = ANY ($4)`,
		l.Tenant, string(l.Kind), l.Role, now)
	if err != nil {
		return rolestore.Edit{}, err
	}
	granted, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return rolestore.Edit{}, err
	}
	var edit rolestore.Edit
	for _, id := range without(now, granted) {
		edit.Put.Grants = append(edit.Put.Grants, l.grant(id))
	}
	for _, id := range without(before, now) {
		edit.Remove.Grants = append(edit.Remove.Grants, l.grant(id))
	}
	return edit, nil
}

func (l List) grant(id string) rolestore.Grant {
	return rolestore.Grant{Tenant: l.Tenant, Principal: rolestore.Principal{Kind: l.Kind, ID: id}, Role: l.Role, Reason: "listed by the role's provisioner"}
}

// ids are those who were found, once each: two names may mean one.
func ids(list []Holder) []string {
	found := []string{} // not nil, which Postgres would take for NULL
	for _, h := range list {
		if h.ID != "" {
			found = append(found, h.ID)
		}
	}
	return distinct(found)
}

func without(all, some []string) (left []string) {
	for _, one := range all {
		if !slices.Contains(some, one) {
			left = append(left, one)
		}
	}
	return left
}

// count tells how many were not found.
func count(list []Holder) (unresolved int) {
	for _, h := range list {
		if h.ID == "" {
			unresolved++
		}
	}
	return unresolved
}

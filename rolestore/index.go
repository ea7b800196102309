package rolestore

import "slices"

// index finds the entries of a document by tenant and principal. It is not
// changed once made.
type index struct {
	grants map[blockID][]Grant
	blocks map[blockID]Block
	groups map[string][]string // those that grants of a tenant name: sorted, each once
	pages  Document            // all of it, in the order of pages
}

func newIndex(d Document) index {
	x := index{grants: map[blockID][]Grant{}, blocks: map[blockID]Block{}, groups: map[string][]string{}, pages: d.inPages()}
	for _, g := range d.Grants {
		key := blockID{g.Tenant, g.Principal}
		x.grants[key] = append(x.grants[key], g)
		if g.Principal.Kind == KindGroup {
			x.groups[g.Tenant] = append(x.groups[g.Tenant], g.Principal.ID)
		}
	}
	for tenant, ids := range x.groups {
		slices.Sort(ids)
		x.groups[tenant] = slices.Compact(ids)
	}
	for _, b := range d.Blocks {
		x.blocks[b.id()] = b
	}
	return x
}

// answer collects the entries of these principals.
func (x index) answer(tenant string, principals []Principal) Answer {
	var found Document
	for _, p := range principals {
		key := blockID{tenant, p}
		found.Grants = append(found.Grants, x.grants[key]...)
		if b, blocked := x.blocks[key]; blocked {
			found.Blocks = append(found.Blocks, b)
		}
	}
	found.sort()
	return Answer(found)
}

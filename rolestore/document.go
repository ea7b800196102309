package rolestore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Document is the whole content of a store, or of roles.yaml.
type Document struct {
	Grants []Grant `json:"grants"`
	Blocks []Block `json:"blocks"`
}

// The two lists of a document.
const (
	listGrants = "grants"
	listBlocks = "blocks"
)

// checked returns the document in its canonical form (see canonical) if every
// entry keeps the rules and none repeats another's identity, and else all faults.
func (d Document) checked(rules Rules) (Document, error) {
	d = d.canonical()
	if found := d.faults(rules); len(found) > 0 {
		return Document{}, found
	}
	d.sort()
	return d, nil
}

// canonical returns a copy in which equal entries are written alike: GUIDs in
// lower case, times in UTC, no empty session.
func (d Document) canonical() Document {
	d.Grants, d.Blocks = slices.Clone(d.Grants), slices.Clone(d.Blocks)
	for i := range d.Grants {
		g := &d.Grants[i]
		g.Tenant = strings.ToLower(g.Tenant)
		g.Principal = g.Principal.canonical()
		g.From, g.Until = g.From.UTC(), g.Until.UTC()
		if len(g.Session) == 0 {
			g.Session = nil
		}
	}
	for i := range d.Blocks {
		b := &d.Blocks[i]
		b.Tenant = strings.ToLower(b.Tenant)
		b.Principal = b.Principal.canonical()
		b.Until = b.Until.UTC()
	}
	return d
}

func (p Principal) canonical() Principal {
	if p.Kind != KindAppRole { // the value of an app role is kept as it is
		p.ID = strings.ToLower(p.ID)
	}
	return p
}

// faults returns everything that is wrong with a canonical document.
func (d Document) faults(rules Rules) faults {
	var found faults
	firstGrant := map[grantID]int{}
	for i, g := range d.Grants {
		for _, flaw := range rules.grant(g) {
			found = append(found, fault{list: listGrants, index: i, flaw: flaw})
		}
		found = appendRepeat(found, firstGrant, g.id(), listGrants, i)
	}
	firstBlock := map[blockID]int{}
	for i, b := range d.Blocks {
		for _, flaw := range rules.block(b) {
			found = append(found, fault{list: listBlocks, index: i, flaw: flaw})
		}
		found = appendRepeat(found, firstBlock, b.id(), listBlocks, i)
	}
	return found
}

// appendRepeat notes where an identity was first seen, or adds a fault for it.
func appendRepeat[ID comparable](found faults, first map[ID]int, id ID, list string, i int) faults {
	if before, repeated := first[id]; repeated {
		text := fmt.Sprintf("says the same as %s[%d]: want one entry for it", list, before)
		return append(found, fault{list: list, index: i, repeats: &before, flaw: flaw{text: text}})
	}
	first[id] = i
	return found
}

// grantID and blockID are what a store holds at most one of.
type (
	grantID struct {
		tenant    string
		principal Principal
		role      string
	}
	blockID struct {
		tenant    string
		principal Principal
	}
)

func (g Grant) id() grantID { return grantID{g.Tenant, g.Principal, g.Role} }
func (b Block) id() blockID { return blockID{b.Tenant, b.Principal} }

// sort puts the entries into the one order in which they are written, shown and
// answered: by tenant, kind of principal, principal, role.
func (d Document) sort() {
	slices.SortFunc(d.Grants, func(a, b Grant) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), comparePrincipals(a.Principal, b.Principal), strings.Compare(a.Role, b.Role))
	})
	slices.SortFunc(d.Blocks, func(a, b Block) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), comparePrincipals(a.Principal, b.Principal))
	})
}

func comparePrincipals(a, b Principal) int {
	return cmp.Or(a.Kind.rank()-b.Kind.rank(), strings.Compare(a.ID, b.ID))
}

// unknownRank is the rank of what is no kind.
const unknownRank = 5

// rank orders the kinds from the one to the many.
func (k PrincipalKind) rank() int {
	switch k {
	case KindUser:
		return 0
	case KindApp:
		return 1
	case KindGroup:
		return 2
	case KindAppRole:
		return 3
	case KindEveryone:
		return 4
	}
	return unknownRank
}

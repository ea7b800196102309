package rolecache

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// An answer is kept packed: it takes a third of the memory, and nothing in it has to be looked at by the garbage
// collector. Texts of an unpacked one are parts of the packed one. The first byte says of which layout it is, since
// replicas of two releases may share a memory.
const layout = 1

var errUnreadable = errors.New("an answer in memory cannot be read: it was written by another release")

func packAnswer(a rolestore.Answer) string {
	p := append(make(packer, 0, bytesPerEntry*(1+len(a.Grants)+len(a.Blocks))), layout)
	p.count(len(a.Grants))
	for _, g := range a.Grants {
		p.text(g.Tenant)
		p.principal(g.Principal)
		p.text(g.Role)
		p.number(int64(g.Priority))
		p.session(g.Session)
		p.time(g.From)
		p.time(g.Until)
		p.text(g.Reason)
	}
	p.count(len(a.Blocks))
	for _, b := range a.Blocks {
		p.text(b.Tenant)
		p.principal(b.Principal)
		p.time(b.Until)
		p.text(b.Reason)
	}
	return string(p)
}

func unpackAnswer(packed string) (rolestore.Answer, error) {
	u := unpack(packed)
	var a rolestore.Answer
	if n := u.count(); n > 0 {
		a.Grants = make([]rolestore.Grant, n)
	}
	for i := range a.Grants {
		a.Grants[i] = rolestore.Grant{
			Tenant: u.text(), Principal: u.principal(), Role: u.text(), Priority: int(u.number()), Session: u.session(),
			From: u.time(), Until: u.time(), Reason: u.text(),
		}
	}
	if n := u.count(); n > 0 {
		a.Blocks = make([]rolestore.Block, n)
	}
	for i := range a.Blocks {
		a.Blocks[i] = rolestore.Block{Tenant: u.text(), Principal: u.principal(), Until: u.time(), Reason: u.text()}
	}
	return a, u.end()
}

func packGroups(groups rolestore.NamedGroups) string {
	p := packer{layout}
	p.texts(groups.IDs)
	p.flag(groups.More)
	return string(p)
}

func unpackGroups(packed string) (rolestore.NamedGroups, error) {
	u := unpack(packed)
	groups := rolestore.NamedGroups{IDs: u.texts(), More: u.flag()}
	return groups, u.end()
}

const bytesPerEntry = 128 // where nothing is said but who and what; more has room made for it

// packer writes. Numbers are varints, and each text comes after its length.
type packer []byte

func (p *packer) count(n int)    { *p = binary.AppendUvarint(*p, uint64(n)) } //nolint:gosec // G115: a length
func (p *packer) number(n int64) { *p = binary.AppendVarint(*p, n) }

func (p *packer) text(s string) {
	p.count(len(s))
	*p = append(*p, s...)
}

func (p *packer) texts(list []string) {
	p.count(len(list))
	for _, s := range list {
		p.text(s)
	}
}

func (p *packer) flag(set bool) {
	if set {
		p.number(1)
	} else {
		p.number(0)
	}
}

func (p *packer) principal(id rolestore.Principal) {
	p.text(string(id.Kind))
	p.text(id.ID)
}

// time writes microseconds of Unix time, which is what stores know; no time is far from any that they take.
func (p *packer) time(t time.Time) { p.number(t.UnixMicro()) }

func (p *packer) session(variables map[string]rolestore.Value) {
	p.count(len(variables))
	if len(variables) == 0 { // sorting no names takes memory too
		return
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		p.text(name)
		p.flag(value.IsList())
		if value.IsList() {
			p.texts(value.List())
		} else {
			p.text(value.Text())
		}
	}
}

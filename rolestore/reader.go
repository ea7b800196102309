package rolestore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// reader turns a YAML tree into a document and notes every fault of form. What
// the entries may say is judged afterwards, by the same rules for every store.
type reader struct {
	doc    Document
	grants []entry // where doc.Grants come from, one for one
	blocks []entry // where doc.Blocks come from, one for one
	faults faults
}

// entry is one mapping of a list, or the document itself.
type entry struct {
	list    string
	index   int
	line    int
	members map[string]ast.Node
	faulty  map[string]bool // members that are reported already
}

func (r *reader) fault(e entry, member string, line int, text string) {
	e.faulty[member] = true
	r.faults = append(r.faults, fault{line: line, list: e.list, index: e.index, flaw: flaw{member, text}})
}

// judge adds a fault that the rules found in entry f.index of the document,
// unless its member could not even be read.
func (r *reader) judge(f fault) {
	e := r.entry(f.list, f.index)
	top, _, _ := strings.Cut(f.member, ".")
	if e.faulty[f.member] || e.faulty[top] {
		return
	}
	if f.repeats != nil {
		f.text = fmt.Sprintf("says the same as line %d: want one entry for it", r.entry(f.list, *f.repeats).line)
	}
	f.index, f.line = e.index, e.line
	switch {
	case e.members[f.member] != nil:
		f.line = lineOf(e.members[f.member])
	case e.members[top] != nil:
		f.line = lineOf(e.members[top])
	case top != "":
		f.text = "is missing: " + f.text
	}
	r.faults = append(r.faults, f)
}

func (r *reader) entry(list string, i int) entry {
	if list == listBlocks {
		return r.blocks[i]
	}
	return r.grants[i]
}

// document reads the two lists.
func (r *reader) document(body ast.Node) {
	top, ok := r.mapping(entry{}, "", body, listGrants, listBlocks)
	if !ok {
		return
	}
	for i, node := range r.list(top, listGrants) {
		e, ok := r.mapping(entry{list: listGrants, index: i}, "", node,
			"tenant", "user", "group", "app_role", "app", "everyone", "role", "priority", "session", "from", "until", "reason")
		if ok {
			r.doc.Grants = append(r.doc.Grants, Grant{
				Tenant: r.text(e, "tenant"), Principal: r.principal(e, KindUser, KindGroup, KindAppRole, KindApp, KindEveryone),
				Role: r.text(e, "role"), Priority: r.number(e, "priority"), Session: r.session(e),
				From: r.time(e, "from"), Until: r.time(e, "until"), Reason: r.text(e, "reason"),
			})
			r.grants = append(r.grants, e)
		}
	}
	for i, node := range r.list(top, listBlocks) {
		e, ok := r.mapping(entry{list: listBlocks, index: i}, "", node, "tenant", "user", "app", "until", "reason")
		if ok {
			r.doc.Blocks = append(r.doc.Blocks, Block{
				Tenant: r.text(e, "tenant"), Principal: r.principal(e, KindUser, KindApp),
				Until: r.time(e, "until"), Reason: r.text(e, "reason"),
			})
			r.blocks = append(r.blocks, e)
		}
	}
}

// mapping fills e with the members of the mapping that is the value of a member,
// or of no member. Without names, any are known.
func (r *reader) mapping(e entry, member string, node ast.Node, names ...string) (entry, bool) {
	e.line, e.members, e.faulty = lineOf(node), map[string]ast.Node{}, map[string]bool{}
	pairs, ok := node.(ast.MapNode)
	if !ok {
		r.fault(e, member, e.line, "want members with values, as { tenant: …, user: …, role: … }")
		return e, false
	}
	for it := pairs.MapRange(); it.Next(); {
		line := lineOf(it.Key())
		key, isText := it.Key().(*ast.StringNode)
		switch {
		case !isText || len(names) > 0 && !slices.Contains(names, key.Value):
			r.fault(e, member, line, "unknown member "+shown(it.Key())+": want "+strings.Join(names, ", "))
		case e.members[key.Value] != nil:
			r.fault(e, member, line, shown(key)+" is given twice")
		default:
			e.members[key.Value] = it.Value()
		}
	}
	return e, true
}

func (r *reader) list(e entry, member string) []ast.Node {
	node := e.members[member]
	if node == nil {
		return nil
	}
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.fault(e, member, lineOf(node), "want a list, [] for none")
		return nil
	}
	return list.Values
}

// text reads a text, or returns "" if the entry has none or a faulty one.
func (r *reader) text(e entry, member string) string {
	node := e.members[member]
	if node == nil {
		return ""
	}
	s, problem := textOf(node)
	if problem != "" {
		r.fault(e, member, lineOf(node), problem)
	}
	return s
}

// number reads a whole number in its plainest form, since 010 and 0x10 are read
// differently by different YAML readers.
func (r *reader) number(e entry, member string) int {
	node := e.members[member]
	if node == nil {
		return 0
	}
	n, err := strconv.ParseInt(node.GetToken().Value, 10, 32)
	if _, ok := node.(*ast.IntegerNode); !ok || err != nil || strconv.FormatInt(n, 10) != node.GetToken().Value {
		r.fault(e, member, lineOf(node), "want a whole number of at most 32 bits, without quotes")
		return 0
	}
	return int(n)
}

func (r *reader) time(e entry, member string) time.Time {
	node := e.members[member]
	if node == nil {
		return time.Time{}
	}
	s, _ := textOf(node)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() || !isTime(t) {
		r.fault(e, member, lineOf(node), wantTime)
		return time.Time{}
	}
	return t
}

// principal reads the one member that says whom the entry means.
func (r *reader) principal(e entry, kinds ...PrincipalKind) Principal {
	var given []PrincipalKind
	for _, kind := range kinds {
		if e.members[string(kind)] != nil {
			given = append(given, kind)
		}
	}
	if len(given) != 1 {
		names := strings.ReplaceAll(fmt.Sprint(kinds), " ", ", ")
		r.fault(e, "principal", e.line, "want exactly one of "+strings.Trim(names, "[]"))
		return Principal{}
	}
	if given[0] != KindEveryone {
		return Principal{Kind: given[0], ID: r.text(e, string(given[0]))}
	}
	node := e.members[string(KindEveryone)]
	if yes, ok := node.(*ast.BoolNode); !ok || !yes.Value {
		r.fault(e, string(KindEveryone), lineOf(node), "want true; leave it out where not everyone is meant")
	}
	return Principal{Kind: KindEveryone}
}

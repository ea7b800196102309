// Package rootfields answers: which root fields does a GraphQL request ask for? It follows the rules of GraphQL (October
// 2021): one operation is executed, the one that is named; fragments are followed, aliases mean nothing, and a field that a
// directive may leave out still counts. It knows no schema, so a request that makes no sense to one may be fine here. Names
// of roles and who asks are no business of its.
package rootfields

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// What all queries of a request may have together, so that one of many queries costs no more than one. The parser bounds
// how deep they nest by itself.
const (
	maxBytes  = 1 << 20
	maxTokens = 50_000
)

// Query is one query of a request, with the name of the operation that is to be executed, "" for none.
type Query struct{ Text, Operation string }

// Error is what is wrong with a request, in a sentence that repeats nothing of it.
type Error struct{ text string }

// Error returns the sentence.
func (e *Error) Error() string { return e.text }

func wrong(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// introspection are the fields that every schema has at its root, for everybody (section 4).
var introspection = []string{"__schema", "__type", "__typename"}

// Of returns the root fields of the operations of all queries, sorted and each once, without those of introspection. A
// query whose operation is not named has to hold one only (section 6.1). Every error is an *Error.
func Of(queries ...Query) ([]string, error) {
	bytes, left := 0, maxTokens
	for _, query := range queries {
		if bytes += len(query.Text); bytes > maxBytes {
			return nil, wrong("the query is longer than 1 MiB")
		}
		used, err := readTokens(query.Text, left)
		if err != nil {
			return nil, err
		}
		left -= used
	}
	fields := map[string]bool{}
	for _, query := range queries {
		if err := query.collect(fields); err != nil {
			return nil, err
		}
	}
	return list(fields), nil
}

// collect adds the query's root fields.
func (q Query) collect(fields map[string]bool) error {
	document, err := parser.ParseQuery(&ast.Source{Input: q.Text})
	if err != nil {
		return syntaxError(err)
	}
	operation, err := choose(document.Operations, q.Operation)
	if err != nil {
		return err
	}
	return newCollector(document.Fragments, fields).collect(operation.SelectionSet)
}

// syntaxError says where it is wrong. What is said by the parser repeats words of the query.
func syntaxError(err error) error {
	if found, ok := errors.AsType[*gqlerror.Error](err); ok && len(found.Locations) > 0 {
		at := found.Locations[0]
		return wrong("the query is no GraphQL: see line %d, column %d", at.Line, at.Column)
	}
	return wrong("the query is no GraphQL")
}

func choose(operations ast.OperationList, name string) (*ast.OperationDefinition, error) {
	var found []*ast.OperationDefinition
	for _, one := range operations {
		if name == "" || one.Name == name {
			found = append(found, one)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(operations) == 0:
		return nil, wrong("the query holds no operation")
	case len(found) == 0:
		return nil, wrong("the query holds no operation of the name in operationName")
	case name == "":
		return nil, wrong("the query holds several operations: operationName has to name one")
	default:
		return nil, wrong("the query holds several operations of the same name")
	}
}

// collector gathers the fields of selections that stand at the root.
type collector struct {
	fragments map[string]ast.SelectionSet // nil: there are several of that name
	followed  map[string]bool             // fragments, each once: they may go round in circles
	fields    map[string]bool
}

func newCollector(fragments ast.FragmentDefinitionList, fields map[string]bool) *collector {
	c := &collector{fragments: map[string]ast.SelectionSet{}, followed: map[string]bool{}, fields: fields}
	for _, one := range fragments {
		if _, twice := c.fragments[one.Name]; twice {
			c.fragments[one.Name] = nil
		} else {
			c.fragments[one.Name] = one.SelectionSet
		}
	}
	return c
}

func (c *collector) collect(set ast.SelectionSet) error {
	for _, selection := range set {
		var err error
		switch one := selection.(type) {
		case *ast.Field:
			c.fields[one.Name] = true
		case *ast.InlineFragment:
			err = c.collect(one.SelectionSet)
		case *ast.FragmentSpread:
			err = c.follow(one.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) follow(name string) error {
	if c.followed[name] {
		return nil
	}
	c.followed[name] = true
	found := c.fragments[name]
	if found == nil {
		return wrong("the query spreads a fragment that it does not hold, or holds twice")
	}
	return c.collect(found)
}

func list(fields map[string]bool) []string {
	list := []string{}
	for name := range fields {
		if !slices.Contains(introspection, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

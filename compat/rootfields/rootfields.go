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

const (
	maxQuery  = 1 << 20 // bytes
	maxTokens = 50_000  // the parser bounds how deep they nest by itself
)

// Error is what is wrong with a request, in a sentence that repeats nothing of it.
type Error struct{ text string }

// Error returns the sentence.
func (e *Error) Error() string { return e.text }

func wrong(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// introspection are the fields that every schema has at its root, for everybody (section 4).
var introspection = []string{"__schema", "__type", "__typename"}

// Of returns the root fields of the operation of a query, sorted and each once, without those of introspection. With no
// name the query has to hold one operation only (section 6.1). Every error is an *Error.
func Of(query, operationName string) ([]string, error) {
	if len(query) > maxQuery {
		return nil, wrong("the query is longer than 1 MiB")
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxTokens)
	if err != nil {
		return nil, syntaxError(err)
	}
	operation, err := choose(document.Operations, operationName)
	if err != nil {
		return nil, err
	}
	c := collector{fragments: document.Fragments, followed: map[string]bool{}, fields: map[string]bool{}}
	if err := c.collect(operation.SelectionSet); err != nil {
		return nil, err
	}
	return c.list(), nil
}

// syntaxError says where it is wrong. What is said by the parser repeats words of the query.
func syntaxError(err error) error {
	if found, ok := errors.AsType[*gqlerror.Error](err); ok && len(found.Locations) > 0 {
		at := found.Locations[0]
		return wrong("the query is no GraphQL, or has more than %d tokens: see line %d, column %d", maxTokens, at.Line, at.Column)
	}
	return wrong("the query is no GraphQL, or has more than %d tokens", maxTokens)
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
	fragments ast.FragmentDefinitionList
	followed  map[string]bool // fragments, each once: they may go round in circles
	fields    map[string]bool
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
	var found ast.FragmentDefinitionList
	for _, one := range c.fragments {
		if one.Name == name {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		return wrong("the query spreads a fragment that it does not hold, or holds twice")
	}
	return c.collect(found[0].SelectionSet)
}

func (c *collector) list() []string {
	list := []string{}
	for name := range c.fields {
		if !slices.Contains(introspection, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

package standin

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxTokens is more than a query of one table needs.
const maxTokens = 1000

// run answers one query as the viewer's role sees it.
func run(text, operation string, v viewer) (map[string]any, *fault) {
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return nil, &fault{"validation-failed", "not a valid graphql query", "$.query"}
	}
	chosen := document.Operations.ForName(operation)
	switch {
	case chosen == nil:
		return nil, &fault{"validation-failed", "exactly one operation has to be present, or to be named by operationName", "$"}
	case chosen.Operation != ast.Query:
		return nil, &fault{"validation-failed", "this stand-in knows queries only", "$"}
	}
	return collect(chosen.SelectionSet, "query_root", "$.selectionSet", func(f *ast.Field, at string) (any, *fault) {
		allowed, has := permissions[v.role]
		if f.Name != "orders" || !has {
			return nil, unknown(f.Name, "query_root", at)
		}
		return rows(f, at, allowed, v)
	})
}

// rows are the orders that the viewer sees, with the columns that were asked for.
func rows(f *ast.Field, at string, allowed permission, v viewer) (any, *fault) {
	for _, argument := range f.Arguments {
		if argument.Name != "order_by" || argument.Value.String() != "{id:asc}" {
			return nil, &fault{"validation-failed", "this stand-in knows no argument but order_by: {id: asc}", at}
		}
	}
	if len(f.SelectionSet) == 0 {
		return nil, &fault{"validation-failed", "missing selection set for 'orders'", at}
	}
	found := []map[string]any{}
	for _, o := range orders {
		row, refused := collect(f.SelectionSet, "orders", at+".selectionSet", func(c *ast.Field, at string) (any, *fault) {
			if !slices.Contains(allowed.columns, c.Name) || len(c.SelectionSet)+len(c.Arguments) > 0 {
				return nil, unknown(c.Name, "orders", at)
			}
			return o.column(c.Name), nil
		})
		if refused != nil {
			return nil, refused
		}
		if allowed.sees(v, o) {
			found = append(found, row)
		}
	}
	return found, nil
}

// collect makes the object that a selection asks for of a type.
func collect(set ast.SelectionSet, kind, at string, resolve func(f *ast.Field, at string) (any, *fault)) (map[string]any, *fault) {
	made := map[string]any{}
	for _, selection := range set {
		f, plain := selection.(*ast.Field)
		if !plain || len(f.Directives) > 0 {
			return nil, &fault{"validation-failed", "this stand-in knows no fragments and no directives", at}
		}
		var value any = kind
		if f.Name != "__typename" {
			var refused *fault
			if value, refused = resolve(f, at+"."+f.Name); refused != nil {
				return nil, refused
			}
		}
		made[f.Alias] = value
	}
	return made, nil
}

func unknown(field, kind, at string) *fault {
	return &fault{"validation-failed", "field '" + field + "' not found in type: '" + kind + "'", at}
}

package standin

import (
	"slices"
	"strings"
)

// order is a row of deploy/compose/postgres/shop/orders.sql.
type order struct {
	id                         int
	region, owner, total, note string
}

// The owners are personas of the fake tenant.
const (
	reader = "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101"
	editor = "66c8dae0-7f91-4bd3-a507-b9ecfd053606"
)

var orders = []order{
	{1, "eu", reader, "12.50", "call before delivery"},
	{2, "us", editor, "99.00", ""},
	{3, "apac", reader, "7.25", "a gift"},
	{4, "apac", editor, "310.00", ""},
}

// column is the value of one; total is a text, since the demo's engine has HASURA_GRAPHQL_STRINGIFY_NUMERIC_TYPES.
func (o order) column(name string) any {
	return map[string]any{"id": o.id, "region": o.region, "owner": o.owner, "total": o.total, "note": o.note}[name]
}

// viewer is who asks: a role, and session variables by their names in lower case.
type viewer struct {
	role    string
	session map[string]any
}

func (v viewer) variable(name string) string {
	text, _ := v.session[name].(string)
	return text
}

// permission is what a role sees of orders: select_permissions of the metadata.
type permission struct {
	columns []string
	sees    func(viewer, order) bool
}

var permissions = map[string]permission{
	"editor": {[]string{"id", "region", "owner", "total", "note"}, func(v viewer, o order) bool {
		return slices.Contains(array(v.variable("x-hasura-regions")), o.region)
	}},
	"reader": {[]string{"id", "region", "total"}, func(v viewer, o order) bool {
		return o.owner == v.variable("x-hasura-user-id")
	}},
}

// array are the items of an array in Postgres' spelling, {"eu","us"}, of plain words.
func array(literal string) []string {
	return strings.FieldsFunc(literal, func(r rune) bool { return strings.ContainsRune(`{}", `, r) })
}

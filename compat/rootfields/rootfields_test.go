package rootfields_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/compat/rootfields"
)

func TestTheRootFieldsOfARequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query, operation string
		want             []string
	}{
		"one field":                         {`{ sales { id } }`, "", []string{"sales"}},
		"fields below are none":             {`query { sales { customers { orders } } }`, "", []string{"sales"}},
		"several, each once":                {`{ b { x } a c: b }`, "", []string{"a", "b"}},
		"an alias means nothing":            {`{ sales: secrets { id } }`, "", []string{"secrets"}},
		"a mutation":                        {`mutation { insert_sales(objects: [{a: 1}]) { affected_rows } }`, "", []string{"insert_sales"}},
		"a subscription":                    {`subscription S { sales_stream(batch_size: 1) { id } }`, "", []string{"sales_stream"}},
		"introspection needs no role":       {`{ __schema { types { name } } __type(name: "a") { name } __typename }`, "", []string{}},
		"introspection beside a field":      {`{ __typename sales { __typename } }`, "", []string{"sales"}},
		"introspection under another name":  {`{ sales: __typename }`, "", []string{}},
		"a field behind an alias of it":     {`{ __typename: sales }`, "", []string{"sales"}},
		"two underscores make none":         {`{ __secrets }`, "", []string{"__secrets"}},
		"a fragment":                        {`{ ...f } fragment f on query_root { sales { id } ...g } fragment g on query_root { stock }`, "", []string{"sales", "stock"}},
		"a fragment below is none":          {`{ sales { ...f } } fragment f on sales { id }`, "", []string{"sales"}},
		"a fragment nobody spreads is none": {`{ sales } fragment f on query_root { stock }`, "", []string{"sales"}},
		"an inline fragment":                {`{ ... on query_root { sales } ... @include(if: true) { stock } }`, "", []string{"sales", "stock"}},
		"fragments in a circle":             {`{ ...f } fragment f on query_root { sales ...g } fragment g on query_root { ...f stock }`, "", []string{"sales", "stock"}},
		"what may be skipped counts":        {`query q($no: Boolean!) { sales @skip(if: $no) stock @include(if: false) }`, "", []string{"sales", "stock"}},
		"the operation that is named":       {`query a { sales } query b { stock } mutation c { drop }`, "b", []string{"stock"}},
		"the only one, by its name":         {`query a { sales }`, "a", []string{"sales"}},
		"texts between triple quotes":       {"{ a(x: \"\"\"\"\"\", y: \"\"\"ü \"b\" \\ \n\"\"\") { c } }", "", []string{"a"}},
		"triple quotes in a comment":        {"{ a } # \"\"\"\" secrets", "", []string{"a"}},
		"braces in texts":                   {`{ sales(where: {a: {_eq: "} secrets {"}}, b: """ } more { """) { id } } # secrets`, "", []string{"sales"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := rootfields.Of(rootfields.Query{Text: c.query, Operation: c.operation})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoRequestIsSaidWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, operation, want string }{
		"nothing":                  {"", "", "holds no operation"},
		"only a fragment":          {`fragment f on query_root { secrets }`, "", "holds no operation"},
		"a brace that stays open":  {"{\n secrets {", "", "see line 2"},
		"no GraphQL":               {`secrets SELECT`, "", "is no GraphQL"},
		"no selection":             {`query secrets { }`, "", "is no GraphQL"},
		"a schema":                 {`type secrets { a: Int }`, "", "is no GraphQL"},
		"two, and none is named":   {`query a { secrets } query b { secrets }`, "", "several operations"},
		"a name of none":           {`query secrets { a }`, "other", "no operation of the name"},
		"two of a name":            {`query secrets { a } query secrets { b }`, "secrets", "of the same name"},
		"a fragment that is not":   {`{ ...secrets }`, "", "spreads a fragment"},
		"two fragments of a name":  {`{ ...secrets } fragment secrets on a { b } fragment secrets on a { c }`, "", "spreads a fragment"},
		"too long":                 {`{ secrets }` + strings.Repeat(" ", 1<<20), "", "longer than 1 MiB"},
		"too many words":           {`{` + strings.Repeat(" secrets", 60_000) + `}`, "", "more than 50000 tokens"},
		"nested too deeply":        {strings.Repeat("{secrets", 2_000) + strings.Repeat("}", 2_000), "", "is no GraphQL"},
		"a value nested too":       {`{ secrets(a: ` + strings.Repeat("[", 2_000) + strings.Repeat("]", 2_000) + `) }`, "", "is no GraphQL"},
		"a fence that is escaped":  {`{ a(x: """ \""" """) }`, "", "triple quotes"},
		"a byte that is no letter": {"{ secrets\x00 }", "", "is no GraphQL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := rootfields.Of(rootfields.Query{Text: c.query, Operation: c.operation})
			if _, ok := errors.AsType[*rootfields.Error](err); !ok || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secrets") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestNoFieldHidesInAText: engines end a text at the first three quotes in a row, even where the first of them, or what
// stands before, belongs to the text by the rules. Each of these asks for secrets there, unseen by who goes by the rules.
func TestNoFieldHidesInAText(t *testing.T) {
	t.Parallel()
	const behind = `"]) secrets(y: """` + "\n" + `])}#""")}`
	for name, text := range map[string]string{
		"a quote too many":              `"""a"""" # `,
		"several":                       `"""a"""""" # `,
		"a quote before an escape":      `"""a"\""" " # `,
		"a backslash before an escape":  `"""a\\""" " # `,
		"more than one byte per letter": `"""äöü"""" # `,
	} {
		fields, err := rootfields.Of(rootfields.Query{Text: `{ sales(x: [` + text + behind})
		if _, ok := errors.AsType[*rootfields.Error](err); !ok {
			t.Errorf("%s: %v, %v", name, fields, err)
		}
	}
}

// BenchmarkAChainOfFragments is the most that fragments may cost: each is looked for once.
func BenchmarkAChainOfFragments(b *testing.B) {
	var query strings.Builder
	query.WriteString("{ ...f0 }")
	for i := range 6000 {
		fmt.Fprintf(&query, "fragment f%d on query_root{...f%d}", i, (i+1)%6000)
	}
	for b.Loop() {
		if _, err := rootfields.Of(rootfields.Query{Text: query.String()}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzOf: nothing makes it panic, and what it finds stands in the query.
func FuzzOf(f *testing.F) {
	f.Add(`{ ...f } fragment f on query_root { a: sales { id } ... @skip(if: true) { __typename stock } }`, "")
	f.Add(`query a { x } mutation b { y }`, "b")
	f.Fuzz(func(t *testing.T, query, operation string) {
		fields, err := rootfields.Of(rootfields.Query{Text: query, Operation: operation})
		if _, ok := errors.AsType[*rootfields.Error](err); err != nil && !ok {
			t.Fatalf("an error of another kind: %v", err)
		}
		for _, field := range fields {
			if !strings.Contains(query, field) {
				t.Errorf("the field %q is nowhere in the query", field)
			}
		}
	})
}

package issuer_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

func TestArrayLiterals(t *testing.T) {
	t.Parallel()
	for want, items := range map[string][]string{
		`{}`:                    nil,
		`{"a","b"}`:             {"a", "b"},
		`{""}`:                  {""},
		`{"NULL","null"}`:       {"NULL", "null"},
		`{"a,b","{c}"," d "}`:   {"a,b", "{c}", " d "},
		`{"say \"hi\"","a\\b"}`: {`say "hi"`, `a\b`},
		`{"\\\""}`:              {`\"`},
		`{"Zürich","北京"}`:       {"Zürich", "北京"},
	} {
		if got := issuer.ArrayLiteral(items); got != want {
			t.Errorf("%q gives %s, want %s", items, got, want)
		}
	}
}

func TestPostgresReadsAnArrayLiteralAsItsItems(t *testing.T) {
	t.Parallel()
	pool, err := database.Open(t.Context(), pgtest.NewEmpty(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	texts := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(`"\,{} NULLnull'`))))
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(texts, 0, 6).Draw(t, "items")
		for i, item := range items {
			items[i] = strings.ReplaceAll(item, "\x00", "") // which no text of Postgres's holds, and no grant
		}
		var got []string
		if err := pool.QueryRow(t.Context(), `SELECT $1::text::text[]`, issuer.ArrayLiteral(items)).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, items) {
			t.Fatalf("%q is read as %q", items, got)
		}
	})
}

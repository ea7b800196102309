package issuer_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// readArray reads a one-dimensional array as Postgres does (manual §8.15.6): blanks around items count for nothing,
// unquoted NULL is no text, an unquoted item is not empty, and a backslash takes the next character as it is.
func readArray(literal string) ([]*string, error) {
	rest := []rune(literal)
	if len(rest) < 2 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return nil, errors.New("no braces")
	}
	rest = rest[1 : len(rest)-1]
	items := []*string{}
	for first := true; first || len(rest) > 0; first = false {
		if first && len(rest) == 0 {
			return items, nil
		}
		item, left, err := readItem(rest)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if len(left) > 0 {
			if left[0] != ',' || len(left) == 1 {
				return nil, errors.New("junk behind an item")
			}
			left = left[1:]
		}
		rest = left
	}
	return items, nil
}

func readItem(in []rune) (*string, []rune, error) {
	if len(in) > 0 && in[0] == '"' {
		var out []rune
		for i := 1; i < len(in); i++ {
			switch in[i] {
			case '"':
				text := string(out)
				return &text, in[i+1:], nil
			case '\\':
				i++
				if i == len(in) {
					return nil, nil, errors.New("a backslash at the end")
				}
			}
			out = append(out, in[i])
		}
		return nil, nil, errors.New("no closing quote")
	}
	end := slices.Index(in, ',')
	if end < 0 {
		end = len(in)
	}
	text := string(in[:end])
	if text == "" || slices.ContainsFunc(in[:end], func(c rune) bool { return c == '{' || c == '}' || c == '"' || c == '\\' }) {
		return nil, nil, errors.New("malformed")
	}
	if text == "NULL" {
		return nil, in[end:], nil
	}
	return &text, in[end:], nil
}

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

func TestAReaderOfArrayLiteralsFindsTheItemsAgain(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(`"\,{} NULL'`))))
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(texts, 0, 6).Draw(t, "items")
		read, err := readArray(issuer.ArrayLiteral(items))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, item := range read {
			if item == nil {
				t.Fatal("an item reads as NULL")
			}
			got = append(got, *item)
		}
		if diff := cmp.Diff(items, got); diff != "" && len(items)+len(got) > 0 {
			t.Fatalf("(-written +read):\n%s", diff)
		}
	})
}

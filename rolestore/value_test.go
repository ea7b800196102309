package rolestore_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestAValueIsWrittenAsJSONAndReadBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		value rolestore.Value
		want  string
	}{
		"a text":             {rolestore.Text(`a"b`), `"a\"b"`},
		"nothing":            {rolestore.Value{}, `""`},
		"a list":             {rolestore.List("a", ""), `["a",""]`},
		"an empty list":      {rolestore.List(), `[]`},
		"a list of one text": {rolestore.List("a"), `["a"]`},
	} {
		got, err := json.Marshal(tc.value)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: got %s and error %v, want %s", name, got, err, tc.want)
		}
		var back rolestore.Value
		if err := json.Unmarshal(got, &back); err != nil || !cmp.Equal(tc.value, back) {
			t.Errorf("%s: read back %#v and error %v", name, back, err)
		}
	}
}

func TestOnlyStringsAndListsOfStringsAreValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`1`, `true`, `{}`, `[1]`, `[null]`, `[["a"]]`, `["a",{}]`, `"\ud800"`} {
		value := rolestore.Text("before")
		if err := value.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s: got %#v and no error", text, value)
		}
	}
	if got, err := rolestore.Text("\xff").MarshalJSON(); err == nil {
		t.Errorf("invalid UTF-8 was written as %s", got)
	}
}

func TestAValueCannotBeChanged(t *testing.T) {
	t.Parallel()
	items := []string{"a", "b"}
	value := rolestore.List(items...)
	items[0] = "x"
	value.List()[1] = "y"
	if got := value.List(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	if !value.IsList() || value.Text() != "" {
		t.Error("a list is also a text")
	}
	text := rolestore.Text("a")
	if text.IsList() || text.List() != nil || text.Text() != "a" {
		t.Error("a text is also a list")
	}
	if text.Equal(rolestore.List("a")) || rolestore.List().Equal(rolestore.Text("")) {
		t.Error("a list of one text is taken for the text")
	}
}

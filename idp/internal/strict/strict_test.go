package strict_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

func TestOneTextIsOneByteString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-z0-9_\-=\n+/ ]{0,12}`).Draw(t, "text")
		decoded, err := strict.Base64(text)
		if err == nil && base64.RawURLEncoding.EncodeToString(decoded) != text {
			t.Fatalf("%q is another spelling of %x", text, decoded)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		decoded, err := strict.Base64(base64.RawURLEncoding.EncodeToString(plain))
		if err != nil || !slices.Equal(plain, decoded) {
			t.Fatalf("%x became %x, %v", plain, decoded, err)
		}
	})
}

// members reads doc into its names and raw values.
func members(doc string) (map[string]string, error) {
	found := map[string]string{}
	err := strict.Object([]byte(doc), func(name string, value jsontext.Value) error {
		found[name] = string(value)
		return nil
	})
	return found, err
}

func TestAnObjectIsReadAsItsWriterMeantIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "members")
		doc, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := members(string(doc))
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d members of %d: %v", len(got), len(want), err)
		}
		for name, value := range got {
			if text, ok := strict.Text(jsontext.Value(value)); !ok || text != want[name] {
				t.Fatalf("%q is %q, want %q", name, text, want[name])
			}
		}
	})
}

func TestDepthIsCountedOutsideTexts(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) }
	tests := map[string]struct {
		doc  string
		want error
	}{
		"32 levels":                       {nested(32), nil},
		"33 levels":                       {nested(33), strict.ErrDepth},
		"brackets in a text":              {`{"a":"` + strings.Repeat("[", 99) + `"}`, nil},
		"brackets in a name":              {`{"` + strings.Repeat("[", 99) + `":1}`, nil},
		"a quote that ends no text":       {`{"a":"\"` + strings.Repeat("[", 99) + `"}`, nil},
		"a backslash before the end":      {`{"a":"\\","b":` + strings.Repeat("[", 32), strict.ErrDepth},
		"siblings are not deeper":         {`{"a":[` + strings.Repeat("[],", 99) + `1]}`, nil},
		"a text that never ends":          {`{"a":"` + strings.Repeat("[", 99), strict.ErrObject},
		"closed more often than opened":   {`}}}}{"a":1}`, strict.ErrObject},
		"a list":                          {`[]`, strict.ErrObject},
		"nothing":                         {``, strict.ErrObject},
		"a value without a name":          {`{1:2}`, strict.ErrObject},
		"white space around is allowed":   {" \r\n\t{ } \n", nil},
		"a zero byte behind":              {"{}\x00", strict.ErrObject},
		"a comment":                       {`{/* */}`, strict.ErrObject},
		"a name repeated":                 {`{"a":1,"a":1}`, strict.ErrObject},
		"a name repeated one level below": {`{"b":[{"a":1,"\u0061":1}]}`, strict.ErrObject},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := members(test.doc); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestAnEnvelopeLetsThroughWhatItsPartsMayBeRefusedFor(t *testing.T) {
	t.Parallel()
	seen := 0
	err := strict.Envelope([]byte(`{"a":{"b":1,"b":2},"a":"`+"\xff"+`"}`), func(string, jsontext.Value) error {
		seen++
		return nil
	})
	if err != nil || seen != 2 {
		t.Errorf("%d members, %v", seen, err)
	}
}

func TestReadingEndsWhereTheVisitorSaysSo(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	if err := strict.Object([]byte(`{"a":1,"b":2}`), func(string, jsontext.Value) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error became %v", err)
	}
	if strict.Array(jsontext.Value(`[1,2]`), func(jsontext.Value) bool { return false }) {
		t.Error("a visitor that said no was not heard")
	}
	if strict.Array(jsontext.Value(`"text"`), func(jsontext.Value) bool { return true }) {
		t.Error("a text is taken for a list")
	}
}

func TestAnIntegerIsDigitsAlone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "7": 7, "1767225600": 1767225600, "999999999999999": 999999999999999} {
		if got, ok := strict.Integer(jsontext.Value(text)); !ok || got != want {
			t.Errorf("%s is read as %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-1", "-0", "1.0", "1e3", "1E400", `"1"`, "null", "true", "[1]", "1000000000000000", "18446744073709551617"} {
		if got, ok := strict.Integer(jsontext.Value(text)); ok {
			t.Errorf("%s is read as %d", text, got)
		}
	}
}

func TestTextsAreThoseOfTheArray(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		`[]`:                                {},
		`[ ]`:                               {},
		`["a"]`:                             {"a"},
		"[ \"a\" ,\n\t\"b\"\r, \"c\" ]":     {"a", "b", "c"},
		`["","a,b","]","[","\"","\\","é"]`:  {"", "a,b", "]", "[", `"`, `\`, "é"},
		`["\u0061\\\"","x"]`:                {`a\"`, "x"},
		`["a",1]`:                           nil,
		`[1]`:                               nil,
		`[null]`:                            nil,
		`[["a"]]`:                           nil,
		`["a",{"b":"c"}]`:                   nil,
		`"a"`:                               nil,
		`{"a":"b"}`:                         nil,
		`["1","2","3","4","5","6","7","8"]`: nil, // more than seven
	} {
		got, ok := strict.Texts(jsontext.Value(value), 7)
		if ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", value, got, ok)
		}
	}
}

func TestTextsAreReadAsAnotherReaderDoes(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(`"\,[]{} u0041`))))
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(text, 0, 20).Draw(t, "texts")
		value, err := json.MarshalIndent(want, rapid.SampledFrom([]string{"", "\n\t"}).Draw(t, "prefix"), " ")
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			value = []byte("[]")
		}
		got, ok := strict.Texts(jsontext.Value(strings.TrimSpace(string(value))), 20)
		for i := range want {
			want[i] = strings.ToValidUTF8(want[i], "\uFFFD") // as the writer did
		}
		if !ok || !slices.Equal(got, want) {
			t.Fatalf("%s: %q, %v", value, got, ok)
		}
	})
}

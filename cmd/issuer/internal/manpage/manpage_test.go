package manpage_test

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/manpage"
)

// TestTextIsSetAsItStands: no text is a command of roff, nor a letter that roff sets as another.
func TestTextIsSetAsItStands(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&struct{}{}, kong.Name("x"), kong.Description("One. Two."))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		".netrc": `\&.netrc`, "~/x": `\(ti/x`, "'a": `\(aqa`, "^a": `\(haa`, "`a": `\(gaa`, "-a": `\-a`, `\a`: `\ea`, "é": `\[u00E9]`, "a.b": "a.b",
	} {
		var page strings.Builder
		if err := (manpage.Page{App: parser.Model, Files: []manpage.File{{Path: text, Help: text}}}).Write(&page); err != nil {
			t.Fatal(err)
		}
		if all := ".TP\n.B \"" + want + "\"\n" + want + "\n"; !strings.HasSuffix(page.String(), all) {
			t.Errorf("%s: the page lacks %q:\n%s", text, all, &page)
		}
	}
}

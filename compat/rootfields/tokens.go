package rootfields

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

const fence = `"""`

// readTokens counts the tokens of a query, of which there may be so many at most. It refuses texts between fences of which
// one reader says that they end here, and another one there: then what is a field to one is text to the other, and it
// would be asked for unseen. Readers differ where more than three quotes follow one another, and about a fence that is
// escaped.
func readTokens(query string, most int) (count int, err error) {
	tokens := lexer.New(&ast.Source{Input: query})
	var runes []rune // which places in a query are counted in
	if strings.Contains(query, fence) {
		runes = []rune(query)
	}
	for ; ; count++ {
		token, err := tokens.ReadToken()
		switch {
		case err != nil:
			return 0, syntaxError(err)
		case token.Kind == lexer.EOF:
			return count, nil
		case count == most:
			return 0, wrong("the query has more than %d tokens", maxTokens)
		case token.Kind == lexer.BlockString && !endsForAll(runes, token.Pos.Start, token.Pos.End):
			return 0, wrong("the query has a text between triple quotes with an escaped one, or a quote beside one, in line %d: write it as a variable", token.Pos.Line)
		}
	}
}

// endsForAll tells whether a text ends at the first fence there is, with nothing that belongs to it.
func endsForAll(runes []rune, start, end int) bool {
	text := string(runes[start:end])
	isFirst := strings.Index(text[len(fence):], fence) == len(text)-2*len(fence)
	return isFirst && (end == len(runes) || runes[end] != '"')
}

package rolestore

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxDocument bounds a roles file. Reading takes about eighty times as much
// memory, and a second for 4 MiB: who needs more wants a database.
const MaxDocument = 16 << 20

// ParseDocument reads roles.yaml (its form is in the README) and returns it in a
// stable order, GUIDs in lower case, times in UTC. It is strict: unknown and
// repeated members, a bare number or boolean where a text belongs, two entries
// with one identity, and what the rules forbid are faults; so are YAML's
// anchors, tags, block scalars and further documents, which nothing here needs.
// The error holds every fault in a line of its own, with the line of the file,
// the member and what is wanted, and none of the file's values.
func ParseDocument(data []byte, rules Rules) (Document, error) {
	body, err := parseYAML(data)
	if err != nil {
		return Document{}, err
	}
	var r reader
	r.document(body)
	doc := r.doc.canonical()
	for _, f := range doc.faults(rules) {
		r.judge(f)
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
		return Document{}, r.faults
	}
	doc.sort()
	return doc, nil
}

// parseYAML returns the body of the one document in data.
func parseYAML(data []byte) (body ast.Node, err error) {
	// A new file may reach a running service at any time: a bug of the YAML
	// library must cost this version of the file, not the service.
	defer func() {
		if recover() != nil {
			body, err = nil, oneFault(0, "this cannot be read as YAML")
		}
	}()
	if len(data) > MaxDocument {
		return nil, oneFault(0, fmt.Sprintf("want at most %d MiB; a database holds more", MaxDocument>>20))
	}
	if !utf8.Valid(data) {
		return nil, oneFault(0, "want UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors begin a file with it
	tokens := lexer.Tokenize(string(data))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	// Repeated members are found by the reader, all of them and with their lines.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if known, ok := errors.AsType[yaml.Error](err); ok {
		return nil, oneFault(known.GetToken().Position.Line, "this is not YAML: "+known.GetMessage())
	}
	if err != nil {
		return nil, oneFault(0, "this cannot be read as YAML")
	}
	docs := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	switch len(docs) {
	case 0:
		// Also what a writer leaves for a moment between emptying and filling a file.
		return nil, oneFault(0, "this is empty: write grants: [] if nobody is to have a role")
	case 1:
		return docs[0].Body, nil
	default:
		return nil, oneFault(docs[1].Body.GetToken().Position.Line, "want one YAML document, not several")
	}
}

// maxNesting is twice what a document needs.
const maxNesting = 8

// checkTokens refuses what no document needs, before the parser builds on it:
// it follows nesting by recursion, as deep as it goes.
func checkTokens(tokens token.Tokens) error {
	brackets, dashes, line := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			dashes, line = 0, tk.Position.Line
		}
		switch tk.Type { //nolint:exhaustive // everything else is ordinary
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.DirectiveType, token.MappingKeyType:
			return oneFault(line, "anchors, aliases, tags, merge keys, directives and complex keys are not used here (put a text that begins with & * ! % or ? in quotes)")
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType:
			dashes++
		}
		if brackets > maxNesting || dashes > maxNesting {
			return oneFault(line, "this is nested too deeply")
		}
	}
	return nil
}

func oneFault(line int, text string) error {
	return faults{{line: line, flaw: flaw{text: text}}}
}

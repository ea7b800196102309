package rolestore

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// session reads the session variables of a grant.
func (r *reader) session(e entry) map[string]Value {
	node := e.members["session"]
	if node == nil {
		return nil
	}
	variables, ok := r.mapping(entry{list: e.list, index: e.index}, "session", node)
	if !ok {
		e.faulty["session"] = true
		return nil
	}
	session := map[string]Value{}
	for name, node := range variables.members {
		member := "session." + name
		e.members[member] = node
		value, problem := valueOf(node)
		if problem != "" && isVariable(name) { // a name that is none is reported by the rules
			r.fault(e, member, lineOf(node), problem)
		}
		session[name] = value
	}
	return session
}

// valueOf returns a text or a list of texts, or what is wanted instead.
func valueOf(node ast.Node) (Value, string) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		text, problem := textOf(node)
		return Text(text), problem
	}
	items := make([]string, 0, len(list.Values))
	for _, item := range list.Values {
		text, problem := textOf(item)
		if problem != "" {
			return Value{}, problem
		}
		items = append(items, text)
	}
	return List(items...), ""
}

// textOf returns the text of a node, or what is wanted instead. A bare word that
// a YAML reader may take for something else is no text: whether 007 or no is
// one should not depend on the reader.
func textOf(node ast.Node) (text, problem string) {
	s, ok := node.(*ast.StringNode)
	switch {
	case ok && s.Token.Type == token.StringType && isAmbiguous(s.Value):
		return "", "put this word in quotes: bare, it may be read as a boolean"
	case ok:
		return s.Value, ""
	}
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "", "put this number in quotes: want a text"
	case *ast.BoolNode:
		return "", "put this word in quotes: want a text"
	case *ast.NullNode:
		return "", `nothing is given: want a text, "" for an empty one`
	default:
		return "", "want a text on one line, in quotes if it holds more than a word"
	}
}

func lineOf(node ast.Node) int { return node.GetToken().Position.Line }

// shown returns the name of an unknown member, shortened and free of anything
// that could disturb a terminal.
func shown(key ast.MapKeyNode) string {
	const most = 40
	name := key.GetToken().Value
	if len(name) > most {
		name = name[:most] + "…"
	}
	return strconv.QuoteToASCII(name)
}

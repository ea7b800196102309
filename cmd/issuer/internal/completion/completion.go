// Package completion answers: which word may stand here on the command line? It reads that from kong's model of the
// commands, so that nothing is listed twice. The scripts for the shells ask the program, and know no command themselves.
package completion

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Files stands for the names of files, which a shell completes by itself.
const Files = ":files"

// Candidate is a word that may stand there, with what it does.
type Candidate struct{ Text, Help string }

// Candidates are the words that the last of words may become, which may be empty; the program's name is not among words.
// Files alone asks the shell for the names of files. It may be called concurrently for different models only.
func Candidates(app *kong.Application, words []string) []Candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	before, current := words[:len(words)-1], words[len(words)-1]
	s := state{node: app.Node}
	for _, word := range before {
		s.pass(word)
	}
	return s.candidates(current)
}

// state is how far a command line has got.
type state struct {
	node    *kong.Node
	flag    *kong.Flag // wants its value next; nil: none does
	equals  bool       // and there was a = behind it
	given   []string   // flags that stand there already
	literal bool       // behind --
	args    int        // positional ones, so far
}

func (s *state) pass(word string) {
	switch {
	case s.flag != nil && word == "=" && !s.equals: // bash makes it a word of its own
		s.equals = true
	case s.flag != nil:
		s.flag, s.equals = nil, false
	case word == "--":
		s.literal = true
	case !s.literal && strings.HasPrefix(word, "-") && word != "-":
		s.passFlag(word)
	default:
		if child := named(s.node, word); child != nil && !s.literal {
			s.node = child
		} else {
			s.args++
		}
	}
}

func (s *state) passFlag(word string) {
	name, _, valued := strings.Cut(word, "=")
	for _, flag := range flagsOf(s.node) {
		if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
			s.given = append(s.given, flag.Name)
			if !valued && !flag.IsBool() && !flag.IsCounter() {
				s.flag = flag
			}
		}
	}
}

func (s *state) candidates(current string) []Candidate {
	if s.flag != nil {
		if current == "=" {
			current = ""
		}
		return values(s.flag.Value, "", current)
	}
	if name, value, valued := strings.Cut(current, "="); valued && strings.HasPrefix(name, "--") && !s.literal {
		for _, flag := range flagsOf(s.node) {
			if name == "--"+flag.Name {
				return values(flag.Value, name+"=", value)
			}
		}
		return nil
	}
	if strings.HasPrefix(current, "-") && !s.literal {
		return s.flags(current)
	}
	var all []Candidate
	for _, child := range s.node.Children {
		if !child.Hidden && strings.HasPrefix(child.Name, current) {
			all = append(all, Candidate{child.Name, firstSentence(child.Help)})
		}
	}
	if s.args < len(s.node.Positional) {
		all = append(all, values(s.node.Positional[s.args], "", current)...)
	}
	return all
}

// flags are those that may still stand there.
func (s *state) flags(prefix string) []Candidate {
	var all []Candidate
	for _, flag := range flagsOf(s.node) {
		if text := "--" + flag.Name; strings.HasPrefix(text, prefix) && (!slices.Contains(s.given, flag.Name) || flag.IsCumulative()) {
			all = append(all, Candidate{text, firstSentence(flag.Help)})
		}
	}
	return all
}

// values are what a flag or an argument may hold: the words of its enum, or files where its name or its placeholder says so.
func values(v *kong.Value, before, prefix string) []Candidate {
	if v.Enum != "" {
		var all []Candidate
		for word := range strings.SplitSeq(v.Enum, ",") {
			if strings.HasPrefix(word, prefix) {
				all = append(all, Candidate{before + word, ""})
			}
		}
		return all
	}
	if before == "" && (v.Name == "file" || v.Tag.PlaceHolder == "FILE") {
		return []Candidate{{Text: Files}}
	}
	return nil
}

func named(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word {
			return child
		}
	}
	return nil
}

func flagsOf(node *kong.Node) []*kong.Flag { return slices.Concat(node.AllFlags(true)...) }

// firstSentence is as much of a help text as a list has room for.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(strings.ReplaceAll(first, "\n", " "), ".")
}

//go:embed issuer.bash
var bash string

//go:embed issuer.zsh
var zsh string

//go:embed issuer.fish
var fish string

// Script is what bash, zsh or fish has to read; "" for any other shell.
func Script(shell string) string {
	return map[string]string{"bash": bash, "zsh": zsh, "fish": fish}[shell]
}

package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

var negative = regexp.MustCompile(`^-[0-9]`)

// withNegatives joins negative numbers to the flags before them: no flag of ours is a digit.
func withNegatives(args []string) []string {
	joined := make([]string, 0, len(args))
	for i, arg := range args {
		if i > 0 && negative.MatchString(arg) && !hyphenKID.MatchString(arg) && strings.HasPrefix(args[i-1], "--") && len(args[i-1]) > 2 && !strings.Contains(args[i-1], "=") {
			joined[len(joined)-1] += "=" + arg
			continue
		}
		joined = append(joined, arg)
	}
	return joined
}

// hyphenKID is the id of a key (RFC 7638, in base64url) that begins with a hyphen, as one in 64 does. No flag is that long.
var hyphenKID = regexp.MustCompile(`^-[A-Za-z0-9_-]{42}$`)

// kidsLast puts ids that would be taken for flags where no flag can be: behind "--".
func kidsLast(args []string) []string {
	if slices.Contains(args, "--") || !slices.ContainsFunc(args, hyphenKID.MatchString) {
		return args
	}
	var rest, kids []string
	for _, arg := range args {
		if hyphenKID.MatchString(arg) {
			kids = append(kids, arg)
		} else {
			rest = append(rest, arg)
		}
	}
	return slices.Concat(rest, []string{"--"}, kids)
}

// wrongLine is what is wrong with a line that was not understood, which its words may be quoted in, but no token or other secret in the
// wrong place: where the line has such words, it is read again with others for them, and what is wrong with that is said.
func (p *program) wrongLine(ctx context.Context, args []string, wrong error) error {
	parser, err := p.parser(ctx, func(int) {})
	if err != nil {
		return err
	}
	if shown := withoutSecrets(args); !slices.Equal(shown, args) {
		if _, wrong = parser.Parse(kidsLast(withNegatives(shown))); wrong == nil {
			wrong = errors.New("a word of the line stands in the wrong place " + notShown)
		}
	}
	return usagef("%w%s; see %s --help", wrong, namesakes(parser, args), meant(wrong))
}

// withoutSecrets has something else stand for those words, and values of flags, that may be secrets, and for the words behind them, which
// may be the rest of one. Where there are any, help is not asked for any more.
func withoutSecrets(args []string) []string {
	if !slices.ContainsFunc(args, isHidden) {
		return args
	}
	shown, found := make([]string, 0, len(args)), false
	for _, arg := range args {
		name, _, hasValue := strings.Cut(arg, "=")
		isFlag := strings.HasPrefix(arg, "-") && !isHidden(name)
		found = found || isHidden(arg)
		switch {
		case arg == "--help" || arg == "-h":
		case isHidden(arg) && isFlag && hasValue:
			shown = append(shown, name+"="+notShown)
		case isHidden(arg), found && !isFlag:
			shown = append(shown, notShown)
		default:
			shown = append(shown, arg)
		}
	}
	return shown
}

// meant is the command that a wrong line got as far as, such as "issuer keys".
func meant(err error) string {
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		if command := parse.Context.Selected(); command != nil {
			return command.FullPath()
		}
	}
	return "issuer"
}

// namesakes names the commands whose last word a line began with: issuer rotate is meant for issuer keys rotate.
func namesakes(parser *kong.Kong, args []string) string {
	var all []string
	for _, node := range parser.Model.Leaves(true) {
		if node.Name == args[0] && node.Parent.Parent != nil {
			all = append(all, node.FullPath())
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ", did you mean " + strings.Join(all, " or ") + "?"
}

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/completion"
)

type completionCmd struct {
	Shell string `arg:"" name:"bash|zsh|fish" enum:"bash,zsh,fish" help:"The shell."` // by its name, errors say what is wanted
}

func (c *completionCmd) Run(p *program) error {
	_, err := io.WriteString(p.stdout, completion.Script(c.Shell))
	return err
}

// completeCmd is what the scripts ask. It reads no settings.
type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

func (c *completeCmd) Run(ctx context.Context, p *program) error {
	parser, err := p.parser(ctx, func(int) {})
	if err != nil {
		return err
	}
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, one := range completion.Candidates(parser.Model, words) {
		if _, err := fmt.Fprintf(p.stdout, "%s\t%s\n", one.Text, one.Help); err != nil {
			return err
		}
	}
	return nil
}

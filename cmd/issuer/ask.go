package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
)

// say tells a person how it ended, beside the data on stdout.
func (p *program) say(sentence string) error {
	_, err := fmt.Fprintln(p.stderr, sentence)
	return err
}

// during shows the person at a terminal that something takes its time, and how far it is where step is told, until stop is called.
// step may be called concurrently.
func (p *program) during(what string) (step func(done, all int), stop func()) {
	var far atomic.Pointer[string]
	step = func(done, all int) {
		text := fmt.Sprintf(": %d of %d", done, all)
		far.Store(&text)
	}
	if !p.live {
		return step, func() {}
	}
	return step, screen.Progress(p.stderr, func() string {
		if text := far.Load(); text != nil {
			return what + *text
		}
		return what
	})
}

// confirm asks question on the terminal. It is nil after yes, or without asking where yes is set.
func (p *program) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !p.terminal {
		return usagef("this asks before it changes anything, and there is no terminal to ask on; say --yes")
	}
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	if p.answers == nil {
		p.answers = bufio.NewReader(p.stdin) // one for all questions: it reads ahead
	}
	answers := make(chan string, 1)
	go func() { // a terminal cannot be read with a deadline; the process ends soon after ctx does
		line, _ := p.answers.ReadString('\n')
		answers <- line
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case line := <-answers:
		if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
			return nil
		}
		return errors.New("nothing was changed")
	}
}

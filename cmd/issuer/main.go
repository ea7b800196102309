// Command issuer exchanges Microsoft Entra tokens for Hasura tokens. It decides which parts run with which settings,
// and nothing about tokens, roles or keys themselves.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or settings
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := program{
		environ:  os.Environ(),
		stdin:    os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		terminal: isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stderr.Fd()),
		colour:   isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("NO_COLOR") == "", //nolint:forbidigo // a convention of terminals (no-color.org), not a setting of ours
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is what one run of the command stands on. Nothing below it reads the process's own environment or streams, so
// that a test runs the whole program in its own process.
type program struct {
	environ  []string // as os.Environ
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	terminal bool // a person sits in front of stdin and stderr and can be asked
	colour   bool // stderr shows colours
}

// usageError is wrong usage or wrong settings: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run parses args, runs the command they name until it ends or ctx does, and returns the exit code. Everything a person
// should read goes to stderr, everything a program may read to stdout.
func (p *program) run(ctx context.Context, args []string) int {
	var commands cli
	exited, code := false, exitDone
	parser, err := kong.New(&commands,
		kong.Name("issuer"),
		kong.Description("Exchanges Microsoft Entra tokens for Hasura tokens. Settings come from the environment (ISSUER_…), see the README."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(c int) { exited, code = true, c }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return p.fail(fmt.Errorf("command table: %w", err))
	}
	if len(args) == 0 {
		_, _ = parser.Parse([]string{"--help"})
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	if exited { // help was printed
		return code
	}
	if err != nil {
		return p.fail(usagef("%w; see issuer --help", err))
	}
	return p.fail(parsed.Run())
}

// fail prints err, if there is one, and returns the exit code for it.
func (p *program) fail(err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(p.stderr, "issuer: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

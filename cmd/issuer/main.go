// Command issuer exchanges Microsoft Entra tokens for Hasura tokens. It decides which parts run with which settings,
// and nothing about tokens, roles or keys themselves.
package main

import (
	"bufio"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or settings
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	toggles := make(chan os.Signal, 1)
	notifyToggle(toggles)
	environ := os.Environ()
	p := program{
		environ:  environ,
		stdin:    os.Stdin,
		stdout:   shownBy(os.Stdout, environ),
		stderr:   os.Stderr,
		toggles:  toggles,
		terminal: isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stderr.Fd()),
		colour:   screen.Shows(environ, isatty.IsTerminal(os.Stderr.Fd())),
		live:     isatty.IsTerminal(os.Stderr.Fd()),
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// shownBy is file as the screen that it is. What is none stays the file.
func shownBy(file *os.File, environ []string) io.Writer {
	s := screen.Screen{Writer: file}
	if isatty.IsTerminal(file.Fd()) {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			s.Width = width
		}
	}
	s.Colour = screen.Shows(environ, isatty.IsTerminal(file.Fd()))
	if s.Width == 0 && !s.Colour {
		return file
	}
	return s
}

// program is what one run of the command stands on. Nothing below it reads the process's own environment or streams, so
// that a test runs the whole program in its own process.
type program struct {
	environ  []string // as os.Environ
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	terminal bool             // a person sits in front of stdin and stderr and can be asked
	colour   bool             // stderr shows colours
	live     bool             // stderr is a terminal, on which a line may be written over
	answers  *bufio.Reader    // stdin, once somebody was asked
	redis    redisOpener      // for tests, whose machine may be slow; nil: redisconn.Open
	toggles  <-chan os.Signal // each toggles the log level of a service; nil: none come
	azure    *http.Client     // for tests, whose Entra and Key Vault have a certificate of their own; nil: as usual
	wait     waiter           // for tests, in which nobody waits for a person; nil: as long as it says
	now      func() time.Time // for tests, whose machine has a wrong clock as the keys see it; nil: time.Now
	rsaKey   rsaMaker         // for tests, in which many fake tenants share keys; nil: each makes its own
	records  int              // for tests, of the audit that may wait in memory; 0: as many as usual
}

// rsaMaker is that of faketenant.Options.
type rsaMaker = func() (*rsa.PrivateKey, error)

// waiter returns once d is over, or with an error when ctx ends first.
type waiter = func(ctx context.Context, d time.Duration) error

// usageError is wrong usage or wrong settings: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run parses args, runs the command they name until it ends or ctx does, and returns the exit code. Everything a person
// should read goes to stderr, everything a program may read to stdout.
func (p *program) run(ctx context.Context, args []string) int {
	exited, code := false, exitDone
	parser, err := p.parser(ctx, func(c int) { exited, code = true, c })
	if err != nil {
		return p.fail(fmt.Errorf("command table: %w", err))
	}
	if len(args) == 0 {
		_, _ = parser.Parse([]string{"--help"})
		return exitUsage
	}
	parsed, err := parser.Parse(kidsLast(withNegatives(args)))
	if exited { // help was printed
		return code
	}
	if err != nil {
		return p.fail(p.wrongLine(ctx, args, err))
	}
	return p.fail(parsed.Run())
}

// parser makes what reads a command line; exit is called where that line asks for help, once it was printed.
func (p *program) parser(ctx context.Context, exit func(code int)) (*kong.Kong, error) {
	return kong.New(&cli{},
		kong.Name("issuer"),
		kong.Description("Exchanges Microsoft Entra tokens for Hasura tokens. Settings come from the environment (ISSUER_…): issuer man has them all."),
		kong.Writers(screen.Of(p.stdout).Writer, p.stderr), // which finds out its width by itself
		kong.Exit(exit),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(printHelp),
	)
}

// next is what to run after an error that says it not itself; "" where nobody knows.
func next(err error) string {
	if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
		return "\n  next: issuer check --online tries the database, and what else the settings name"
	}
	if _, lacks := errors.AsType[lackingError](err); lacks {
		return "\n  next: issuer check says what a service still needs; issuer dev needs nothing"
	}
	return ""
}

// fail prints err, if there is one, and returns the exit code for it.
func (p *program) fail(err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(p.stderr, "%s %s\n", screen.Screen{Colour: p.colour}.In(screen.Red, "issuer:"), lines(err.Error()+next(err)))
	_, usage := errors.AsType[usageError](err)
	_, sealing := errors.AsType[*keys.SealingError](err) // the settings do not fit the store, whatever the command
	if usage || sealing {
		return exitUsage
	}
	return exitFailed
}

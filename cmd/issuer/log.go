package main

import (
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/linewriter"
)

// logConsole is the value of ISSUER_LOG_FORMAT that is for a person.
const logConsole = "console"

// openLog writes one JSON object a line to w, or text for a person, coloured where it shows on a terminal.
func openLog(s settings, w io.Writer, colour bool) *logLevel {
	if s.LogFormat == logConsole {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !colour}
	}
	return newLogLevel(s.LogLevel, zerolog.New(w).With().Timestamp().Logger())
}

// gathered has lines written many at a time, to what is a file or a pipe. A line costs a system call
// otherwise, which is a fifth of what a webhook's answer does.
func (svc *service) gathered(w io.Writer) io.Writer {
	if _, file := w.(*os.File); !file {
		return w
	}
	lines := linewriter.New(w)
	svc.onClose(lines.Flush)
	return lines
}

package main

import (
	"context"
	"os"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// logLevel is from which level on lines are written. It changes while the service runs, for this process alone and until
// it ends. It is an adminapi.Verbosity and a zerolog.Sampler, and safe for concurrent use.
type logLevel struct {
	now        atomic.Int32
	configured zerolog.Level
	always     zerolog.Logger // writes whatever the level: how it changed is on record also where little else is
}

// newLogLevel returns the level that the settings say, for a logger that by itself writes everything.
func newLogLevel(configured string, everything zerolog.Logger) *logLevel {
	level, err := zerolog.ParseLevel(configured)
	if err != nil {
		level = zerolog.InfoLevel
	}
	l := &logLevel{configured: level, always: everything}
	l.now.Store(int32(level))
	return l
}

// logger writes what has the level, and asks before a line is put together.
func (l *logLevel) logger() zerolog.Logger { return l.always.Sample(l) }

// Sample is zerolog.Sampler's.
func (l *logLevel) Sample(line zerolog.Level) bool { return int32(line) >= l.now.Load() }

// Level returns the level that counts and the one of the settings.
func (l *logLevel) Level() (now, configured string) {
	return levelOf(l.now.Load()).String(), l.configured.String()
}

// levelOf is a level as it is kept here.
func levelOf(kept int32) zerolog.Level { return zerolog.Level(kept) } //nolint:gosec // only levels are kept

// SetLevel has lines written from level on, one of logLevels, and writes who wanted it.
func (l *logLevel) SetLevel(level, actor string) {
	wanted, err := zerolog.ParseLevel(level)
	if err != nil {
		return
	}
	before := levelOf(l.now.Swap(int32(wanted)))
	l.always.Info().Str("from", before.String()).Str("to", level).Str("actor", actor).Msg("log level set")
}

// toggle goes to debug, or back from there to the level of the settings, or to info where that is debug.
func (l *logLevel) toggle(actor string) {
	wanted := zerolog.DebugLevel
	if now, _ := l.Level(); now == zerolog.DebugLevel.String() {
		wanted = max(l.configured, zerolog.InfoLevel)
	}
	l.SetLevel(wanted.String(), actor)
}

// loop toggles at each of the signals.
func (l *logLevel) loop(signals <-chan os.Signal) loop {
	return loop{name: "log level", run: func(ctx context.Context, _ func(error)) {
		for {
			select {
			case <-signals:
				l.toggle("signal")
			case <-ctx.Done():
				return
			}
		}
	}}
}

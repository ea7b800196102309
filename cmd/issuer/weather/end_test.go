package weather

import (
	"strings"
	"syscall"
)

// quit tells a replica to stop, which it does in order.
func (w *world) quit(r *replica) {
	w.Helper()
	if err := r.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.Fatal(err)
	}
	<-r.Exited
	w.inspect(r)
	if r.Code != 0 {
		w.Errorf("told to stop, it ended with %d:\n%s", r.Code, tail(r.Stderr.String()))
	}
}

// inspect looks through what a replica has logged.
func (w *world) inspect(r *replica) {
	w.Helper()
	log := r.Stderr.String()
	for _, word := range []string{"DATA RACE", "panic", `"reason":"internal"`} {
		if strings.Contains(log, word) {
			w.Errorf("the log has %q:\n%s", word, tail(log))
		}
	}
	for _, c := range w.callers {
		if strings.Contains(log, c.token) {
			w.Errorf("the token of a caller %s stands in the log", c.name)
		}
	}
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

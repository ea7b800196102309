package screen

import (
	"fmt"
	"io"
	"time"
)

// patience is how long something may take before a word is said about it.
const patience = time.Second

// Progress says on a terminal what takes its time, and for how long it has, once that is more than a second. It asks what each
// second. Stop wipes the line, and returns when nothing is written any more; it is called once, before anything else is written there.
func Progress(w io.Writer, what func() string) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		begun, tick := time.Now(), time.NewTicker(patience)
		defer tick.Stop()
		shown := false
		for {
			select {
			case now := <-tick.C:
				shown = true
				fmt.Fprintf(w, "\r%s … %d s\x1b[K", what(), now.Sub(begun).Round(time.Second)/time.Second)
			case <-done:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

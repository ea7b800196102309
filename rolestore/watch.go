package rolestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// Run follows the file until ctx ends: a change is in force within about a
// second. A broken version is reported once, with all its faults, and so is a
// file that has vanished; the last good version stays in force until the file is
// mended. Each version that comes into force is handed to inForce. Both functions
// are called by this goroutine alone. Run is called once.
func (f *File) Run(ctx context.Context, report func(error), inForce func(Version)) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var w watch
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		info, _ := os.Stat(f.path) // whatever is wrong, reading will say it
		if !w.due(info) {
			continue
		}
		version, isNews, err := f.reload()
		switch {
		case isNews && err != nil:
			report(err)
		case isNews:
			inForce(version)
		}
		if _, judged := errors.AsType[faults](err); err != nil && !judged {
			w.read = false // it could not be read, and may be readable again without looking any different
		}
	}
}

// watch decides when a file is worth reading. It is read when it has looked the
// same twice: while somebody writes it in place, its first half may well be a
// good document that lacks the blocks at its end. Likewise it is gone only when
// it is gone twice, not while somebody removes and makes it anew.
type watch struct {
	looked bool
	last   fs.FileInfo // what was seen last; nil if there was no file
	read   bool        // what was seen last has been read
}

// due takes what a look at the file found, nil if nothing.
func (w *watch) due(now fs.FileInfo) bool {
	same := w.looked && looksSame(w.last, now)
	due := same && !w.read
	w.looked, w.last, w.read = true, now, same
	return due
}

func looksSame(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

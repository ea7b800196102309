package rolestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery is how often Run looks at the file. A change is read at the second
// look that finds it, so it is in force within a second and a bit.
const pollEvery = 500 * time.Millisecond

// File answers from a roles.yaml that is held in memory. All its methods may be
// called at the same time.
type File struct {
	path  string
	rules Rules

	current atomic.Pointer[verdict]

	reloading sync.Mutex // one reload at a time; guards judged
	judged    [sha256.Size]byte
}

// verdict is the outcome of the last reload.
type verdict struct {
	roles index // of the last good version
	fault error // why the newest version is not in force; nil if it is
}

// Version is a version of the roles file that has come into force.
type Version struct {
	Grants, Blocks int
	Mended         bool // what was there before it was refused
}

// OpenFile reads the roles file at path. It fails if the file cannot be read or
// has any fault; the error holds all of them (see ParseDocument).
func OpenFile(path string, rules Rules) (*File, error) {
	f := &File{path: path, rules: rules}
	f.current.Store(&verdict{})
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Grants returns what the file holds about the caller. It fails with
// ErrUnavailable once ctx has ended, and with another error if the query lacks
// the caller's ids.
func (f *File) Grants(ctx context.Context, q Query) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, fmt.Errorf("look up roles: %w: %w", ErrUnavailable, err)
	}
	tenant, principals, err := q.principals()
	if err != nil {
		return Answer{}, err
	}
	return f.current.Load().roles.answer(tenant, principals), nil
}

// Health returns nil while the newest version of the file is in force, and else
// an error in one short sentence: what Run or Reload found wrong, while the last
// good version stays in force. It answers from memory.
func (f *File) Health() error {
	fault := f.current.Load().fault
	if fault == nil {
		return nil
	}
	if all, ok := errors.AsType[faults](fault); ok {
		return fmt.Errorf("the newest version of the roles file is refused (faults: %d), the last good one is in force", len(all))
	}
	return errors.New("the roles file cannot be read, its last good version is in force")
}

// Reload reads the file at once and puts it in force if it is good. The error
// says what is wrong with the newest version; the last good one then stays.
func (f *File) Reload() error {
	_, _, err := f.reload()
	return err
}

// reload is Reload, and tells whether the outcome is news: each version is told
// once, and so is each reason why the file cannot be read.
func (f *File) reload() (now Version, isNews bool, fault error) {
	f.reloading.Lock()
	defer f.reloading.Unlock()
	data, err := f.read()
	version := sha256.Sum256(data)
	if err != nil {
		version = sha256.Sum256([]byte(err.Error()))
	}
	last := f.current.Load()
	if version == f.judged {
		return Version{}, false, last.fault
	}
	f.judged = version
	if err != nil {
		return Version{}, true, f.refuse(last, fmt.Errorf("read the roles file: %w", err))
	}
	doc, err := ParseDocument(data, f.rules)
	if err != nil {
		return Version{}, true, f.refuse(last, fmt.Errorf("the roles file %s is not as it should be:\n%w", f.path, err))
	}
	f.current.Store(&verdict{roles: newIndex(doc)})
	return Version{Grants: len(doc.Grants), Blocks: len(doc.Blocks), Mended: last.fault != nil}, true, nil
}

// refuse keeps the last good version in force and remembers why.
func (f *File) refuse(last *verdict, fault error) error {
	f.current.Store(&verdict{roles: last.roles, fault: fault})
	return fault
}

// read returns the content of the file, one byte more than is allowed at most.
func (f *File) read() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // nothing was written
	return io.ReadAll(io.LimitReader(file, MaxDocument+1))
}

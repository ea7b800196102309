package keystore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// File keeps a ring in one JSON file. It holds private keys, in the clear
// where no sealer is used, so nobody but its owner may read it.
type File struct {
	path string
	now  func() time.Time
	lock *flock.Flock
	mu   sync.Mutex // held over a whole Update; the lock file keeps other processes out
}

// ErrInUse is what OpenFile and ReadUnused return where another process has the file.
var ErrInUse = errors.New("is in use by another process: stop that first")

// OpenFile takes the file at path, which need not exist yet, in a folder
// that does, on the clock given. Beside it lie path.lock, which says that this
// process has the file and that it once held a ring, path.seen, which says who
// was seen with it, and for moments path.tmp.
// A file that another process has (ErrInUse), is readable by others, or is not a
// whole key file is an error. Close gives the file back.
func OpenFile(path string, now func() time.Time) (*File, error) {
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
		return nil, fmt.Errorf("the folder %s does not exist; make it, owned by the account that runs issuer", filepath.Dir(path))
	}
	f := &File{path: path, now: now, lock: flock.New(lockPath(path))}
	locked, err := f.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the keys file: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("the keys file %s %w", path, ErrInUse)
	}
	if err := f.takeOver(); err != nil {
		return nil, errors.Join(err, f.lock.Close())
	}
	return f, nil
}

// ReadUnused is ReadFile for a ring that is about to move elsewhere: nobody may go on with the old one, and free lets
// others have the file again. Nothing is written beside it, so that a copy in a place for reading only will do.
func ReadUnused(path string, now time.Time) (ring keys.State, free func(), err error) {
	free = func() {}
	if _, err := os.Stat(lockPath(path)); err == nil { // else no process has had it
		lock := flock.New(lockPath(path), flock.SetFlag(os.O_RDONLY))
		locked, err := lock.TryLock()
		if err != nil {
			return keys.State{}, nil, fmt.Errorf("lock the keys file: %w", err)
		}
		if !locked {
			return keys.State{}, nil, fmt.Errorf("the keys file %s %w", path, ErrInUse)
		}
		free = func() { _ = lock.Close() }
	}
	if ring, err = ReadFile(path, now); err != nil {
		free()
		return keys.State{}, nil, err
	}
	return ring, free, nil
}

// takeOver clears up after a process that was killed in the middle of a write:
// what it left holds private keys and is of no use.
func (f *File) takeOver() error {
	if err := os.Remove(tempPath(f.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an unfinished keys file: %w", err)
	}
	_, err := ReadFile(f.path, f.now())
	return err
}

// Close gives the file back to other processes. Load and Update fail after it.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("unlock the keys file: %w", err)
	}
	return nil
}

// Load reads the file.
func (f *File) Load(ctx context.Context) (keys.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load(ctx)
}

func (f *File) load(ctx context.Context) (keys.State, error) {
	if err := ctx.Err(); err != nil {
		return keys.State{}, err
	}
	if !f.lock.Locked() {
		return keys.State{}, errors.New("the keys file was closed")
	}
	return ReadFile(f.path, f.now())
}

// Update is Store's. The new file is on the disk, whole, before the old one is gone.
func (f *File) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.load(ctx)
	if err != nil {
		return keys.State{}, err
	}
	change, err := decide(s.Clone())
	if err != nil || change.Empty() {
		return s, err
	}
	next, err := s.Apply(change)
	if err != nil {
		return keys.State{}, err
	}
	text, err := encodeFile(next)
	if err != nil {
		return keys.State{}, err
	}
	if err := f.write(text); err != nil {
		return keys.State{}, fmt.Errorf("write the keys file: %w", err)
	}
	return next, nil
}

// write replaces the file at one moment: a reader, and a process that starts
// after a crash, sees the old one or the new one. A library would do, but for
// two things: its temporary files have a new name each time, so those with
// private keys in them would pile up where a process is killed often, and the
// folder, which holds the new name, is left to the next flush.
func (f *File) write(text []byte) error {
	temp, err := os.OpenFile(tempPath(f.path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(tempPath(f.path), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tempPath(f.path)))
	}
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return err
	}
	// Last, so that the mark never stands without a ring that was once there.
	return os.WriteFile(lockPath(f.path), []byte(foundedMark), 0o600)
}

// foundedMark is what the lock file holds once there was a ring. It outlives
// the keys file, so that a keys file that went missing is not replaced by a new
// ring in silence.
const foundedMark = "this keys file has held a ring\n"

func lockPath(path string) string { return path + ".lock" }

func tempPath(path string) string { return path + ".tmp" }

func witnessPath(path string) string { return path + ".seen" }

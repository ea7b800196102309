package keys

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// KEK is a key-encryption key: 32 bytes, and the id that sealed keys name it by.
// It shows its id alone in print.
type KEK struct {
	ID  string
	Key [32]byte

	// Fetch, where set, gets Key from where it lies, see Sealer.Fetch. Its error is
	// a sentence that may be shown.
	Fetch func(ctx context.Context) ([32]byte, error)
}

// Format writes the id, whatever the verb.
func (k KEK) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "KEK %q", k.ID) }

// kek is a key-encryption key of a sealer, which may still have to be fetched.
type kek struct {
	id    string
	fetch func(ctx context.Context) ([32]byte, error)

	asking sync.Mutex // one at a time; not taken to read what came of it
	got    atomic.Pointer[fetched]
}

// fetched is what came of the last try. Once it holds the key it stays.
type fetched struct {
	key [32]byte
	err error
}

func newKEK(from KEK) *kek {
	k := &kek{id: from.ID, fetch: from.Fetch}
	if from.Fetch == nil {
		k.got.Store(&fetched{key: from.Key})
	} else {
		k.got.Store(&fetched{err: fmt.Errorf("key-encryption key %q was not fetched yet", k.id)})
	}
	return k
}

// get does no I/O: the ring is read and changed under locks of its store. The
// error is the last try's.
func (k *kek) get() (KEK, error) {
	got := k.got.Load()
	return KEK{ID: k.id, Key: got.key}, got.err
}

// ask fetches the key, unless it is there.
func (k *kek) ask(ctx context.Context) {
	k.asking.Lock()
	defer k.asking.Unlock()
	if k.got.Load().err == nil {
		return
	}
	key, err := k.fetch(ctx)
	if err != nil {
		err = fmt.Errorf("key-encryption key %q: %w", k.id, err)
	}
	k.got.Store(&fetched{key, err})
}

// Fetch gets the key-encryption keys that have to be fetched and were not yet,
// side by side, and returns Missing. Each is fetched once, and kept in memory
// only. Whatever needs one that is missing fails, and the rest works.
func (s *Sealer) Fetch(ctx context.Context) error {
	if s == nil {
		return nil
	}
	var all sync.WaitGroup
	for _, k := range s.keks {
		all.Go(func() { k.ask(ctx) })
	}
	all.Wait()
	return s.Missing()
}

// Keys returns the key-encryption keys, the one that seals first, for who derives
// keys of their own from them (RFC 5869) and then forgets these. The error is
// Missing's: some of the keys are no answer.
func (s *Sealer) Keys() ([][32]byte, error) {
	all := make([][32]byte, 0, len(s.keks))
	var missing []error
	for _, k := range s.keks {
		got := k.got.Load()
		all, missing = append(all, got.key), append(missing, got.err)
	}
	if err := errors.Join(missing...); err != nil {
		return nil, err
	}
	return all, nil
}

// Missing returns why key-encryption keys are not there, one sentence a line,
// each with its id, as of the last Fetch; nil if all are.
func (s *Sealer) Missing() error {
	if s == nil {
		return nil
	}
	var missing []error
	for _, k := range s.keks {
		missing = append(missing, k.got.Load().err)
	}
	return errors.Join(missing...)
}

package keystore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Witness is keys.Store's. It writes a file of its own, so that a keys file is written only when keys change.
func (f *File) Witness(ctx context.Context, seen []keys.Witness) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.load(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(keys.MergeWitnesses(s.Witnesses, seen, s.Now))
	if err != nil {
		return fmt.Errorf("write who has the keys file: %w", err)
	}
	// A crash in the middle loses what the next call brings again.
	temp := witnessPath(f.path) + ".tmp"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return fmt.Errorf("write who has the keys file: %w", err)
	}
	return os.Rename(temp, witnessPath(f.path))
}

// readWitnesses returns those noted beside a keys file. One that cannot be read says nothing, as one that is not there:
// nothing but warnings hangs on it.
func readWitnesses(path string) ([]keys.Witness, error) {
	text, err := os.ReadFile(witnessPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read who has the keys file: %w", err)
	}
	var seen []keys.Witness
	if json.Unmarshal(text, &seen) != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return seen, nil
}

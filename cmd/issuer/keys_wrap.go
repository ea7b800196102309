package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
)

type keysWrapCmd struct {
	KeyURL string `arg:"" name:"key-url" help:"The key in the vault, https://NAME.vault.azure.net/keys/KEY; with /VERSION behind it that one, else the current one."`
	ID     string `help:"The id of the new key-encryption key. Default: the next of k1, k2, … that the settings do not have."`
	JSON   bool   `help:"Print the id, and the item as value, as JSON."`
}

// wrappedItem is what the command prints as JSON.
type wrappedItem struct {
	ID    string `json:"id"`
	Value string `json:"value"` // the item for ISSUER_KEYS_ENCRYPTION_KEY, id included
}

func (c *keysWrapCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needVault)
	if err != nil {
		return err
	}
	key, err := keyvault.ParseKey(c.KeyURL)
	if err != nil {
		return usageError{err}
	}
	id, err := c.newID(s.KeysEncryptionKey)
	if err != nil {
		return err
	}
	vault, err := keyvault.New(s.vaultConfig(p.azure))
	if err != nil {
		return usageError{err}
	}
	wrapped, err := wrapFresh(ctx, vault, key)
	if err != nil {
		return err
	}
	item := wrappedItem{id, id + ":" + wrapped.String()}
	if c.JSON {
		return printJSON(p.stdout, item)
	}
	if _, err := fmt.Fprintln(p.stdout, item.Value); err != nil {
		return err
	}
	return p.say("Put it behind what ISSUER_KEYS_ENCRYPTION_KEY holds, on every replica, then in front of that, and then run issuer keys reseal.")
}

// newID returns the id asked for, or the next free one.
func (c *keysWrapCmd) newID(taken secretKV) (string, error) {
	if c.ID != "" {
		if !isKEKID(c.ID) {
			return "", usagef("--id wants 1 to 64 letters, digits, dots, hyphens and underscores")
		}
		if taken.has(c.ID) {
			return "", usagef("ISSUER_KEYS_ENCRYPTION_KEY has a key %q already; --id wants another", c.ID)
		}
		return c.ID, nil
	}
	n := len(taken.keks) + 1
	for taken.has(fmt.Sprintf("k%d", n)) {
		n++
	}
	return fmt.Sprintf("k%d", n), nil
}

// wrapFresh makes a key, has the vault wrap it, and sees that the vault gives it back: it wraps with keys that it does not
// unwrap with. Nobody but the vault can open what it returns.
func wrapFresh(ctx context.Context, vault *keyvault.Vault, key keyvault.Key) (keyvault.Wrapped, error) {
	var fresh [32]byte
	defer clear(fresh[:])
	_, _ = rand.Read(fresh[:]) // never fails
	wrapped, err := vault.Wrap(ctx, key, fresh)
	if err != nil {
		return keyvault.Wrapped{}, err
	}
	back, err := vault.Unwrap(ctx, wrapped)
	defer clear(back[:])
	if err != nil {
		return keyvault.Wrapped{}, err
	}
	if subtle.ConstantTimeCompare(back[:], fresh[:]) != 1 {
		return keyvault.Wrapped{}, errors.New("the vault unwrapped something else than it wrapped; do not use it")
	}
	return wrapped, nil
}

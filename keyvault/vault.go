// Package keyvault answers one question: which 32 bytes did Azure Key Vault
// wrap? A secret lies in the settings wrapped by an RSA key that never leaves
// the vault, and the vault is asked once, at the start, to unwrap it. It knows
// nothing of what the secret is for.
package keyvault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// ErrUnavailable is for errors.Is: the vault or the sign-in could not be
// reached, or was too busy to answer, so the same call may work later. Every
// other error stays until somebody changes something.
var ErrUnavailable = errors.New("azure is unavailable")

// patience is how long a call may take in all, sign-in and retries included.
const patience = 10 * time.Second

// wrapAlgorithm is the only one used. RSA-OAEP with SHA-1 and RSA1_5 are there
// for the old.
const wrapAlgorithm = azkeys.EncryptionAlgorithmRSAOAEP256

// Vault asks vaults as one identity. It keeps nothing between calls, neither
// tokens nor secrets, and may be used concurrently.
type Vault struct {
	config Config
	client *http.Client
}

// New asks nobody anything. The error is one sentence that says which setting
// is wrong.
func New(config Config) (*Vault, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	return &Vault{config: config, client: config.client()}, nil
}

// Format writes as whom the vault is asked, whatever the verb: fmt would look
// past the config's own Format, as the field is unexported.
func (v *Vault) Format(f fmt.State, verb rune) { v.config.Format(f, verb) }

// Wrap has the vault wrap the secret (RFC 7518 §4.3, RSA-OAEP-256). Where the
// key has no version the vault takes the current one; the answer names it. The
// vault wraps with a disabled key as well, and then will not unwrap, so unwrap
// once before relying on it.
//
// The error is one sentence that names the key and what to do; it is
// ErrUnavailable if trying again may help, and the context's own if that ended.
func (v *Vault) Wrap(ctx context.Context, key Key, secret [32]byte) (Wrapped, error) {
	if key == (Key{}) {
		return Wrapped{}, errors.New("no key of a vault is named to wrap with")
	}
	c := &call{config: v.config, client: v.client, operation: "wrapKey", key: key}
	answer, err := c.do(ctx, secret[:])
	if err != nil {
		return Wrapped{}, err
	}
	used, err := c.keyUsed(answer.KID)
	if err != nil {
		return Wrapped{}, err
	}
	wrapped, err := newWrapped(used, answer.Result)
	if err != nil {
		return Wrapped{}, c.problem(nil, "%v; use an RSA key of 2048 bits or more", err)
	}
	return wrapped, nil
}

// Unwrap has the vault unwrap the secret, in one key operation. Errors are as
// for Wrap.
func (v *Vault) Unwrap(ctx context.Context, w Wrapped) ([32]byte, error) {
	if w.Key.version == "" || w.wrapped == "" {
		return [32]byte{}, errors.New("no wrapped key is given to unwrap")
	}
	c := &call{config: v.config, client: v.client, operation: "unwrapKey", key: w.Key}
	answer, err := c.do(ctx, []byte(w.wrapped))
	if err != nil {
		return [32]byte{}, err
	}
	defer clear(answer.Result)
	var secret [32]byte
	if len(answer.Result) != len(secret) {
		return secret, c.problem(nil, "what it unwrapped is not 32 bytes but %d; wrap a key of 32 bytes", len(answer.Result))
	}
	return [32]byte(answer.Result), nil
}

package keyvault

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Wrapped is a secret as a vault wrapped it, and the version of the key that
// can unwrap it. It is comparable, and no secret itself: without the vault it
// opens nothing. Only ParseWrapped and Vault.Wrap make one that is good.
type Wrapped struct {
	Key     Key
	wrapped string // bytes; as long as the RSA key's modulus
}

// maxWrapped bounds the text: the URL, and 512 bytes as base64url.
const maxWrapped = maxURL + 1 + 683

// ParseWrapped reads what String writes:
//
//	https://NAME.vault.azure.net/keys/KEY/VERSION#BASE64URL
//
// Each value has one text only. The error is one sentence and does not repeat
// the text.
func ParseWrapped(raw string) (Wrapped, error) {
	if len(raw) > maxWrapped {
		return Wrapped{}, errors.New("the wrapped key is longer than any that Azure Key Vault makes")
	}
	location, text, found := strings.Cut(raw, "#")
	if !found {
		return Wrapped{}, errors.New("a wrapped key is the key's URL, #, and the wrapped bytes in base64url")
	}
	key, err := ParseKey(location)
	if err != nil {
		return Wrapped{}, err
	}
	if key.version == "" {
		return Wrapped{}, errors.New("the key's URL lacks the version, which is what tells the vault how to unwrap")
	}
	// Decoding passes over line breaks, even strictly; encoding again shows them.
	wrapped, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(wrapped) != text {
		return Wrapped{}, errors.New("what follows the # of a wrapped key is not base64url without padding")
	}
	return newWrapped(key, wrapped)
}

// newWrapped holds a wrapped value to the sizes that RSA keys in a vault have.
func newWrapped(key Key, wrapped []byte) (Wrapped, error) {
	switch 8 * len(wrapped) {
	case 2048, 3072, 4096:
		return Wrapped{Key: key, wrapped: string(wrapped)}, nil
	}
	return Wrapped{}, fmt.Errorf("the wrapped key has %d bytes, where a vault's RSA keys make 256, 384 or 512", len(wrapped))
}

// String is the text for the settings.
func (w Wrapped) String() string {
	return w.Key.String() + "#" + base64.RawURLEncoding.EncodeToString([]byte(w.wrapped))
}

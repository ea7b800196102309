package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keyvault"
)

// anyWrapped reports whether Azure Key Vault is needed to open one of the key-encryption keys.
func (s secretKV) anyWrapped() bool { return slices.ContainsFunc(s.keks, kekItem.isWrapped) }

// requireVault records what is missing to ask Azure Key Vault, where needs or a wrapped key-encryption key demand that.
func (s *settings) requireVault(f *faults, needs need) {
	if needs&needVault == 0 && (needs&needKeys == 0 || !s.KeysEncryptionKey.anyWrapped()) {
		return
	}
	if s.EntraClientID == "" {
		f.add("ISSUER_ENTRA_CLIENT_ID", "")
	}
	if s.KeyVaultTenant == "" {
		f.add("ISSUER_KEYVAULT_TENANT", "")
	}
	switch secret := s.EntraClientSecret.reveal() != ""; {
	case !secret && s.FederatedTokenFile == "":
		f.addf("Azure Key Vault has no way to know us: set ISSUER_ENTRA_CLIENT_SECRET, or AZURE_FEDERATED_TOKEN_FILE as Azure workload identity does")
	case secret && s.FederatedTokenFile != "":
		f.addf("ISSUER_ENTRA_CLIENT_SECRET and AZURE_FEDERATED_TOKEN_FILE are both set; keep one")
	}
	if len(f.list) > 0 {
		return // what follows would say it again in other words
	}
	if _, err := keyvault.New(s.vaultConfig(nil)); err != nil {
		f.addf("ISSUER_ENTRA_AUTHORITY is %q, which does not do for Azure Key Vault: %v", s.EntraAuthority, err)
	}
}

// vaultConfig says as whom Azure Key Vault is asked.
func (s *settings) vaultConfig(client *http.Client) keyvault.Config {
	return keyvault.Config{
		Authority: s.EntraAuthority, TenantID: s.KeyVaultTenant, ClientID: s.EntraClientID,
		ClientSecret: s.EntraClientSecret.reveal(), FederatedTokenFile: s.FederatedTokenFile, HTTPClient: client,
	}
}

// newSealer returns the sealer of the settings, nil where they name no key-encryption key. It asks the vault for nothing:
// its Fetch does.
func (s *settings) newSealer(client *http.Client) (*keys.Sealer, error) {
	if len(s.KeysEncryptionKey.keks) == 0 {
		return nil, nil
	}
	var vault *keyvault.Vault
	if s.KeysEncryptionKey.anyWrapped() {
		var err error
		if vault, err = keyvault.New(s.vaultConfig(client)); err != nil {
			return nil, err
		}
	}
	keks := make([]keys.KEK, 0, len(s.KeysEncryptionKey.keks))
	for _, item := range s.KeysEncryptionKey.keks {
		kek := keys.KEK{ID: item.ID, Key: item.key}
		if item.isWrapped() {
			kek.Fetch = func(ctx context.Context) ([32]byte, error) { return vault.Unwrap(ctx, item.wrapped) }
		}
		keks = append(keks, kek)
	}
	return keys.NewSealer(keks...)
}

// How long a start waits before it asks again for what it could not get: longer each time where waiting can help, and
// long where only a person can.
const (
	firstFetchPause = time.Second
	maxFetchPause   = 15 * time.Second
	refusedPause    = time.Minute
)

// lateRing is a ring whose key-encryption keys have to be fetched first, from a vault that may be away. The service runs
// meanwhile, and the ring does what it can without those that are missing.
type lateRing struct {
	sealer *keys.Sealer
	ring   *keys.Ring
}

// run fetches once, so that a start that goes well has nothing to report, and then runs the ring beside further tries.
func (l lateRing) run(ctx context.Context, report func(error)) {
	err := l.sealer.Fetch(ctx)
	var fetching sync.WaitGroup
	fetching.Go(func() { l.fetch(ctx, err, report) })
	l.ring.Run(ctx, report)
	fetching.Wait()
}

// fetch tries again until nothing is missing; missing is what the last try ended with. It reports what is new, and has
// the ring look at its store then.
func (l lateRing) fetch(ctx context.Context, missing error, report func(error)) {
	pause, said := firstFetchPause, ""
	for missing != nil && ctx.Err() == nil {
		if text := missing.Error(); text != said {
			report(missing)
			said = text
		}
		wait := refusedPause
		if errors.Is(missing, keyvault.ErrUnavailable) {
			wait, pause = pause, min(2*pause, maxFetchPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait - rand.N(wait/5)): //nolint:gosec // G404: spreads load, keeps no secret
		}
		if missing = l.sealer.Fetch(ctx); missing == nil || missing.Error() != said {
			l.ring.Wake()
		}
	}
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

type checkCmd struct{}

func (c *checkCmd) Run(p *program) error {
	s, err := load(p.environ, needService)
	if err != nil {
		return err
	}
	f := &faults{}
	for _, check := range []func(settings) error{checkParts, checkDatabaseURL, checkRolesFile, checkKeysFile} {
		if err := check(s); err != nil {
			f.addf("%v", err)
		}
	}
	if err := f.err(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "the settings are right (neither Entra nor Postgres was asked)")
	return err
}

// checkParts builds the service on empty stores in memory: every room checks its own part of the settings as it would at
// start, and nothing is asked over the network.
func checkParts(s settings) error {
	verifier, err := idp.New(idpConfig(s))
	if err != nil {
		return err
	}
	svc := &service{settings: s, log: zerolog.Nop(), roles: rolestore.NewMemory(rolestore.Document{})}
	return svc.assemble(verifier, keystore.NewMemory(time.Now), nil)
}

func checkDatabaseURL(s settings) error {
	if s.DatabaseURL.reveal() == "" {
		return nil
	}
	pool, err := database.Open(context.Background(), s.DatabaseURL.reveal()) // connects to nothing
	if err != nil {
		return fmt.Errorf("ISSUER_DATABASE_URL: %w", err)
	}
	pool.Close()
	return nil
}

func checkRolesFile(s settings) error {
	if s.RolesFile == "" {
		return nil
	}
	_, err := readDocument(s.RolesFile, "ISSUER_ROLES_FILE", s)
	return err
}

// checkKeysFile reads the keys file without its lock. One that does not exist yet is made by the first start.
func checkKeysFile(s settings) error {
	if s.KeysFile == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(s.KeysFile)); err != nil {
		return fmt.Errorf("ISSUER_KEYS_FILE: its folder has to be there: %w", err)
	}
	if _, err := keystore.ReadFile(s.KeysFile, time.Now()); err != nil {
		return fmt.Errorf("ISSUER_KEYS_FILE: %w", err)
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

type checkCmd struct {
	Online     bool   `help:"Also try what the settings name: Entra, Microsoft Graph, the stores, the keys, and the key set at ISSUER_URL."`
	Token      string `placeholder:"-" help:"With --online, and always as --token -: also judge the Entra token on standard input, and say what to do about it."`
	HasuraURL  string `placeholder:"URL" help:"With --online: also try the running Hasura engine there, with tokens that it should take and refuse, and say what to change in its settings."`
	HasuraRole string `placeholder:"ROLE" help:"With --hasura-url: a role that the engine knows, for those tokens; else they have one that no engine knows."`
	JSON       bool   `help:"Print as JSON."`
}

func (c *checkCmd) Run(ctx context.Context, p *program) error {
	if c.Token != "" && (c.Token != "-" || !c.Online) { // what it holds is not repeated: it may be a token
		return usagef("--token wants to be --token - with --online: the token comes on standard input, where no list of processes shows it")
	}
	if err := c.checkEngine(); err != nil {
		return err
	}
	s, err := loadService(p.environ)
	if err != nil {
		return err
	}
	if err := assembles(s); err != nil {
		return err
	}
	if err := vouched(s); err != nil {
		return fmt.Errorf("ISSUER_KEYS_FILE: %w", err)
	}
	if c.Online {
		return c.online(ctx, p, s)
	}
	notes, err := s.unservedInFile()
	if err != nil {
		return err
	}
	notes = append(notes, s.provisioning()...)
	if c.JSON {
		return printJSON(p.stdout, newReport(append([]finding{settingsFound}, notes...)))
	}
	if _, err = fmt.Fprintln(p.stdout, "the settings are right (nothing was asked over the network: --online does that)"); err != nil {
		return err
	}
	return writeFindings(p.stdout, notes)
}

// vouched tells whether the rows of a keys file are as an issuer wrote them. That is no fault of the settings: serve
// starts, says so, and waits for somebody to mend the file.
func vouched(s settings) error {
	if s.KeysFile == "" || s.KeysEncryptionKey.anyWrapped() { // a vault is not asked here
		return nil
	}
	sealer, err := s.newSealer(nil)
	if err != nil {
		return err
	}
	ring, err := keystore.ReadFile(s.KeysFile, time.Now())
	if err != nil {
		return err
	}
	return sealer.Verify(ring)
}

// assembles builds the service on empty stores in memory, as a start would, so that nothing a room may come to demand
// is left to the start.
func assembles(s settings) error {
	verifier, err := idp.New(idpConfig(s))
	if err != nil {
		return usageError{err}
	}
	svc := &service{settings: s, log: zerolog.Nop(), roles: rolestore.NewMemory(rolestore.Document{}), metrics: newMetrics(s.RelyingParties)}
	defer svc.close()
	return svc.assemble(verifier, keystore.NewMemory(time.Now), nil)
}

// loadService is load for who runs the whole service. It also looks into the files that the settings name, and asks
// nothing over the network.
func loadService(environ []string) (settings, error) {
	s, f, err := read(environ, needService)
	if err != nil {
		return settings{}, err
	}
	for _, c := range []struct {
		check func(settings) error
		names []string // of what it looks at; where one has a fault already, it could only say that again
	}{
		{checkDatabaseURL, []string{"ISSUER_DATABASE_URL"}},
		{checkRedisURL, []string{"ISSUER_REDIS_URL"}},
		{checkRolesFile, []string{"ISSUER_ROLES_FILE"}},
		{checkRolesQueryFile, []string{"ISSUER_ROLES_QUERY_FILE"}},
		{checkKeysFile, []string{"ISSUER_KEYS_FILE", "ISSUER_KEYS_ENCRYPTION_KEY"}},
		{checkAuditFile, []string{"ISSUER_AUDIT_FILE"}},
		{checkPolicyDir, []string{"ISSUER_POLICY_DIR", "ISSUER_POLICY_TIMEOUT"}},
	} {
		if slices.ContainsFunc(c.names, func(name string) bool { return f.named[name] }) {
			continue
		}
		if err := c.check(s); err != nil {
			f.addf("%v", err)
		}
	}
	return s, f.err()
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

func checkRedisURL(s settings) error {
	if s.RedisURL.reveal() == "" {
		return nil
	}
	client, err := redisconn.Open(s.RedisURL.reveal(), func(error) {}) // connects to nothing
	if err != nil {
		return fmt.Errorf("ISSUER_REDIS_URL: %w", err)
	}
	return client.Close()
}

func checkRolesFile(s settings) error {
	if s.RolesFile == "" {
		return nil
	}
	_, err := readDocument(s.RolesFile, "ISSUER_ROLES_FILE", s)
	return err
}

func checkRolesQueryFile(s settings) error {
	if s.RolesQueryFile == "" {
		return nil
	}
	_, err := s.ownQuery(context.Background(), nil) // connects to nothing
	return err
}

// checkKeysFile reads the keys file without its lock. One that does not exist yet is made by the first start; one that
// did exist, or that these settings cannot open, is a matter for a person: nothing about a file mends itself.
func checkKeysFile(s settings) error {
	if s.KeysFile == "" {
		return nil
	}
	if err := checkFolderOf(s.KeysFile, "ISSUER_KEYS_FILE"); err != nil {
		return err
	}
	sealer, err := s.newSealer(nil)
	if err != nil {
		return fmt.Errorf("ISSUER_KEYS_ENCRYPTION_KEY: %w", err)
	}
	ring, err := keystore.ReadFile(s.KeysFile, time.Now())
	if err == nil {
		err = cmp.Or(sealer.CheckSealing(ring), ring.Dispute())
	}
	if err != nil {
		return fmt.Errorf("ISSUER_KEYS_FILE: %w", err)
	}
	return nil
}

// checkAuditFile sees to the folder alone: the service makes the file, and may run under another account than the check.
func checkAuditFile(s settings) error {
	if s.AuditFile == "" {
		return nil
	}
	return checkFolderOf(s.AuditFile, "ISSUER_AUDIT_FILE")
}

// checkFolderOf says by the setting's name which folder is missing for a file that is made in it.
func checkFolderOf(path, name string) error {
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder + "/."); err != nil { // which a file is not
		return fmt.Errorf("%s: its folder has to be there: %s: %w", name, shown(folder), pathless(err))
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

type keysListCmd struct {
	JSON    bool `help:"Print as JSON: the keys, or with --holders who holds them."`
	Holders bool `help:"Print only who holds the ring: replicas and relying parties."`
}

func (c *keysListCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needKeys)
	if err != nil {
		return err
	}
	state, err := readRing(ctx, s)
	if err != nil {
		return err
	}
	sealer, err := p.sealerOf(ctx, s)
	if err != nil {
		return err
	}
	if err := sealer.Verify(state); err != nil {
		fmt.Fprintf(p.stderr, "Warning: with these settings nothing vouches for this ring, so that no replica takes it over and no command changes it: %s.\n", lines(err.Error()))
	}
	list, holders := keys.List(state, state.Now), holdersOf(state, s.RelyingParties)
	switch {
	case c.JSON && c.Holders:
		return printJSON(p.stdout, holders)
	case c.JSON:
		return printJSON(p.stdout, list)
	case c.Holders:
		return writeHolders(p.stdout, holders)
	}
	if len(list) == 0 {
		err = p.noKeys(state)
	} else {
		err = writeKeys(p.stdout, list)
	}
	if err != nil || len(holders) == 0 {
		return err
	}
	fmt.Fprintln(p.stdout)
	return writeHolders(p.stdout, holders)
}

// noKeys says why a store holds no key: it is new, or it lost its ring, which nothing makes anew by itself.
func (p *program) noKeys(s keys.State) error {
	if err := s.Dispute(); err != nil {
		_, err = fmt.Fprintf(p.stdout, "no keys: %s\n", lines(err.Error()))
		return err
	}
	_, err := fmt.Fprintln(p.stdout, "no keys yet; issuer serve or issuer keys rotate makes the first ones")
	return err
}

func readKeysFile(path string) (keys.State, error) { return keystore.ReadFile(path, time.Now()) }

// holder is a replica or a relying party, as the record has it.
type holder struct {
	Kind       keys.WitnessKind `json:"kind"`
	Name       string           `json:"name"`
	Generation int64            `json:"generation"`       // the newest it holds
	Current    bool             `json:"current"`          // a replica: it holds the ring as it is now; a relying party: and its newest key
	SeenAt     time.Time        `json:"seen_at,omitzero"` // none: a relying party of the settings that never fetched
	Alarm      string           `json:"alarm,omitempty"`
}

// holdersOf lists the replicas, and the relying parties on record and those of the settings.
func holdersOf(s keys.State, parties []string) []holder {
	list := []holder{}
	newest := int64(0)
	for _, k := range keys.List(s, s.Now) {
		if k.State == keys.Pending || k.State == keys.Signing {
			newest = max(newest, k.Generation)
		}
	}
	for _, w := range s.Replicas() {
		list = append(list, holder{w.Kind, w.Name, w.Generation, w.Version >= s.Version && w.Alarm == "", w.SeenAt.Truncate(time.Second), w.Alarm})
	}
	for _, w := range s.Witnesses {
		if w.Kind == keys.RelyingParty {
			list = append(list, holder{w.Kind, w.Name, w.Generation, w.Generation >= newest, w.SeenAt.Truncate(time.Second), ""})
		}
	}
	for _, name := range parties {
		if !slices.ContainsFunc(list, func(h holder) bool { return h.Kind == keys.RelyingParty && h.Name == name }) {
			list = append(list, holder{Kind: keys.RelyingParty, Name: name})
		}
	}
	return list
}

func writeKeys(w io.Writer, list []keys.Info) error {
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "GEN\tKID\tALG\tSTATE\tPUBLISHED\tSIGNS FROM\tRETIRES\tDROPPED")
	for _, k := range list {
		kid := k.KID
		if kid == "" {
			kid = "(to come)"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Generation, kid, k.Alg, k.State,
			orDash(k.PublishedAt), orDash(k.SignsFrom), orDash(k.RetiresAt), orDash(k.DroppedAt))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, k := range list {
		if k.RevokedAt != nil {
			fmt.Fprintf(w, "generation %d was revoked %s\n", k.Generation, whenRevoked(k))
		}
	}
	return nil
}

// whenRevoked says when a key was revoked, and why.
func whenRevoked(k keys.Info) string {
	when := "at " + orDash(k.RevokedAt)
	if k.Reason == nil {
		return when
	}
	return when + ": " + cell(*k.Reason)
}

func writeHolders(w io.Writer, holders []holder) error {
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "HOLDER\tNAME\tNEWEST GEN\tUP TO DATE\tLAST SEEN\tALARM")
	for _, h := range holders {
		current := map[bool]string{true: "yes", false: "no"}[h.Current]
		alarm, seen := cell(h.Alarm), timeOrDash(h.SeenAt)
		if alarm == "" {
			alarm = "-"
		}
		if h.SeenAt.IsZero() {
			seen = "never"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", h.Kind, cell(h.Name), h.Generation, current, seen, alarm)
	}
	return table.Flush()
}

// orDash is timeOrDash for a time that may not be known.
func orDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return timeOrDash(*t)
}

// timeOrDash is t in UTC by RFC 3339, or a dash for no time at all.
func timeOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

package main

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/manpage"
)

type manCmd struct{}

func (c *manCmd) Run(ctx context.Context, p *program) error {
	parser, err := p.parser(ctx, func(int) {})
	if err != nil {
		return err
	}
	page := manpage.Page{App: parser.Model, Version: thisBuild().Version, Settings: manSettings(), Files: manFiles, Entries: map[string]manpage.Entry{}}
	for path, e := range manual {
		page.Entries[path] = manpage.Entry{Reads: e.reads, Examples: e.examples}
	}
	return page.Write(p.stdout)
}

// manSettings are all settings with the sentences that a wrong value gets.
func manSettings() []manpage.Setting {
	byName := map[string]manpage.Setting{}
	for field := range reflect.TypeFor[settings]().Fields() {
		name := field.Tag.Get("env")
		if name == "" {
			continue
		}
		byName[name] = manpage.Setting{
			Name: name, Wants: field.Tag.Get("want"), Default: field.Tag.Get("envDefault"), Secret: field.Type.Implements(reflect.TypeFor[masked]()),
		}
	}
	var all []manpage.Setting
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all
}

var manFiles = []manpage.File{
	{Path: "/etc/issuer/issuer.env", Help: "the settings, one NAME=value a line, where systemd runs the service"},
	{Path: "roles.yaml", Help: "grants and blocks, as issuer roles apply reads and issuer roles export writes them; with ISSUER_ROLES_FILE the service reads it by itself"},
	{Path: "keys.json", Help: "the ring of signing keys where ISSUER_KEYS_FILE names it; beside it lie keys.json.lock and keys.json.seen"},
}

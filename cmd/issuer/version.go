package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The build sets both where it knows them: -ldflags "-X main.version=v1.2.3 -X main.commit=…". A commit that is not set
// comes from what Go notes by itself in a checkout.
var version, commit = "", ""

type versionCmd struct {
	JSON bool `help:"Print as JSON."`
}

// build says what this binary was made from. Values that the build did not record are "unknown".
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func (c *versionCmd) Run(p *program) error {
	b := thisBuild()
	if c.JSON {
		return printJSON(p.stdout, b)
	}
	_, err := fmt.Fprintf(p.stdout, "issuer %s (commit %s, %s)\n", b.Version, b.Commit, b.Go)
	return err
}

func thisBuild() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && b.Commit == "" {
			b.Commit = s.Value
		}
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

// printJSON writes v as indented JSON with a newline at its end.
func printJSON(w io.Writer, v any) error {
	out, err := json.Marshal(v, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", jsonText(out))
	return err
}

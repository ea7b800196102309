package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// onlinePatience bounds all that `issuer check --online` tries.
const onlinePatience = time.Minute

// finding is one thing that was tried, and what came of it.
type finding struct {
	Name   string `json:"name"`           // what was tried
	Of     string `json:"of,omitempty"`   // of which tenant, version or token
	Status status `json:"status"`         //
	Detail string `json:"detail"`         // what was found
	Code   string `json:"code,omitempty"` // Microsoft's for what is wrong, or ours
	Cure   string `json:"cure,omitempty"` // what to do about it
}

// status says what a finding means.
type status string

const (
	ok     status = "ok"
	note   status = "note"   // nothing is wrong, and something is worth a thought
	off    status = "off"    // not tried, and why
	failed status = "failed" // it does not work
)

var settingsFound = finding{Name: "settings", Status: ok, Detail: "every setting is right, and every file they name"}

// report is what the command prints as JSON.
type report struct {
	OK     bool      `json:"ok"`
	Checks []finding `json:"checks"`
}

func newReport(found []finding) report {
	return report{!slices.ContainsFunc(found, finding.isFailed), found}
}

func (f finding) isFailed() bool { return f.Status == failed }

// attempt is one run of `issuer check --online`.
type attempt struct {
	settings settings
	program  *program
	verifier *idp.Verifier
	graph    *graph.Client // nil: there is no app to ask as
	engine   engineTry
}

// online tries everything, whatever fails, and fails itself if anything did.
func (c *checkCmd) online(ctx context.Context, p *program, s settings) error {
	token := ""
	if c.Token != "" {
		var err error
		if token, err = p.readToken("--token -"); err != nil {
			return err
		}
	}
	a, err := newAttempt(p, s)
	if err != nil {
		return err
	}
	if a.engine, err = c.engineTry(s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, onlinePatience)
	defer cancel()
	found := newReport(append([]finding{settingsFound}, a.all(ctx, token)...))
	write := func() error { return writeFindings(p.stdout, found.Checks) }
	if c.JSON {
		write = func() error { return printJSON(p.stdout, found) }
	}
	if err := write(); err != nil {
		return err
	}
	if !found.OK {
		return errors.New("not everything that was tried works: see the lines that begin with failed")
	}
	return nil
}

func newAttempt(p *program, s settings) (*attempt, error) {
	config := idpConfig(s)
	config.HTTPClient = p.azure
	verifier, err := idp.New(config)
	if err != nil {
		return nil, usageError{err}
	}
	asked, err := s.newGraph(graph.Config{HTTPClient: p.azure})
	if err != nil {
		return nil, usageError{err}
	}
	return &attempt{settings: s, program: p, verifier: verifier, graph: asked}, nil
}

// all tries what hangs on nothing else side by side.
func (a *attempt) all(ctx context.Context, token string) []finding {
	var entra, groups, stores []finding
	var redis, rules finding
	var tries sync.WaitGroup
	tries.Go(func() {
		entra = a.entra(ctx)
		if token != "" {
			entra = append(entra, a.token(ctx, token)...)
		}
	})
	tries.Go(func() { groups = a.graphs(ctx) })
	tries.Go(func() { stores = a.stores(ctx) })
	tries.Go(func() { redis = a.redis(ctx) })
	tries.Go(func() { rules = a.policy(ctx) })
	tries.Wait()
	return append(slices.Concat(entra, groups, stores, a.settings.provisioning()), redis, rules)
}

// line is what a person reads, behind status and name.
func (f finding) line() string {
	text := f.Detail
	if f.Code != "" {
		text += " (" + f.Code + ")"
	}
	if f.Cure != "" {
		text += "; " + f.Cure
	}
	return oneLine(text)
}

func writeFindings(w io.Writer, found []finding) error {
	styles := map[status]screen.Style{ok: screen.Green, note: screen.Yellow, off: screen.Dim, failed: screen.Red}
	for _, f := range found {
		shown := screen.Of(w).In(styles[f.Status], fmt.Sprintf("%-6s", f.Status))
		if _, err := fmt.Fprintf(w, "%s  %s: %s\n", shown, strings.TrimSpace(f.Name+" "+f.Of), f.line()); err != nil {
			return err
		}
	}
	return nil
}

// found is a finding of err, or of what was found where there is none.
func found(name, of, detail string, err error) finding {
	if err != nil {
		return finding{Name: name, Of: of, Status: failed, Detail: oneLine(err.Error())}
	}
	return finding{Name: name, Of: of, Status: ok, Detail: detail}
}

// Package bundle answers: what does the policy decide that lies in a folder? It evaluates Rego in this process, with OPA's
// own engine, and takes up changes of the folder by itself.
package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json" // which writes the numbers of OPA as numbers
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/hasura-issuer/hasura-issuer/policy"
)

// pollEvery is how often Run looks at the folder. A change is taken up at the second look that finds it as it is, so that a
// folder is not read while somebody copies files into it.
const pollEvery = 500 * time.Millisecond

// Bundle is a policy in a folder: files of Rego, and data.json. Its methods may be called at the same time; Run runs once.
type Bundle struct {
	dir     string
	timeout time.Duration
	current atomic.Pointer[verdict]
	judged  [sha256.Size]byte // the sight that current came of; Open's, and then Run's alone
}

// verdict is what the last change came to.
type verdict struct {
	query   rego.PreparedEvalQuery // of the last good version
	version Version
	fault   error // why the newest version is not in force; nil if it is
}

// Version is a version of the folder that has come into force.
type Version struct {
	ID     string // the beginning of the files' SHA-256, in hex
	Files  int
	Mended bool // what was there before it was refused
}

// Open reads and compiles the policy in dir. One evaluation of it may take as long as timeout. The error says what is wrong
// with the policy, line by line.
func Open(ctx context.Context, dir string, timeout time.Duration) (*Bundle, error) {
	b := &Bundle{dir: dir, timeout: timeout}
	b.current.Store(&verdict{})
	if _, _, err := b.judge(ctx, look(dir)); err != nil {
		return nil, err
	}
	return b, nil
}

// Decide evaluates the policy. Every error means that there is no decision, and says nothing of the caller.
func (b *Bundle) Decide(ctx context.Context, in policy.Input) (policy.Verdict, error) {
	text, err := in.JSON()
	if err != nil {
		return policy.Verdict{}, errors.New("what is known about the caller is no valid text")
	}
	input, err := ast.ValueFromReader(bytes.NewReader(text))
	if err != nil {
		return policy.Verdict{}, errors.New("the policy's input cannot be read")
	}
	now := b.current.Load()
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	results, err := now.query.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return policy.Verdict{}, b.broken(ctx, err)
	}
	var result []byte
	if len(results) > 0 {
		if result, err = json.Marshal(results[0].Expressions[0].Value); err != nil {
			return policy.Verdict{}, errors.New("the policy's result cannot be written as JSON")
		}
	}
	v, err := policy.ReadResult(result)
	if err != nil {
		return policy.Verdict{}, err
	}
	v.Decision = now.version.ID
	return v, nil
}

// broken says why an evaluation came to nothing, and where, without the values that it was about.
func (b *Bundle) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the policy was not through after %v: %w", b.timeout, ctx.Err())
	}
	at, ok := errors.AsType[*topdown.Error](err)
	switch {
	case !ok:
		return errors.New("the policy cannot be evaluated")
	case at.Location == nil:
		return fmt.Errorf("the policy cannot be evaluated: %s", at.Code)
	}
	return fmt.Errorf("the policy cannot be evaluated: %s at %s:%d", at.Code, at.Location.File, at.Location.Row)
}

// Health returns nil while the newest version of the folder is in force, and else an error in one sentence.
func (b *Bundle) Health() error {
	if b.current.Load().fault == nil {
		return nil
	}
	return errors.New("the newest version of the policy is refused, the last good one is in force")
}

// Run takes up changes of the folder until ctx ends. It reports each version that is refused, and each reason why the
// folder cannot be read, once, and hands each version that has come into force to read.
func (b *Bundle) Run(ctx context.Context, report func(error), read func(Version)) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for seen := look(b.dir); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last := seen
		if seen = look(b.dir); seen.sum != last.sum {
			continue
		}
		switch version, isNews, err := b.judge(ctx, seen); {
		case !isNews:
		case err != nil:
			report(err)
		default:
			read(version)
		}
	}
}

// sight is what was in the folder at one look.
type sight struct {
	files folder
	fault error
	sum   [sha256.Size]byte // of the files, or of why they cannot be read
}

func look(dir string) sight {
	files, err := readFolder(dir)
	if err != nil {
		return sight{fault: err, sum: sha256.Sum256([]byte(err.Error()))}
	}
	return sight{files: files, sum: files.sum()}
}

// judge puts what was seen in force if it is good, and tells whether the outcome is news.
func (b *Bundle) judge(ctx context.Context, seen sight) (now Version, isNews bool, fault error) {
	if seen.sum == b.judged {
		return Version{}, false, nil
	}
	b.judged = seen.sum
	last := b.current.Load()
	query, err := rego.PreparedEvalQuery{}, seen.fault
	if err == nil {
		query, err = seen.files.compile(ctx)
	}
	if err != nil {
		b.current.Store(&verdict{last.query, last.version, err})
		return Version{}, true, err
	}
	now = Version{ID: fmt.Sprintf("%x", seen.sum[:8]), Files: len(seen.files), Mended: last.fault != nil}
	b.current.Store(&verdict{query: query, version: now})
	return now, true, nil
}

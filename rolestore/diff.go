package rolestore

import (
	"bytes"
	"fmt"
	"io"
)

// Diff is what separates the content of a store from what is wanted of it.
type Diff struct {
	Grants Changes[Grant] `json:"grants"`
	Blocks Changes[Block] `json:"blocks"`

	// Kept is how many entries are there and not wanted, and stay, since nobody
	// asked to prune. It is no change.
	Kept int `json:"kept"`

	// Loss is what the removal of grants costs.
	Loss Loss `json:"loss"`
}

// Changes are those of one list, each in the order of a document.
type Changes[T any] struct {
	Added   []T         `json:"added"`
	Changed []Change[T] `json:"changed"`
	Removed []T         `json:"removed"`
}

// Change is an entry that keeps its identity and says something else than before.
type Change[T any] struct {
	Before T `json:"before"`
	After  T `json:"after"`
}

// Empty tells whether there is nothing to change.
func (d Diff) Empty() bool { return d.text() == "" }

// WriteTo writes one line per change, in a stable order: "+ grant {…}" for what
// is added, "~ grant {…} -> {…}" for what is changed, "- grant {…}" for what is
// removed, then the same for blocks. Each entry is written as in roles.yaml, on
// one line and without anything that could disturb a terminal. Two diffs are the
// same exactly when their texts are. It returns the number of bytes written, and
// the error of w.
func (d Diff) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, d.text())
	return int64(n), err
}

func (d Diff) text() string {
	var b bytes.Buffer
	d.Grants.write(&b, "grant", Grant.line)
	d.Blocks.write(&b, "block", Block.line)
	return b.String()
}

func (c Changes[T]) write(b *bytes.Buffer, noun string, line func(T) string) {
	for _, added := range c.Added {
		fmt.Fprintf(b, "+ %s %s\n", noun, line(added))
	}
	for _, changed := range c.Changed {
		fmt.Fprintf(b, "~ %s %s -> %s\n", noun, line(changed.Before), line(changed.After))
	}
	for _, removed := range c.Removed {
		fmt.Fprintf(b, "- %s %s\n", noun, line(removed))
	}
}

// diff compares what is there with what is wanted. What is there and not wanted
// is removed only with prune. Both documents are canonical and sorted.
func diff(present, wanted Document, prune bool) Diff {
	grants := changes(present.Grants, wanted.Grants, Grant.id, Grant.line)
	blocks := changes(present.Blocks, wanted.Blocks, Block.id, Block.line)
	if prune {
		return Diff{Grants: grants, Blocks: blocks}
	}
	kept := len(grants.Removed) + len(blocks.Removed)
	grants.Removed, blocks.Removed = nil, nil
	return Diff{Grants: grants, Blocks: blocks, Kept: kept}
}

func changes[T any, ID comparable](present, wanted []T, id func(T) ID, line func(T) string) Changes[T] {
	there := make(map[ID]T, len(present))
	for _, one := range present {
		there[id(one)] = one
	}
	var c Changes[T]
	for _, one := range wanted {
		before, found := there[id(one)]
		switch {
		case !found:
			c.Added = append(c.Added, one)
		case line(before) != line(one):
			c.Changed = append(c.Changed, Change[T]{before, one})
		}
		delete(there, id(one))
	}
	for _, one := range present {
		if _, unwanted := there[id(one)]; unwanted {
			c.Removed = append(c.Removed, one)
		}
	}
	return c
}

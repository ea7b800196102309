package adminapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// change is a change of one entry.
type change[T json.Marshaler] struct {
	edit      rolestore.Edit
	wanted    *T // to be there; nil: nothing is
	want      wire.Conditions
	confirmed bool // also where it costs more than the entry
	by        string
}

// mostTries is how often a change is decided anew because somebody else was faster.
const mostTries = 3

// change makes a change if its conditions hold of what is there when it is made, and returns what was there before, nil
// for nothing. The store does only what was planned, so nothing can slip in between the look and the change.
func (l entries[T]) change(ctx context.Context, c change[T]) (before *T, err error) {
	if l.fixed != "" {
		return nil, wire.Refuse(wire.ReasonNotHere, l.fixed)
	}
	for range mostTries {
		plan, err := l.editor.Edit(ctx, c.edit, rolestore.ApplyOptions{DryRun: true})
		if err != nil {
			return nil, storeError(err)
		}
		if err := plan.Timely(l.now()); err != nil {
			return nil, storeError(err)
		}
		before := beforeOf(l.changes(plan), c.wanted)
		if err := c.judge(before, plan.Loss); err != nil || plan.Empty() {
			return before, err
		}
		_, err = l.editor.Edit(ctx, c.edit, rolestore.ApplyOptions{Confirmed: &plan, By: c.by})
		if !errors.Is(err, rolestore.ErrChangedMeanwhile) {
			return before, storeError(err)
		}
	}
	return nil, wire.Refuse(wire.ReasonChangedMeanwhile, "")
}

// beforeOf returns the entry as the plan found it: one that needs no change is there as it is wanted.
func beforeOf[T any](c rolestore.Changes[T], wanted *T) *T {
	switch {
	case len(c.Added) > 0:
		return nil
	case len(c.Changed) > 0:
		return &c.Changed[0].Before
	case len(c.Removed) > 0:
		return &c.Removed[0]
	}
	return wanted
}

// judge holds the conditions against what is there, and asks back before a removal that a slip would make dear.
func (c change[T]) judge(before *T, loss rolestore.Loss) (err error) {
	tag := ""
	if before != nil {
		if tag, err = wire.TagOf(*before); err != nil {
			return err
		}
	}
	if !c.want.Hold(tag) {
		return wire.Refuse(wire.ReasonPreconditionFailed, "")
	}
	if !loss.IsGrave() || c.confirmed {
		return nil
	}
	costs := fmt.Sprintf("%d of all %d grants would go", loss.Removed, loss.Present)
	if len(loss.Roles) > 0 {
		costs += ", and with them the last of " + strings.Join(loss.Roles, ", ")
	}
	return wire.Refuse(wire.ReasonRemovalUnconfirmed, costs+": send it again with confirm-removal=true")
}

// retryStore is how long a database takes to fail over, in most cases.
const retryStore = 5 * time.Second

// storeError says what an error of a store means.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rolestore.ErrRefused):
		return wire.Refuse(wire.ReasonEntryRefused, err.Error())
	default:
		return &wire.Refusal{Reason: wire.ReasonStoreUnavailable, Retry: retryStore, Err: err}
	}
}

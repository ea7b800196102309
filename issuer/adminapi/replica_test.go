package adminapi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
)

// TestEndsComeInOneOrder: the most frequent first, and those that are as frequent by name, whichever way they come.
func TestEndsComeInOneOrder(t *testing.T) {
	t.Parallel()
	want := []adminapi.End{
		{Door: "webhook", Reason: "z", Outcome: "z", Total: 2},
		{Door: "token", Reason: "a", Outcome: "z", Total: 1},
		{Door: "token", Reason: "b", Outcome: "failed", Total: 1},
		{Door: "token", Reason: "b", Outcome: "refused", Total: 1},
		{Door: "webhook", Reason: "a", Outcome: "a", Total: 1},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, adminapi.End.Compare)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

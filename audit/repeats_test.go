package audit

import (
	"testing"
)

// TestACountWaitsForTheRecordThatItAddsTo: what is decided while Postgres is away is answered again before it is written. Which of the
// two comes first is a matter of chance in Run, and so they are called here.
func TestACountWaitsForTheRecordThatItAddsTo(t *testing.T) {
	t.Parallel()
	pool := openPool(t)
	j := New(pool, Config{})
	ref, err := j.Keep(t.Context(), Record{
		Kind: KindExchange, Door: "webhook", Outcome: Granted, Reason: "none", TenantID: "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901", TokenSHA256: "0123456789abcdef",
	})
	if err != nil {
		t.Fatal(err)
	}
	j.Again(ref)
	j.Again(ref)
	for _, write := range []func() error{
		func() error { return j.writeRepeats(t.Context()) },
		func() error { return j.writeWaiting(t.Context()) },
		func() error { return j.writeRepeats(t.Context()) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Search(t.Context(), pool, Query{Limit: 9})
	if err != nil || len(found) != 1 || found[0].Repeats != 2 {
		t.Errorf("%v; found %+v, want one that was repeated twice", err, found)
	}
}

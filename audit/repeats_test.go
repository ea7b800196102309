package audit

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
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

// TestWhatAddsToNoRecordIsLostAndCounted: an answer from memory is on record, or it is counted as lost, and never both.
func TestWhatAddsToNoRecordIsLostAndCounted(t *testing.T) {
	t.Parallel()
	pool := openPool(t)
	if _, err := pool.Exec(t.Context(), `ALTER TABLE issuer.audit ADD CHECK (request_id <> 'at fault')`); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		room      int
		requestID string
		taken     bool  // it has a name
		want      int64 // that are lost, of the record and its five repeats
	}{
		"it is there":                 {room: 2, requestID: "r-1", taken: true, want: 0},
		"it was not taken in":         {room: 1, requestID: "r-2", taken: false, want: 6},
		"Postgres refused it at last": {room: 2, requestID: "at fault", taken: true, want: 6},
	} {
		lost := &losses{}
		j := New(pool, Config{Observer: lost, Room: test.room})
		r := wordy()
		before, err := j.Keep(t.Context(), r)
		if err != nil || before == (Ref{}) {
			t.Fatalf("%s: %v, called %v", name, err, before)
		}
		r.RequestID = test.requestID
		ref, err := j.Keep(t.Context(), r)
		if err != nil || (ref != Ref{}) != test.taken {
			t.Errorf("%s: %v, called %v", name, err, ref)
		}
		_ = j.writeWaiting(t.Context()) // reports the row at fault
		for range 5 {
			j.Again(ref)
		}
		j.Again(before)
		for range 2 { // the second time there is nothing left to count
			if err := j.writeRepeats(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		found, err := Search(t.Context(), pool, Query{Limit: 9, RequestID: test.requestID})
		sum := int64(len(found))
		for _, f := range found {
			sum += f.Repeats
		}
		if err != nil || lost.Load() != test.want || sum != 6-test.want {
			t.Errorf("%s: %v; %d are on record and %d lost, want %d lost", name, err, sum, lost.Load(), test.want)
		}
	}
}

// TestACommitInDoubtCountsAsPostgresHasIt, also where it has never heard of the transaction, or forgot it long ago.
func TestACommitInDoubtCountsAsPostgresHasIt(t *testing.T) {
	t.Parallel()
	pool := openPool(t)
	for name, test := range map[string]struct {
		transaction string
		want        int64
	}{
		"it is to come: a standby took over that had not heard of it": {"4611686018427388904", 5},
		"nobody knows any more: counts are not added twice":           {"0", 0},
	} {
		j := New(pool, Config{})
		r := wordy()
		r.RequestID = name
		ref, err := j.Keep(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.writeWaiting(t.Context()); err != nil {
			t.Fatal(err)
		}
		j.doubt = &sum{transaction: test.transaction, repeated: map[Ref]repeat{ref: {5, ref.At}}}
		if err := j.writeRepeats(t.Context()); err != nil || j.doubt != nil {
			t.Errorf("%s: %v, and there is doubt: %v", name, err, j.doubt != nil)
		}
		found, err := Search(t.Context(), pool, Query{Limit: 9, RequestID: r.RequestID})
		if err != nil || len(found) != 1 || found[0].Repeats != test.want {
			t.Errorf("%s: %v; found %d records, want one with %d repeats", name, err, len(found), test.want)
		}
	}
}

// TestACountThatGetsNoAnswerTurnsCallersAway, who would wait in vain, too. Where Postgres says no, it does answer.
func TestACountThatGetsNoAnswerTurnsCallersAway(t *testing.T) {
	t.Parallel()
	pool := openPool(t)
	j := New(pool, Config{Required: true})
	j.Again(newRef(j.config.Now()))
	if _, err := pool.Exec(t.Context(), `ALTER TABLE issuer.audit RENAME TO hidden`); err != nil {
		t.Fatal(err)
	}
	if err := j.writeRepeats(t.Context()); err == nil || j.isDown() {
		t.Errorf("got %v, and callers are turned away: %v", err, j.isDown())
	}
	pool.Close()
	if err := j.writeRepeats(t.Context()); err == nil || !j.isDown() {
		t.Errorf("got %v, and callers are turned away: %v", err, j.isDown())
	}
	if len(j.repeated) != 1 {
		t.Errorf("%d counts are left, want the one", len(j.repeated))
	}
}

// TestARowAtFaultLetsTheNextOneBeTried: it was let in on trial, and says nothing about Postgres.
func TestARowAtFaultLetsTheNextOneBeTried(t *testing.T) {
	t.Parallel()
	j := New(nil, Config{Required: true})
	enter := func() error { return j.admit(waiting{kept: make(chan error, 1)}) }
	j.conclude(errors.New("silent"), 1)
	if enter() == nil {
		t.Error("somebody is let in while Postgres is silent")
	}
	j.conclude(nil, 0)
	if first, second := enter(), enter(); first != nil || !errors.Is(second, errOnTrial) {
		t.Errorf("the first: %v; the second: %v", first, second)
	}
	j.conclude(&pgconn.PgError{Code: "22P02"}, 1)
	if first, second := enter(), enter(); first != nil || !errors.Is(second, errOnTrial) {
		t.Errorf("after a row at fault, the first: %v; the second: %v", first, second)
	}
}

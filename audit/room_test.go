package audit

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"
)

// losses counts records that were lost.
type losses struct{ atomic.Int64 }

func (*losses) Kept(int)     {}
func (l *losses) Lost(n int) { l.Add(int64(n)) }

// wordy is a refusal of somebody who asks for as many roles, of names as long, as a record has room for.
func wordy() Record {
	r := Record{
		Kind: KindExchange, Door: "token", Outcome: Refused, Reason: "role_not_granted", TenantID: "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901", TokenSHA256: "0123456789abcdef",
	}
	for i := range 500 {
		r.AskedRoles = append(r.AskedRoles, fmt.Sprintf("%0128d", i))
	}
	return r
}

// TestWordyRecordsTakeNoMoreMemoryThanOthers: callers choose how much they ask for. What was written, or could not be, makes room.
func TestWordyRecordsTakeNoMoreMemoryThanOthers(t *testing.T) {
	t.Parallel()
	pool := openPool(t)
	lost := &losses{}
	j := New(pool, Config{Observer: lost})
	const all = 5000
	for range all {
		if _, err := j.Keep(t.Context(), wordy()); err != nil {
			t.Fatal(err)
		}
	}
	held := 0
	for _, w := range j.waiting {
		for _, role := range w.record.AskedRoles {
			held += len(role)
		}
	}
	if held > maxBytes || int(lost.Load()) != all-j.Waiting() || lost.Load() == 0 {
		t.Errorf("%d records wait, with %d bytes of names, and %d are lost", j.Waiting(), held, lost.Load())
	}
	for _, sql := range []string{`ALTER TABLE issuer.audit RENAME TO hidden`, `ALTER TABLE issuer.hidden RENAME TO audit`} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		taken := j.bytes
		if err := j.writeWaiting(t.Context()); err != nil && j.bytes != taken {
			t.Errorf("%d bytes are taken, and %d were before they could not be written", j.bytes, taken)
		}
	}
	if j.Waiting() > 0 || j.bytes != 0 {
		t.Errorf("%d records wait, and %d bytes are taken", j.Waiting(), j.bytes)
	}
}

// TestARecordHoldsNothingThatItsNamesArePartsOf: those that were asked for are of a request's body, and those that were given of
// all that the store knows of somebody.
func TestARecordHoldsNothingThatItsNamesArePartsOf(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("editor reader ", 4000)
	names := strings.Fields(whole)[:2]
	got := Record{AskedRoles: names, Roles: names}.clean()
	for _, list := range [][]string{got.AskedRoles, got.Roles} {
		for i, name := range list {
			if name != names[i] || unsafe.StringData(name) == unsafe.StringData(names[i]) {
				t.Errorf("%q is a part of the whole, or is not the name", name)
			}
		}
	}
}

// TestWhatWasGivenIsOnRecordInFull, so that a search by role finds it.
func TestWhatWasGivenIsOnRecordInFull(t *testing.T) {
	t.Parallel()
	r := Record{}
	for i := range 600 { // more than a token has room for
		r.Roles = append(r.Roles, fmt.Sprintf("r%d", i))
		r.Grants = append(r.Grants, fmt.Sprintf("r%d by everyone", i))
	}
	if got := r.clean(); len(got.Roles) != 600 || len(got.Grants) != 600 {
		t.Errorf("%d roles by %d grants are on record, of 600", len(got.Roles), len(got.Grants))
	}
}

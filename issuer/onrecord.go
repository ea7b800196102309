package issuer

import (
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// mostRecords is how many records there may be of one remembered decision, beside the first one in each role.
const mostRecords = 8

// onRecord is a record of a decision: in which role somebody asked to act, from where, and what Again calls it by.
type onRecord struct {
	role, address string
	ref           audit.Ref // zero: the record was lost
}

// recordFor returns the record to which an answer to r from memory adds: one in the same role and from the same address. Where
// there is none, the answer leaves a record of its own, so that nobody acts in a role, or with somebody else's token, unseen. Once
// there are many, an answer in a role that is on record adds to the last one in that role, or who moves from address to address
// would write without end.
func (e earlier) recordFor(r Request) (ref audit.Ref, found bool) {
	for _, record := range e.records {
		if record.role != r.Role {
			continue
		}
		if record.address == r.Address {
			return record.ref, true
		}
		ref = record.ref
	}
	return ref, ref != audit.Ref{} && len(e.records) >= mostRecords
}

// with returns e with one more record, if that was not lost. It shares nothing with e that could be changed.
func (e earlier) with(record onRecord) earlier {
	if record.ref == (audit.Ref{}) {
		return e
	}
	record.role, record.address = strings.Clone(record.role), strings.Clone(record.address)
	e.records = append(slices.Clip(e.records), record)
	return e
}

// note remembers the record that an answer from memory left, unless there is a newer decision, or none any more. Of answers that
// are given at the same time each may leave one: those that are too many are not remembered.
func (i *Issuer) note(r Request, j judgement) {
	i.earlier.Change(j.id, func(now earlier) (earlier, int) {
		if _, found := now.recordFor(r); !found && now.at.Equal(j.before.at) && now.jti == j.before.jti {
			now = now.with(j.record)
		}
		return now, now.size()
	})
}

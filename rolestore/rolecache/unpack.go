package rolecache

import (
	"encoding/binary"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// unpacker reads what a packer wrote. What cannot be read is zero from there on, and an error at the end.
type unpacker struct {
	rest   string
	broken bool
}

func unpack(packed string) *unpacker {
	if packed == "" || packed[0] != layout {
		return &unpacker{broken: true}
	}
	return &unpacker{rest: packed[1:]}
}

func (u *unpacker) end() error {
	if u.broken || u.rest != "" {
		return errUnreadable
	}
	return nil
}

func (u *unpacker) fail() {
	u.rest, u.broken = "", true
}

// varint returns the bytes of the next number.
func (u *unpacker) varint() []byte { return []byte(u.rest[:min(len(u.rest), binary.MaxVarintLen64)]) }

func (u *unpacker) number() int64 {
	n, size := binary.Varint(u.varint())
	if size <= 0 {
		u.fail()
		return 0
	}
	u.rest = u.rest[size:]
	return n
}

// count returns a length, which is never more than the bytes that are left.
func (u *unpacker) count() int {
	n, size := binary.Uvarint(u.varint())
	if size <= 0 || n > uint64(len(u.rest)) || int(n) > len(u.rest)-size { //nolint:gosec // G115: the second bounds the third
		u.fail()
		return 0
	}
	u.rest = u.rest[size:]
	return int(n) //nolint:gosec // G115: bounded above
}

func (u *unpacker) text() string {
	n := u.count()
	s := u.rest[:n]
	u.rest = u.rest[n:]
	return s
}

func (u *unpacker) texts() []string {
	list := make([]string, u.count())
	for i := range list {
		list[i] = u.text()
	}
	return list
}

func (u *unpacker) flag() bool { return u.number() == 1 }

func (u *unpacker) principal() rolestore.Principal {
	return rolestore.Principal{Kind: rolestore.PrincipalKind(u.text()), ID: u.text()}
}

func (u *unpacker) time() time.Time {
	if t := time.UnixMicro(u.number()).UTC(); !t.Equal(time.Time{}) && !u.broken {
		return t
	}
	return time.Time{}
}

func (u *unpacker) session() map[string]rolestore.Value {
	n := u.count()
	if n == 0 {
		return nil
	}
	variables := make(map[string]rolestore.Value, n)
	for range n {
		name := u.text()
		if u.flag() {
			variables[name] = rolestore.List(u.texts()...)
		} else {
			variables[name] = rolestore.Text(u.text())
		}
	}
	return variables
}

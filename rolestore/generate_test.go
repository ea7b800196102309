package rolestore_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolestoretest"
)

// Generators of what the rules allow. Identities come from small sets, so that
// two documents of one run meet.

func anyGUID(t *rapid.T, label string) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012d", rapid.SampledFrom([]uint32{0, 0x12345678, 0xdeadbeef, 0x1e100000}).Draw(t, label), rapid.IntRange(0, 3).Draw(t, label))
}

// anyText draws nasty texts and arbitrary ones without control characters.
func anyText(t *rapid.T, label string) string {
	arbitrary := rapid.StringOfN(rapid.Rune(), 0, 40, 200).Filter(func(s string) bool {
		for _, r := range s {
			if r < ' ' || 0x7f <= r && r <= 0x9f || r == '\ufffd' {
				return false
			}
		}
		return true
	})
	return rapid.OneOf(rapid.SampledFrom(rolestoretest.Texts()), arbitrary, rapid.StringMatching(`[ -~]{0,20}`)).Draw(t, label)
}

func anyPrincipal(t *rapid.T, kinds ...rolestore.PrincipalKind) rolestore.Principal {
	p := rolestore.Principal{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	switch p.Kind {
	case rolestore.KindUser, rolestore.KindGroup, rolestore.KindApp:
		p.ID = anyGUID(t, "principal")
	case rolestore.KindAppRole:
		p.ID = rapid.OneOf(rapid.SampledFrom([]string{"Hasura.Reader", "true", "1", "{", `"`, "*", "-"}), rapid.StringMatching(`[!-~]{1,20}`)).Draw(t, "app role")
	case rolestore.KindEveryone:
	}
	return p
}

func anySession(t *rapid.T) map[string]rolestore.Value {
	value := rapid.Custom(func(t *rapid.T) rolestore.Value {
		if rapid.Bool().Draw(t, "list") {
			return rolestore.List(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return anyText(t, "item") }), 0, 4).Draw(t, "items")...)
		}
		return rolestore.Text(anyText(t, "text"))
	})
	name := rapid.StringMatching(`x-hasura-[a-z0-9-]{1,8}`).Filter(func(s string) bool { return s != "x-hasura-role" })
	session := rapid.MapOfN(name, value, 0, 3).Draw(t, "session")
	if len(session) == 0 {
		return nil
	}
	return session
}

func anyTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" open") {
		return time.Time{}
	}
	return time.UnixMicro(rapid.Int64Range(0, 253402300799_999999).Draw(t, label)).UTC()
}

func anyGrant(t *rapid.T) rolestore.Grant {
	g := rolestore.Grant{
		Tenant:    anyGUID(t, "tenant"),
		Principal: anyPrincipal(t, rolestore.KindUser, rolestore.KindGroup, rolestore.KindAppRole, rolestore.KindApp, rolestore.KindEveryone),
		Role: rapid.OneOf(rapid.SampledFrom([]string{"reader", "true", "NULL", "y", "off", "_", "e1", "a-", "a."}), rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_.-]{0,10}`)).
			Filter(func(s string) bool { return s != "admin" }).Draw(t, "role"),
		Priority: rapid.IntRange(-1<<31, 1<<31-1).Draw(t, "priority"),
		Session:  anySession(t),
		From:     anyTime(t, "from"),
		Until:    anyTime(t, "until"),
	}
	if !g.From.IsZero() && !g.Until.IsZero() && !g.From.Before(g.Until) {
		g.From = time.Time{}
	}
	g.Reason = rapid.Custom(func(t *rapid.T) string { return anyText(t, "reason") }).
		Filter(func(s string) bool { return len(s) <= 1024 }).Draw(t, "a reason")
	return g
}

func anyDocument() *rapid.Generator[rolestore.Document] {
	grantID := func(g rolestore.Grant) string { return fmt.Sprint(g.Tenant, g.Principal, g.Role) }
	blockID := func(b rolestore.Block) string { return fmt.Sprint(b.Tenant, b.Principal) }
	block := rapid.Custom(func(t *rapid.T) rolestore.Block {
		reason := rapid.SampledFrom(rolestoretest.Texts()).Filter(func(s string) bool { return len(s) <= 1024 })
		return rolestore.Block{
			Tenant: anyGUID(t, "tenant"), Principal: anyPrincipal(t, rolestore.KindUser, rolestore.KindApp),
			Until: anyTime(t, "until"), Reason: reason.Draw(t, "reason"),
		}
	})
	return rapid.Custom(func(t *rapid.T) rolestore.Document {
		return rolestore.Document{
			Grants: rapid.SliceOfNDistinct(rapid.Custom(anyGrant), 0, 6, grantID).Draw(t, "grants"),
			Blocks: rapid.SliceOfNDistinct(block, 0, 3, blockID).Draw(t, "blocks"),
		}
	})
}

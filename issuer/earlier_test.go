package issuer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// gateway is an issuer that is asked again and again about one caller, as a gateway does, in a world that changes.
type gateway struct {
	*world
	issuer *issuer.Issuer
	now    time.Time
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{world: newWorld(t), now: noon}
	g.config.Now = func() time.Time { return g.now }
	g.config.Remember, g.config.Limiter = 10, g
	var err error
	if g.issuer, err = issuer.New(g.config, g, g, g, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// ask returns the decision, and by which steps it came about.
func (g *gateway) ask(r issuer.Request) (d issuer.Decision, steps string, err error) {
	g.t.Helper()
	g.steps, g.uses = "", nil
	r.SubjectToken, r.Reuse = subjectToken, true
	d, err = g.issuer.Exchange(g.t.Context(), r)
	return d, g.steps, err
}

func (g *gateway) mustAsk() (d issuer.Decision, steps string) {
	g.t.Helper()
	d, steps, err := g.ask(issuer.Request{})
	if err != nil {
		g.t.Fatal(err)
	}
	return d, steps
}

func TestATokenIsHandedOutAgainWhileItSaysWhatANewOneWould(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*gateway)
		again  bool
	}{
		"nothing has changed":                    {func(*gateway) {}, true},
		"a third of its life is left, and a bit": {func(g *gateway) { g.now = noon.Add(199 * time.Second) }, true},
		"a third of its life is left":            {func(g *gateway) { g.now = noon.Add(200 * time.Second) }, false},
		"it has run out":                         {func(g *gateway) { g.now = noon.Add(time.Hour - 10*time.Second) }, false},
		"a role has come":                        {func(g *gateway) { g.answer.Grants = append(g.answer.Grants, grant("editor")) }, false},
		"the default role is another":            {func(g *gateway) { g.answer.Grants[0].Priority = 9 }, false},
		"a role has gone":                        {func(g *gateway) { g.answer.Grants = g.answer.Grants[:1] }, false},
		"a role has begun":                       {func(g *gateway) { g.answer.Grants[2].From = noon }, false},
		"a variable is another":                  {func(g *gateway) { g.answer.Grants[1].Session = nil }, false},
		"a list is a text now": {func(g *gateway) {
			g.answer.Grants[1].Session = map[string]rolestore.Value{"x-hasura-list": rolestore.Text(`{"a"}`)}
		}, false},
		"a grant ends before it does":               {func(g *gateway) { g.answer.Grants[0].Until = noon.Add(299 * time.Second) }, false},
		"a grant ends with it":                      {func(g *gateway) { g.answer.Grants[0].Until = noon.Add(300 * time.Second) }, true},
		"something that is not in it has changed":   {func(g *gateway) { g.answer.Grants[0].Reason = "INC-77" }, true},
		"the key that signed it is revoked":         {func(g *gateway) { g.revoked = true }, false},
		"the caller's groups are others, to no end": {func(g *gateway) { g.subject.Groups = nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.answer.Grants = []rolestore.Grant{
				grant("reader"), grant("author", priority(5), func(g *rolestore.Grant) { g.Session = list("a") }), grant("oncall", from(noon.Add(time.Hour))),
			}
			first, steps := g.mustAsk()
			if first.Reused || steps != "vrs" || first.Lifetime != 5*time.Minute {
				t.Fatalf("the first time: %+v after steps %q", first, steps)
			}
			c.change(g)
			second, steps := g.mustAsk()
			if second.Reused != c.again || (second.JTI == first.JTI) != c.again || (second.Token == first.Token) != c.again || (steps == "vr") != c.again {
				t.Errorf("handed out again: %v, want %v; steps %q", second.Reused, c.again, steps)
			}
			if end := first.Lifetime - g.now.Sub(noon); c.again && (second.Lifetime != end || second.KID != "k1" || len(second.Roles) != len(first.Roles)) {
				t.Errorf("handed out again as %+v, want it to live for %s", second, end)
			}
		})
	}
}

func TestATokenIsNeverHandedOutAgainToWhoWouldGetNone(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	block := rolestore.Block{Tenant: tenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: objectID}}
	for name, c := range map[string]struct {
		change func(*gateway)
		want   refusal
	}{
		"the caller is blocked":                  {func(g *gateway) { g.answer.Blocks = []rolestore.Block{block} }, refusal{issuer.ReasonBlocked, false}},
		"every role has gone":                    {func(g *gateway) { g.answer.Grants = nil }, refusal{issuer.ReasonNoRoles, false}},
		"the subject token is refused now":       {func(g *gateway) { g.verify = &idp.TokenError{Reason: idp.ReasonTokenExpired, Err: broken} }, refusal{issuer.ReasonTokenExpired, false}},
		"nobody can tell the roles":              {func(g *gateway) { g.look = broken }, refusal{issuer.ReasonRolesUnavailable, true}},
		"nobody can tell the groups":             {func(g *gateway) { g.omit(groupID); g.world.ask = broken }, refusal{issuer.ReasonGroupsUnavailable, true}},
		"the key is gone, and no other is there": {func(g *gateway) { g.revoked, g.write = true, broken }, refusal{issuer.ReasonKeysUnavailable, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.mustAsk()
			c.change(g)
			d, _, err := g.ask(issuer.Request{})
			wantRefusal(t, err, c.want)
			if d.Token != "" || d.JTI != "" {
				t.Error("a token came along")
			}
		})
	}
}

// TestWhatTakesTooMuchMemoryIsNotRemembered: one that is remembered may take 4 KiB, whatever it is that takes them.
func TestWhatTakesTooMuchMemoryIsNotRemembered(t *testing.T) {
	t.Parallel()
	variables := func(count, items int) map[string]rolestore.Value {
		session := map[string]rolestore.Value{}
		for n := range count {
			session[fmt.Sprint("x-hasura-", n)] = rolestore.List(slices.Repeat([]string{"a"}, items)...)
		}
		return session
	}
	for name, c := range map[string]struct {
		change     func(*gateway)
		remembered bool
	}{
		"ten roles, ten variables, a token": {func(g *gateway) {
			g.length = 1500
			for n := range 10 {
				g.answer.Grants = append(g.answer.Grants, grant(fmt.Sprint("role-", n)))
			}
			g.answer.Grants[0].Session = variables(8, 1)
		}, true},
		"a long token": {func(g *gateway) { g.length = 4000 }, false},
		"many roles": {func(g *gateway) {
			for n := range 100 {
				g.answer.Grants = append(g.answer.Grants, grant(fmt.Sprint("role-", n)))
			}
		}, false},
		"many variables": {func(g *gateway) { g.answer.Grants[0].Session = variables(30, 0) }, false},
		"a long list":    {func(g *gateway) { g.answer.Grants[0].Session = variables(1, 250) }, false},
	} {
		g := newGateway(t)
		g.config.Remember = 1
		var err error
		if g.issuer, err = issuer.New(g.config, g, g, g, g); err != nil {
			t.Fatal(err)
		}
		c.change(g)
		g.mustAsk()
		if second, _ := g.mustAsk(); second.Reused != c.remembered {
			t.Errorf("%s: remembered: %v, want %v", name, second.Reused, c.remembered)
		}
	}
}

// TestOnlyWhatIsAskedForIsHandedOut: one subject token, several wishes.
func TestOnlyWhatIsAskedForIsHandedOut(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.answer.Grants = []rolestore.Grant{grant("reader"), grant("editor", priority(5))}
	all, _ := g.mustAsk()
	narrow, _, err := g.ask(issuer.Request{Scope: []string{"reader"}})
	if err != nil || narrow.Reused || narrow.JTI == all.JTI {
		t.Errorf("a narrower token: %+v, %v", narrow, err)
	}
	g.steps = ""
	fresh, err := g.issuer.Exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Scope: []string{"reader"}})
	if err != nil || fresh.Reused || fresh.JTI == narrow.JTI {
		t.Errorf("who wants a token of its own: %+v, %v", fresh, err)
	}
}

// TestWhatIsRememberedHoldsNothingElseOfTheAnswer that the store gave, whose texts may all be parts of one.
func TestWhatIsRememberedHoldsNothingElseOfTheAnswer(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	whole := strings.Clone("reader x-hasura-org acme x-hasura-areas north south, by 300 grants, each with its reason")
	part := func(text string) string { at := strings.Index(whole, text); return whole[at : at+len(text)] }
	g.answer.Grants = []rolestore.Grant{grant(part("reader"), func(g *rolestore.Grant) {
		g.Session = map[string]rolestore.Value{
			part("x-hasura-org"): rolestore.Text(part("acme")), part("x-hasura-areas"): rolestore.List(part("north"), part("south")),
		}
	})}
	first, _ := g.mustAsk()
	if again, _ := g.mustAsk(); again.Token != first.Token {
		t.Error("it is not remembered as it was decided")
	}
	held := 0
	for _, text := range g.issuer.Remembered(subjectToken) {
		if at := strings.Index(whole, text); at >= 0 && text != "" {
			held++
			if unsafe.StringData(text) == unsafe.StringData(whole[at:]) {
				t.Errorf("%q is a part of the answer", text)
			}
		}
	}
	if held != 6 {
		t.Errorf("%d texts of the answer are remembered, want 6", held)
	}
}

func TestWithoutAMemoryEveryTokenIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Reuse: true})
	if err != nil {
		t.Fatal(err)
	}
	w.steps = ""
	second, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Reuse: true})
	if err != nil || second.Reused || second.JTI == first.JTI {
		t.Errorf("%+v, %v", second, err)
	}
}

// hook asks as an engine does.
func (g *gateway) hook() error {
	g.t.Helper()
	g.steps, g.uses = "", nil
	_, err := g.issuer.Decide(g.t.Context(), issuer.Request{SubjectToken: subjectToken, Reuse: true})
	return err
}

// TestAnAnswerFromMemoryCountsForNoLimitByCaller: engines and gateways ask at every request of their clients.
func TestAnAnswerFromMemoryCountsForNoLimitByCaller(t *testing.T) {
	t.Parallel()
	inFull := []use{byCaller, byReader, byClient}
	late := []use{{byCaller.Use, "vr"}, byReader, byClient} // it turned out after the store was asked
	block := []rolestore.Block{{Tenant: tenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: objectID}}}
	ask := func(g *gateway) error { _, _, err := g.ask(issuer.Request{}); return err }
	hook := (*gateway).hook
	for name, c := range map[string]struct {
		first, second func(*gateway) error
		change        func(*gateway)
		want          []use
	}{
		"a gateway":                 {first: ask, second: ask},
		"an engine":                 {first: hook, second: hook},
		"an engine after a gateway": {first: ask, second: hook},
		"a gateway after an engine, which has no token": {first: hook, second: ask, want: inFull},
		"a gateway whose token grew old":                {first: ask, second: ask, change: func(g *gateway) { g.now = noon.Add(200 * time.Second) }, want: late},
		"an engine whose answer grew old":               {first: hook, second: hook, change: func(g *gateway) { g.now = noon.Add(200 * time.Second) }, want: late},
		"other rights":                                  {first: hook, second: hook, change: func(g *gateway) { g.answer.Grants[0].Session = list("a") }, want: late},
		"a key that was revoked":                        {first: ask, second: ask, change: func(g *gateway) { g.revoked = true }, want: inFull},
		"a key that was revoked, to an engine":          {first: ask, second: hook, change: func(g *gateway) { g.revoked = true }},
		"somebody who is blocked, the first time":       {first: hook, second: hook, change: func(g *gateway) { g.answer.Blocks = block }},
		"somebody who is blocked, and asks on": {first: hook, second: hook, change: func(g *gateway) {
			g.answer.Blocks = block
			_ = g.hook()
		}, want: []use{byCaller}},
		"a store that did not answer in between": {first: hook, second: hook, change: func(g *gateway) {
			g.look = errors.New("connection reset")
			_ = g.hook()
			g.look = nil
		}},
		"a store that does not answer":               {first: hook, second: hook, change: func(g *gateway) { g.look = errors.New("connection reset") }, want: late[:1]},
		"a store that does not answer, to a gateway": {first: ask, second: ask, change: func(g *gateway) { g.look = errors.New("connection reset") }, want: late[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			if err := c.first(g); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(inFull, g.uses); diff != "" {
				t.Errorf("the first time (-want +got):\n%s", diff)
			}
			if c.change != nil {
				c.change(g)
			}
			_ = c.second(g)
			if diff := cmp.Diff(c.want, g.uses); diff != "" {
				t.Errorf("the second time (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoAsksOnWhileNothingCanBeJudgedIsLimitedToo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mustAsk()
	g.look = errors.New("connection reset")
	wantRefusal(t, g.hook(), refusal{issuer.ReasonRolesUnavailable, true})
	g.waits = map[issuer.Limit]time.Duration{issuer.LimitCaller: time.Second}
	wantRefusal(t, g.hook(), refusal{issuer.ReasonRateLimited, true})
	g.look = nil
	if err := g.hook(); err != nil {
		t.Errorf("once it can be judged again: %v", err)
	}
}

// TestAnOfficeDoesNotShutOutWhoIsKnown: all who are in it share an address, and a gateway asks at every request. A token
// that is refused now is known no longer.
func TestAnOfficeDoesNotShutOutWhoIsKnown(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	fromOffice := issuer.Request{Origin: origin}
	first, _, err := g.ask(fromOffice)
	if diff := cmp.Diff([]use{byAddress, byFailures, byCaller, byReader, byClient}, g.uses); err != nil || diff != "" {
		t.Fatalf("the first time: %v, counted (-want +got):\n%s", err, diff)
	}
	g.waits = map[issuer.Limit]time.Duration{issuer.LimitAddress: time.Second, issuer.LimitFailures: time.Second}
	again, _, err := g.ask(fromOffice)
	if err != nil || again.Token != first.Token || len(g.uses) != 0 {
		t.Errorf("who is known: %v, counted by %v", err, g.uses)
	}
	g.steps = ""
	_, err = g.issuer.Exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Origin: origin})
	wantRefusal(t, err, refusal{issuer.ReasonRateLimited, true}) // who wants a token of its own
	g.waits = nil
	g.verify = &idp.TokenError{Reason: idp.ReasonTokenExpired, Err: errors.New("over")}
	for _, want := range [][]use{{failure}, {byAddress, byFailures, failure}} {
		_, _, err = g.ask(fromOffice)
		wantRefusal(t, err, refusal{issuer.ReasonTokenExpired, false})
		if diff := cmp.Diff(want, g.uses); diff != "" {
			t.Errorf("who was known (-want +got):\n%s", diff)
		}
	}
}

func TestALimitEndsWhatIsNoLongerFromMemory(t *testing.T) {
	t.Parallel()
	for limit := range map[issuer.Limit]bool{issuer.LimitCaller: true, issuer.LimitRole: true, issuer.LimitClient: true} {
		g := newGateway(t)
		first, _ := g.mustAsk()
		g.waits = map[issuer.Limit]time.Duration{limit: 7 * time.Second}
		if again, _ := g.mustAsk(); again.Token != first.Token {
			t.Errorf("%s: what is in memory is another token", limit)
		}
		g.now = noon.Add(200 * time.Second)
		got, _, err := g.ask(issuer.Request{})
		wantRefusal(t, err, refusal{issuer.ReasonRateLimited, true})
		if got.Token != "" || got.Reused {
			t.Errorf("%s: %+v", limit, got)
		}
		wantRefusal(t, g.hook(), refusal{issuer.ReasonRateLimited, true})
	}
}

func TestWhatOneDoorRemembersIsNoneOfTheOthersBusiness(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	single, err := g.issuer.Exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
	if err != nil {
		t.Fatal(err)
	}
	g.steps = ""
	if _, err := g.issuer.Decide(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
		t.Fatal(err)
	}
	if err := g.hook(); err != nil || len(g.uses) != 3 {
		t.Errorf("an engine is answered what somebody asked for alone: %v, counted %d times", err, len(g.uses))
	}
	first, steps := g.mustAsk()
	if first.Token == single.Token || first.Reused || len(g.uses) != 3 {
		t.Errorf("a gateway is given what somebody else asked for alone: %+v after %q, counted %d times", first, steps, len(g.uses))
	}
	for range 3 {
		if err := g.hook(); err != nil || len(g.uses) != 0 {
			t.Errorf("an engine after a gateway: %v, counted %d times", err, len(g.uses))
		}
	}
	if again, _ := g.mustAsk(); again.Token != first.Token {
		t.Error("an engine took a gateway's token away")
	}
}

// TestADecisionGrowsOldHoweverOftenItIsAskedFor: or a limit would count an engine's client once, and never again.
func TestADecisionGrowsOldHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	counted := 0
	for range 60 {
		if err := g.hook(); err != nil {
			t.Fatal(err)
		}
		if len(g.uses) > 0 {
			counted++
		}
		g.now = g.now.Add(10 * time.Second)
	}
	if counted != 3 {
		t.Errorf("in ten minutes it was decided in full %d times, want once in 200 s", counted)
	}
}

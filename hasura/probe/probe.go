// Package probe answers one question: is a running engine set up so that a token of ours opens it, and nothing else does?
//
// It asks the engine as any caller could, over HTTP, and says what to change in Hasura's settings. It has no admin secret,
// wants none, and changes nothing: what it asks of an engine that is open to everybody does nothing there. It knows nothing
// of how tokens are made; it is handed them.
package probe

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// Tokens are what the engine is asked with. All of them name Role as their only role, and all but Good are to be refused;
// but for what makes them so they are Good. They are all well signed: one with a broken signature is made of Good.
type Tokens struct {
	Role          string // not admin
	Good          string
	OtherAudience string
	OtherIssuer   string
	Expired       string // for longer than any leeway
}

// Status says what a finding means.
type Status string

// What a finding may mean.
const (
	OK     Status = "ok"
	Note   Status = "note"   // tokens mean what they say, and production engines are set otherwise
	Off    Status = "off"    // not tried, and why
	Failed Status = "failed" // our tokens do not open it, or something else does
)

// Finding is one thing that was tried.
type Finding struct {
	Of     string // what was tried
	Status Status
	Detail string // what was found, in our words: an engine's sentences quote roles and claims
	Code   string // the engine's code for it, where it has one
	Cure   string // what to change
}

// Engine is a running one.
type Engine struct {
	URL       string       // its base, such as https://hasura.example; the path of its GraphQL endpoint may follow
	Client    *http.Client // follows no redirect, and has a deadline
	KnowsRole bool         // Tokens.Role has permissions there, so that what it says of the schema means something
}

// Check tries everything. Where tokens is nil there are none, and only what a caller without one sees is tried.
func (e Engine) Check(ctx context.Context, tokens *Tokens) []Finding {
	v := &visit{client: e.Client, base: base(e.URL), knowsRole: e.KnowsRole}
	first, found := v.recognise(ctx)
	if !found {
		return []Finding{first}
	}
	all := []Finding{first}
	if !v.v3 {
		secret := v.adminSecret(ctx)
		all = append(all, secret, v.console(ctx))
		if secret.Status == Failed { // such an engine reads no token
			return append(all, Finding{Of: "token", Status: Off, Detail: "not tried: whoever comes is an administrator"})
		}
	}
	all = append(all, v.withTokens(ctx, tokens)...)
	if v.v3 { // what it tells has no place of its own
		return all
	}
	return append(all, v.errors())
}

// base is the URL without the endpoint that people copy along.
func base(url string) string {
	url = strings.TrimSuffix(url, "/")
	for _, end := range []string{"/v1/graphql", "/graphql", "/console"} {
		if rest, found := strings.CutSuffix(url, end); found {
			return rest
		}
	}
	return url
}

// visit is one run against one engine.
type visit struct {
	client    *http.Client
	base      string
	knowsRole bool
	v3        bool

	mu        sync.Mutex
	internals bool // an answer told what only a developer should read
}

// recognise finds out which engine answers, if any does. A v2 engine whose version a proxy keeps to itself is one by its
// GraphQL endpoint.
func (v *visit) recognise(ctx context.Context) (Finding, bool) {
	version := v.do(ctx, http.MethodGet, "/v1/version", "", nil)
	f := Finding{Of: "engine", Status: OK}
	switch {
	case version.err != nil:
		return unreachable(version.err), false
	case version.status == http.StatusOK && version.version != "":
		f.Detail = "v2, release " + version.version
		return f, true
	case version.status >= 300 && version.status < 400:
		f.Status, f.Detail = Failed, "it redirects, and a token must not be sent after that"
		f.Cure = "name the engine's own URL, and leave no way to it over plain HTTP that asks for another try"
		return f, false
	}
	for _, v.v3 = range []bool{false, true} {
		if v.graphql(ctx, "", nil).isGraphQL {
			f.Detail = map[bool]string{false: "v2, whose version is not shown", true: "v3"}[v.v3]
			return f, true
		}
	}
	f.Status, f.Detail, f.Cure = Failed, "what answers there is no engine: it has none of /v1/version, /v1/graphql and /graphql",
		"name the engine's base URL, without a path of its API; a proxy in front has to let /v1/graphql through"
	return f, false
}

// withTokens tries what callers may do, without a token, with ours, and with others.
func (v *visit) withTokens(ctx context.Context, tokens *Tokens) []Finding {
	public := v.publicRole(ctx)
	if tokens == nil {
		return []Finding{public, {Of: "token", Status: Off, Detail: "not tried: there is no ring to sign one with"}}
	}
	if f := v.refuses(ctx, "signature", broken(tokens.Good)); f.Status != OK {
		return []Finding{public, f, {Of: "token", Status: Off, Detail: "not tried: the signature comes first"}}
	} else if good := v.good(ctx, tokens); good.Status != OK {
		return []Finding{public, good}
	} else {
		return append([]Finding{public, good, f}, v.beside(ctx, tokens)...)
	}
}

// beside tries at once what needs a good token to mean something: it does not live long.
func (v *visit) beside(ctx context.Context, tokens *Tokens) []Finding {
	tries := []func() Finding{
		func() Finding { return v.refuses(ctx, "issuer", tokens.OtherIssuer) },
		func() Finding { return v.refuses(ctx, "audience", tokens.OtherAudience) },
		func() Finding { return v.refuses(ctx, "expiry", tokens.Expired) },
		func() Finding { return v.role(ctx, tokens) },
		func() Finding { return v.introspection(ctx, tokens) },
	}
	if !v.v3 {
		tries = append(tries, func() Finding { return v.adminAPI(ctx, tokens) })
	}
	all := make([]Finding, len(tries))
	var running sync.WaitGroup
	for i, try := range tries {
		running.Go(func() { all[i] = try() })
	}
	running.Wait()
	return all
}

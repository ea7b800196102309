package api

import (
	"cmp"
	"context"
	"net/http"
)

// Tracer follows requests through the service. It is called concurrently.
type Tracer interface {
	// Begin begins to follow a request to a route, which is written as in a table of routes, empty for none. trusted says
	// that the peer's word counts about where the request comes from. The context that it returns lies within ctx and is for all that is
	// done for the request; traceID is fit for a log.
	Begin(ctx context.Context, r *http.Request, route string, trusted bool) (inner context.Context, traceID string)
	// End says how the request ended that Begin has returned ctx for.
	End(ctx context.Context, method string, answered Answered)
}

// Answered is how a request ended. Nothing of it is text that came from outside.
type Answered struct {
	Route   string // the route, or for an operator's request the operation, as written in a table of routes
	Status  int
	Failed  bool    // for want of something of ours
	Outcome Outcome // zero for what asks for no decision
}

// trace begins to follow a request, where somebody does that, and returns the context for what is done for it.
func (a *API) trace(ctx context.Context, rt route, r *http.Request, e *entry) context.Context {
	if a.config.Tracer == nil || rt.untraced {
		return ctx
	}
	ctx, e.traceID = a.config.Tracer.Begin(ctx, r, rt.path, within(a.config.TrustedProxies, e.origin.peer))
	return ctx
}

// traced ends what trace began.
func (a *API) traced(ctx context.Context, rt route, r *http.Request, e *entry, status int, o Outcome) {
	if a.config.Tracer == nil || rt.untraced {
		return
	}
	failed := o.Result == Failed || status >= http.StatusInternalServerError && o.Door == ""
	a.config.Tracer.End(ctx, r.Method, Answered{
		Route: cmp.Or(e.account.Route, rt.path), Status: status, Failed: failed && !leftAlone(e, failed), Outcome: o,
	})
}

package api

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"regexp"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// entry is what one request's log line will say. One goroutine owns it, the request's.
type entry struct {
	start     time.Time
	requestID string
	traceID   string // empty: the request is in no trace
	origin    origin
	door      string // of a request for a decision; empty on any other
	decision  issuer.Decision
	account   Account // of an operator's request
	err       error   // why there was no answer as asked for
	reason    string  // what an operator was told of err
	cancelled bool    // the client went away first
}

var safeRequestID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`) })

// newEntry takes over the client's request id if it has a safe form, and makes one otherwise.
func newEntry(r *http.Request, trusted []netip.Prefix) *entry {
	e := &entry{start: time.Now(), origin: originOf(r, trusted)}
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && safeRequestID().MatchString(ids[0]) {
		e.requestID = ids[0]
	} else {
		e.requestID = newRequestID()
	}
	return e
}

// newRequestID returns 128 random bits as crypto/rand.Text writes them. They need be no secret, only nobody else's, so that they
// may come from the generator that is ten times as fast.
func newRequestID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var id [26]byte
	for half := range 2 {
		bits := rand.Uint64() //nolint:gosec // G404: see above
		for i := range len(id) / 2 {
			id[half*len(id)/2+i] = letters[bits%32]
			bits /= 32
		}
	}
	return string(id[:])
}

// log writes the one line of a request.
func (a *API) log(rt route, e *entry, status int) {
	l := line{route: cmp.Or(e.account.Route, rt.path), status: status, reason: e.reason, entry: e}
	level, message, logger := rt.level, "request", &a.config.Logger
	if e.err != nil {
		judged := status
		if rt.refuse == nil {
			reason, _ := a.reasonOf(e.err)
			l.reason, judged = string(reason), a.problems[reason].status
		}
		level = levelOf(rt, e, judged)
	}
	if rt.refuse != nil {
		message = "operation"
	}
	if e.door != "" {
		message = "exchange"
	}
	if e.door != "" && a.config.Exchanges != nil {
		logger = a.config.Exchanges
	}
	logger.WithLevel(level).EmbedObject(l).Msg(message)
}

// line is what stands in the log of one request: ids and constants, which zerolog encodes. The path is left out, since
// somebody may have put a token into it.
type line struct {
	route  string
	status int
	reason string
	*entry
}

// MarshalZerologObject writes the members that have a value.
func (l line) MarshalZerologObject(to *zerolog.Event) {
	to.Str("request_id", l.requestID).Int("status", l.status).Dur("duration_ms", time.Since(l.start)).Str("peer", text(l.origin.peer))
	if l.origin.forwarded {
		to.Str("address", text(l.origin.client))
	}
	d := l.decision
	for _, member := range []struct{ name, value string }{
		{"trace_id", l.traceID},
		{"route", l.route},
		{"door", l.door},
		{"reason", l.reason},
		{"actor", l.account.Actor},
		{"tenant", cmp.Or(d.TenantID, l.account.TenantID)},
		{"object_id", cmp.Or(d.ObjectID, l.account.ObjectID)},
		{"kind", cmp.Or(d.Kind, l.account.Kind)},
		{"client_id", cmp.Or(d.ClientID, l.account.ClientID)},
		{"role", d.Role},
		{"kid", d.KID},
		{"jti", d.JTI},
		{"subject_token_id", d.SubjectTokenID},
		{"token_sha256", d.TokenHash},
		{"policy_decision", d.PolicyDecision},
	} {
		if member.value != "" {
			to.Str(member.name, member.value)
		}
	}
	if len(d.Roles) > 0 {
		to.Strs("roles", d.Roles)
	}
	if d.Reused {
		to.Bool("reused", true)
	}
	if d.Lifetime > 0 {
		to.Int64("lifetime", int64(d.Lifetime/time.Second))
	}
	if l.err != nil {
		to.Err(l.err)
	}
	if l.cancelled {
		to.Bool("cancelled", true)
	}
	if p, ok := errors.AsType[*panicError](l.err); ok {
		to.Bytes("stack", p.stack)
	}
}

// ours reports whether an answer of this status is for want of something of ours. That a token could not be judged is not,
// where the token brought it about: strangers could raise an alarm with tokens they made up.
func ours(err error, status int) bool {
	if status < http.StatusInternalServerError {
		return false
	}
	e, ok := errors.AsType[*issuer.Error](err)
	return !ok || !e.TokenFault()
}

// levelOf raises the level where the service failed, rather than the client: status is the reason's own, whatever it is at this
// door. A dependency that was cut short because the client went away has not failed.
func levelOf(rt route, e *entry, status int) zerolog.Level {
	_, panicked := errors.AsType[*panicError](e.err)
	switch {
	case panicked:
		return zerolog.ErrorLevel
	case !ours(e.err, status), e.cancelled, errors.Is(e.err, errOverloaded):
		return rt.level
	case status == http.StatusInternalServerError:
		return zerolog.ErrorLevel
	default:
		return zerolog.WarnLevel
	}
}

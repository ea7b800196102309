package api

import (
	"context"
	"errors"
	"time"
)

// Meter counts what was answered. It is called concurrently, and must be quick.
type Meter interface {
	// Exchanged is called once for every request for a decision, with the context that the request came with and its trace.
	Exchanged(ctx context.Context, outcome Outcome, took time.Duration)
	KeySetFetched(party string) // once for every GET that was answered with the key set, or that nothing changed
}

// Outcome is how a request for a decision ended. Its members have few values, whatever callers send.
type Outcome struct {
	Door   string // by which route it came
	Result string // Granted, Refused or Failed
	Reason string // an issuer.Reason, or ReasonNone
}

// The values of Outcome.Result, and the Reason of what was granted.
const (
	Granted    = "granted"
	Refused    = "refused" // by what the caller sent or may do
	Failed     = "failed"  // for want of something of ours
	ReasonNone = "none"
)

// noMeter is for who does not count.
type noMeter struct{}

func (noMeter) Exchanged(context.Context, Outcome, time.Duration) {}
func (noMeter) KeySetFetched(string)                              {}

// outcome tells how a request for a decision ended; zero for any other request.
func (a *API) outcome(e *entry) Outcome {
	if e.door == "" {
		return Outcome{}
	}
	o := Outcome{Door: e.door, Result: Granted, Reason: ReasonNone}
	if e.err != nil {
		reason, _ := a.reasonOf(e.err)
		o.Result, o.Reason = Refused, string(reason)
		if ours(e.err, a.problems[reason].status) {
			o.Result = Failed
		}
	}
	return o
}

// count tells the meter how a request for a decision ended. One that was cut short because the client went away tells
// nothing about us: clients could raise an alarm by hanging up.
func (a *API) count(ctx context.Context, e *entry, o Outcome) {
	if o.Door != "" && !leftAlone(e, o.Result == Failed) {
		a.config.Meter.Exchanged(ctx, o, time.Since(e.start))
	}
}

// leftAlone tells whether what failed did so because the client went away.
func leftAlone(e *entry, failed bool) bool {
	_, panicked := errors.AsType[*panicError](e.err)
	return failed && e.cancelled && !panicked
}

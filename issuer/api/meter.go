package api

import (
	"errors"
)

// Meter counts what was answered. It is called concurrently, and must be quick.
type Meter interface {
	Exchanged(outcome Outcome)  // once for every request for a decision
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

func (noMeter) Exchanged(Outcome)    {}
func (noMeter) KeySetFetched(string) {}

// count tells the meter how a request for a decision ended. One that was cut short because the client went away tells
// nothing about us: clients could raise an alarm by hanging up.
func (a *API) count(e *entry) {
	if e.door == "" {
		return
	}
	outcome := Outcome{Door: e.door, Result: Granted, Reason: ReasonNone}
	if e.err != nil {
		reason, _ := a.reasonOf(e.err)
		outcome.Result, outcome.Reason = Refused, string(reason)
		if ours(e.err, a.problems[reason].status) {
			outcome.Result = Failed
		}
	}
	_, panicked := errors.AsType[*panicError](e.err)
	if outcome.Result == Failed && e.cancelled && !panicked {
		return
	}
	a.config.Meter.Exchanged(outcome)
}

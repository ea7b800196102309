package idp

import (
	"errors"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// maxClockOffset is as far as our clock may be off before somebody should look: Entra's tokens are dated back by five
// minutes, so none is refused yet, but exp is checked to the second.
const maxClockOffset = time.Minute

// The alarms. They are constants and name nobody, since they are shown to everybody.
var (
	errClock   = errors.New("the clock of this machine and that of the identity provider are more than 60 seconds apart: see to its time service")
	errLate    = errors.New("keys of the identity provider have not been renewed for 12 hours: they are used for 24 hours at most")
	errFailing = errors.New("keys of the identity provider could not be fetched at the last try: tokens by a key that is new wait for the next")
)

// ClockOffset is how far our clock is ahead of Entra's. The zero value means that it is not known.
type ClockOffset struct {
	Ahead  time.Duration // negative: ours is behind
	Within time.Duration // the true value lies between Ahead-Within and Ahead+Within; half a second at least
}

// ClockOffset compares Config.Now with the Date of the answer to a fetch of keys or documents, the last one that had one.
// It looks only into memory, and is as old as that fetch: an hour, while all is well.
func (v *Verifier) ClockOffset() ClockOffset {
	var latest ClockOffset
	var at time.Time
	for _, source := range v.sources.all {
		if offset := source.Offset(); offset.At.After(at) {
			latest, at = ClockOffset{Ahead: offset.Ahead, Within: offset.Within}, offset.At
		}
	}
	return latest
}

// Alarms returns what is no outage yet and will be one if nobody looks: a clock that is off by more than a minute, beyond
// doubt, keys that could not be renewed for twelve hours of the 24 they are used for, and, before that, keys that could not
// be fetched at the last try. From memory.
func (v *Verifier) Alarms() []error {
	var alarms []error
	if offset := v.ClockOffset(); offset.Ahead.Abs()-offset.Within > maxClockOffset {
		alarms = append(alarms, errClock)
	}
	switch {
	case slices.ContainsFunc(v.sources.all, (*entrakeys.Source).Late):
		alarms = append(alarms, errLate)
	case slices.ContainsFunc(v.sources.all, (*entrakeys.Source).Failing):
		alarms = append(alarms, errFailing)
	}
	return alarms
}

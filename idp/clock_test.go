package idp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// dated answers in the tenant's place, with a Date of this much after our clock; more may change the answer or give it.
func (e *entra) dated(t *testing.T, ahead time.Duration, more func(http.ResponseWriter) bool) {
	t.Helper()
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Date", e.clock.Now().Add(ahead).UTC().Format(http.TimeFormat))
		if more == nil || !more(w) {
			text(answerOf(t, e.Tenant, r.URL.Path))(w, r)
		}
		return true
	})
}

func TestOurClockIsHeldAgainstEntras(t *testing.T) {
	t.Parallel()
	header := func(name, value string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.Header().Set(name, value)
			return false
		}
	}
	const half = time.Second / 2
	tests := map[string]struct {
		theirs time.Duration // how much their clock is ahead of ours
		more   func(http.ResponseWriter) bool
		want   idp.ClockOffset
		alarm  bool
	}{
		"together":                     {0, nil, idp.ClockOffset{Ahead: -half, Within: half}, false},
		"ours is behind, bearably":     {time.Minute, nil, idp.ClockOffset{Ahead: -time.Minute - half, Within: half}, false},
		"ours is behind, too far":      {61 * time.Second, nil, idp.ClockOffset{Ahead: -61*time.Second - half, Within: half}, true},
		"ours is ahead, bearably":      {-61 * time.Second, nil, idp.ClockOffset{Ahead: 60*time.Second + half, Within: half}, false},
		"ours is ahead, too far":       {-62 * time.Second, nil, idp.ClockOffset{Ahead: 61*time.Second + half, Within: half}, true},
		"an answer from a cache":       {time.Hour, header("Age", "3600"), idp.ClockOffset{}, false},
		"an answer past a cache":       {0, header("Age", "0"), idp.ClockOffset{Ahead: -half, Within: half}, false},
		"a date that is none":          {0, header("Date", "yesterday"), idp.ClockOffset{}, false},
		"an answer that says no, late": {-time.Hour, func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }, idp.ClockOffset{Ahead: time.Hour - half, Within: half}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			verifier := e.verifier(t)
			if got := verifier.ClockOffset(); got != (idp.ClockOffset{}) || verifier.Alarms() != nil {
				t.Errorf("before any answer the offset is %v, the alarms %v", got, verifier.Alarms())
			}
			e.dated(t, test.theirs, test.more)
			_ = verifier.Refresh(t.Context()) // fails in one case, which does not matter here
			if diff := cmp.Diff(test.want, verifier.ClockOffset()); diff != "" {
				t.Error(diff)
			}
			alarms := verifier.Alarms()
			if (len(alarms) == 1) != test.alarm || (test.alarm && !strings.Contains(alarms[0].Error(), "60 seconds apart")) {
				t.Errorf("the alarms are %v", alarms)
			}
		})
	}
}

func TestASlowAnswerSaysLessOfTheClock(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.verifier(t)
	// It takes 40 seconds by our clock. Their Date is from before, so they seem to be behind by half as much and more.
	e.dated(t, -50*time.Second, func(http.ResponseWriter) bool { e.clock.advance(40 * time.Second); return false })
	refresh(t, verifier)
	want := idp.ClockOffset{Ahead: 50*time.Second + 20*time.Second - time.Second/2, Within: 20*time.Second + time.Second/2}
	if diff := cmp.Diff(want, verifier.ClockOffset()); diff != "" {
		t.Error(diff)
	}
	if alarms := verifier.Alarms(); alarms != nil {
		t.Errorf("what may be within bounds is no alarm: %v", alarms)
	}
	e.dated(t, 0, func(http.ResponseWriter) bool { e.clock.advance(-time.Second); return false })
	refresh(t, verifier)
	if diff := cmp.Diff(want, verifier.ClockOffset()); diff != "" {
		t.Errorf("an answer from before its question counted: %s", diff)
	}
}

func TestKeysThatCannotBeRenewedAreAnAlarmBeforeAnOutage(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	e.dated(t, 0, nil)
	refresh(t, verifier)
	e.clock.advance(12 * time.Hour)
	if alarms := verifier.Alarms(); alarms != nil {
		t.Errorf("after twelve hours: %v", alarms)
	}
	e.clock.advance(time.Second)
	alarms := verifier.Alarms()
	if len(alarms) != 1 || !strings.Contains(alarms[0].Error(), "not been renewed") || verifier.Health() != nil {
		t.Errorf("the alarms are %v, health %v", alarms, verifier.Health())
	}
	refresh(t, verifier)
	if alarms := verifier.Alarms(); alarms != nil {
		t.Errorf("after a refresh: %v", alarms)
	}
	e.clock.advance(24*time.Hour + time.Second)
	if alarms := verifier.Alarms(); alarms != nil || verifier.Health() == nil {
		t.Errorf("an outage is no alarm any more: %v, health %v", alarms, verifier.Health())
	}
}

func TestAFetchThatFailedIsAnAlarmUntilOneSucceeds(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	e.dated(t, 0, func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true })
	if err := verifier.Refresh(t.Context()); err == nil {
		t.Fatal("the refresh succeeded")
	}
	alarms := verifier.Alarms()
	if len(alarms) != 1 || !strings.Contains(alarms[0].Error(), "at the last try") || verifier.Health() != nil {
		t.Errorf("the alarms are %v, health %v", alarms, verifier.Health())
	}
	e.dated(t, 0, nil)
	refresh(t, verifier)
	if alarms := verifier.Alarms(); alarms != nil {
		t.Errorf("after a refresh: %v", alarms)
	}
}

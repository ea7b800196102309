package playground

import (
	"errors"
	"net/http"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

func (p *Playground) keys(r *http.Request) (any, error) { return p.config.Ring.State(r.Context()) }

// rotated is the ring after a rotation, or why there was none.
type rotated struct {
	RingState
	Refused string    `json:"refused,omitempty"`
	From    time.Time `json:"from,omitzero"` // from then on it is safe
}

// rotate hands over to the next key now.
func (p *Playground) rotate(r *http.Request) (any, error) {
	var q struct {
		Force bool `json:"force"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	err := p.config.Ring.Rotate(r.Context(), q.Force)
	early, tooEarly := errors.AsType[*keys.TooEarlyError](err)
	if err != nil && !tooEarly {
		return nil, err
	}
	state, err := p.config.Ring.State(r.Context())
	answer := rotated{RingState: state}
	if tooEarly {
		answer.Refused, answer.From = early.Why, early.From.UTC().Truncate(time.Second)
	}
	return answer, err
}

// farthest is how far the ring's clock may be set forward at once.
const farthest = 7 * 24 * time.Hour

// pass sets the ring's clock forward.
func (p *Playground) pass(r *http.Request) (any, error) {
	var q struct {
		Seconds int64 `json:"seconds"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	if q.Seconds < 1 || q.Seconds > int64(farthest/time.Second) {
		return nil, fault{http.StatusBadRequest, "seconds wants a number from 1 to a week's"}
	}
	if err := p.config.Ring.Pass(r.Context(), time.Duration(q.Seconds)*time.Second); err != nil {
		return nil, err
	}
	return p.config.Ring.State(r.Context())
}

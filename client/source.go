package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/oauth2"
)

const (
	flightTime  = 30 * time.Second // of one exchange with its subject token
	firstPause  = time.Second      // after a failure that names no time; twice as long after each further one
	longestWait = 30 * time.Second // of those
	youngest    = 5 * time.Second  // of a token whose refusal is worth another exchange
)

// Token is [oauth2.TokenSource]'s. It waits for no longer than a flight and [Config.Patience] take.
func (s *Source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext returns a token that is good now, from memory where there is one. Its errors are an [*Error] for what the issuer
// answered, what [Config.SubjectToken] or the network failed with, or the cause of ctx's end. The token is shared: it is only read.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	patience := time.Now().Add(s.config.Patience)
	for {
		token, under, err := s.look(ctx)
		switch {
		case token != nil:
			return token, nil
		case under != nil:
			select {
			case <-under.landed:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		case err != nil:
			if !s.wait(ctx, err, patience) {
				return nil, err
			}
		}
	}
}

// look returns a token that is good, or the flight that fetches one, or why there is none.
func (s *Source) look(ctx context.Context) (*oauth2.Token, *flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	good := s.token != nil && now.Before(s.token.Expiry)
	if good && now.Before(s.renewAt) {
		return s.token, nil, nil
	}
	if s.flight == nil && !now.Before(s.pause) {
		s.flight = &flight{make(chan struct{})}
		go s.fly(context.WithoutCancel(ctx), s.flight)
	}
	switch {
	case good:
		return s.token, nil, nil
	case s.flight != nil:
		return nil, s.flight, nil
	}
	return nil, nil, s.failure
}

// wait tells whether the issuer asked to come back later, and that time came.
func (s *Source) wait(ctx context.Context, err error, patience time.Time) bool {
	var e *Error
	answered := errors.As(err, &e)
	s.mu.Lock()
	until := s.pause
	s.mu.Unlock()
	if !answered || !e.Temporary() || until.After(patience) {
		return false
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fly exchanges once and lands.
func (s *Source) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	token, err := s.exchange(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.landed)
	now := time.Now()
	s.flight, s.failure = nil, err
	if err != nil {
		s.inARow++
		s.pause = now.Add(pauseAfter(err, s.inARow))
		return
	}
	share := 0.75 + 0.1*rand.Float64() //nolint:gosec // G404: it spreads load
	s.token, s.since, s.renewAt = token, now, now.Round(0).Add(time.Duration(share*float64(token.Expiry.Sub(now))))
	s.pause, s.inARow = time.Time{}, 0
}

// pauseAfter is how long nobody asks again after so many failures in a row.
func pauseAfter(err error, inARow int) time.Duration {
	var e *Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return min(longestWait, firstPause<<min(inARow-1, 5))
}

// Refused says that an engine did not take this token, so that the next call exchanges anew. That is of no use where the token
// is a few seconds old at most, or not the newest: many requests may have carried it. An engine that takes none of them costs an exchange
// every five seconds.
func (s *Source) Refused(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != nil && s.token.AccessToken == accessToken && time.Since(s.since) >= youngest {
		s.token = nil
	}
}

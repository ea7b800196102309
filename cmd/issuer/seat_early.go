package main

import (
	"net/http"
	"time"
)

// hearAsked is hear, but for requests that are too many, which it answers itself.
func (s *seat) hearAsked(p []byte) (int, error) {
	early, has := false, s.hasNothing(p)
	for {
		n, err := s.hear(p)
		if err != nil || !has || s.turnAway == nil {
			return n, err
		}
		answer, rest := s.turnAway(p[:n])
		if answer == nil {
			s.reader = within
			if early && !s.born.IsZero() {
				s.late = time.Since(s.born)
				err = s.Conn.SetReadDeadline(time.Now().Add(readHeaderTimeout))
			}
			return n, err
		}
		if err := s.answerEarly(p, answer, rest); err != nil {
			return 0, err
		}
		early = true
	}
}

// reader is where net/http is on a connection, as far as can be seen from here.
type reader int

const (
	before  reader = iota // has read nothing yet
	within                // may be in a request, or have some of one
	done                  // is done with one
	between               // waits for the first bytes of the next
)

// hasNothing tells whether net/http, which reads into p, has nothing of a request yet, so that what comes now is where one begins.
// It may have a byte or more of one without having asked here since the last: what came together with the end of that one, or
// while it was being answered. Then it has less room, or does not ask before it is within the request.
func (s *seat) hasNothing(p []byte) bool {
	if s.reader == before {
		s.size = len(p)
	}
	return (s.reader == before || s.reader == between) && len(p) == s.size
}

// answerEarly answers a request of which so much is still to come. What comes next has the time that net/http would give it.
func (s *seat) answerEarly(buffer, answer []byte, rest int) error {
	s.quiet.note(s, http.StateActive, origin{})
	if rest > 0 {
		_ = s.Conn.SetReadDeadline(time.Now().Add(readTimeout))
	}
	for rest > 0 {
		n, err := s.hear(buffer[:min(rest, len(buffer))])
		if err != nil {
			return err
		}
		rest -= n
	}
	now := time.Now()
	_ = s.SetWriteDeadline(now.Add(writeTimeout))
	_ = s.Conn.SetReadDeadline(now.Add(idleTimeout))
	_, err := s.Write(answer)
	s.quiet.note(s, http.StateIdle, origin{})
	return err
}

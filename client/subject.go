package client

import "context"

// subject is what [Config.SubjectToken] returned.
type subject struct {
	token string
	err   error
}

// subjectToken asks for a subject token, and waits for no longer than ctx: [FromOAuth2] hears of no ctx. A call that takes longer stays
// the only one, and the next exchange waits for its token; where it fails instead, that may be for its own ctx, and another call is made.
// What came of it between two exchanges is not used: it may be old. Only flights call this, of which there is one at a time.
func (s *Source) subjectToken(ctx context.Context) (string, error) {
	late := s.asking != nil && len(s.asking) == 0 // the call of an earlier exchange has not returned
	if !late {
		s.ask(ctx)
	}
	for {
		select {
		case got := <-s.asking:
			s.asking = nil
			if got.err == nil || !late {
				return got.token, got.err
			}
			late = false
			s.ask(ctx)
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

func (s *Source) ask(ctx context.Context) {
	asking := make(chan subject, 1)
	go func() {
		token, err := s.config.SubjectToken(ctx)
		asking <- subject{token, err}
	}()
	s.asking = asking
}

package client

import "context"

// subject is what [Config.SubjectToken] returned.
type subject struct {
	token string
	err   error
}

// subjectToken asks for a subject token, and waits for no longer than ctx: [FromOAuth2] hears of no ctx. A call that takes longer stays
// the only one, and the next exchange waits for it. What came of it between two exchanges is not used: it may be old. Only flights call
// this, of which there is one at a time.
func (s *Source) subjectToken(ctx context.Context) (string, error) {
	if len(s.asking) > 0 {
		s.asking = nil
	}
	if s.asking == nil {
		asking := make(chan subject, 1)
		go func() {
			token, err := s.config.SubjectToken(ctx)
			asking <- subject{token, err}
		}()
		s.asking = asking
	}
	select {
	case got := <-s.asking:
		s.asking = nil
		return got.token, got.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

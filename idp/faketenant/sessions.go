package faketenant

import (
	"sync"
	"time"
)

const (
	codeLife    = 10 * time.Minute
	spaLife     = 24 * time.Hour
	refreshLife = 90 * 24 * time.Hour
)

// signIn is what a person agreed to at the sign-in page.
type signIn struct {
	oid, tid, client string
	until            time.Time // of the refresh tokens
}

// codeGrant is what an authorization code stands for.
type codeGrant struct {
	signIn
	redirect, challenge, nonce string
	expires                    time.Time
	redeemed                   bool
}

// sessions remembers the codes and refresh tokens that were given out, for as long as the process lives.
type sessions struct {
	mu      sync.Mutex
	codes   map[string]codeGrant
	refresh map[string]signIn
}

func (s *sessions) newCode(grant codeGrant) string {
	code := "1." + opaque(60)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = grant
	return code
}

// redeem marks the code as redeemed, whatever comes of the request: a code is good for one attempt.
func (s *sessions) redeem(code string) (grant codeGrant, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	grant, known = s.codes[code]
	if known {
		spent := grant
		spent.redeemed = true
		s.codes[code] = spent
	}
	return grant, known
}

func (s *sessions) newRefreshToken(of signIn) string {
	token := "1." + opaque(90)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh[token] = of
	return token
}

func (s *sessions) refreshToken(token string) (signIn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, known := s.refresh[token]
	return of, known
}

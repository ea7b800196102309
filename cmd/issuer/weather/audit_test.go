package weather

import (
	"context"
	"net/http"
	"sync"
	"testing"
)

// TestNoRecordNoToken: where records are required and Postgres is away, the token endpoint hands out nothing, though grants
// are still known. What is on record already may be handed out again at the other doors.
func TestNoRecordNoToken(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ISSUER_AUDIT=required", "ISSUER_ROLES_STALE=5m")
	for _, f := range postgresFaults()[1:] {
		f.reasons = []string{noAudit}
		f.while = (*scene).wantNoToken
		s.befall(f)
	}
	s.end()
}

// wantNoToken has everybody ask at the token endpoint of every replica, all at once, since each of them may wait.
func (s *scene) wantNoToken() {
	s.Helper()
	var asking sync.WaitGroup
	for _, r := range s.replicas {
		for _, c := range s.callers {
			asking.Go(func() {
				a, err := s.ask(context.WithoutCancel(s.Context()), tokenEndpoint, r.Base, c.token)
				if err != nil || c.wrong(a, []string{noAudit}) != "" || a.status == http.StatusOK {
					s.Errorf("a caller %s is told %d %s, %v", c.name, a.status, a.reason, err)
				}
			})
		}
	}
	asking.Wait()
}

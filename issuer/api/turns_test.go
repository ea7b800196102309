package api_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// held is a chooser that takes its time.
type held struct{ in, out chan struct{} }

func (h held) Choose(ctx context.Context, _ []string, _ []byte) (string, error) {
	select {
	case h.in <- struct{}{}:
		<-h.out
		return "reader", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// TestACallerWaitsForTheirOwnQueriesAlone: whoever has a token may send many at once, large and slowly, and each is kept in
// memory until it is looked at.
func TestACallerWaitsForTheirOwnQueriesAlone(t *testing.T) {
	t.Parallel()
	h := held{make(chan struct{}), make(chan struct{})}
	front := start(t, func(config *api.Config) { config.Chooser, config.Timeout = h, 2*time.Second })
	front.issuer.door = issuer.DoorAuthenticate
	front.issuer.respond = func(_ context.Context, r issuer.Request) (issuer.Decision, error) {
		d := decision
		d.ObjectID = r.RequestID
		return d, nil
	}
	ask := func(who string, want int) {
		if got := front.do(http.MethodPost, authenticate, ofEngine("null"), "X-Request-Id", who); got.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", who, got.Status, got.body, want)
		}
	}
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() { ask("ada", http.StatusOK) })
		<-h.in
		asking.Go(func() { ask(fmt.Sprint("other-", i), http.StatusOK) })
		<-h.in
	}
	ask("ada", http.StatusTooManyRequests)
	close(h.out)
	asking.Wait()
	asking.Go(func() { ask("ada", http.StatusOK) })
	<-h.in
	asking.Wait()
}

package weather

import (
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
)

// TestWhoIsToldToStopAnswersWhomItTook: /readyz says so first, and everybody is answered as before. Who is then waiting for
// an answer gets it whole, after nobody new was let in, and the program ends in order. The other replica goes on.
func TestWhoIsToldToStopAnswersWhomItTook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ISSUER_DRAIN_DELAY=4s", "ISSUER_POLICY_TIMEOUT=5s")
	leaving, staying := proctest.Serve(t, w.settings), proctest.Serve(t, w.settings)
	w.awaitFair(leaving)
	w.awaitFair(staying)
	here, there := w.load(staying), w.load(leaving)
	here.allow(noPolicy) // a policy that is held may be held too long on a busy machine
	there.allow(noPolicy)
	there.lap()
	there.leave()

	if err := leaving.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	proctest.Await(t, "/readyz tells", func() bool {
		status, _, err := w.get(t.Context(), leaving.Base+"/readyz")
		if err != nil {
			t.Fatalf("it is gone before it is not ready: %v", err)
		}
		return status == http.StatusServiceUnavailable
	})
	there.lap() // what comes before a balancer has heard is answered too
	release := w.opa.hold()
	proctest.Await(t, "somebody waits here too, since four at most wait at the other", func() bool { return w.opa.waiting.Load() >= 5 })
	there.cancel() // a balancer sends nobody any more
	proctest.Await(t, "nobody is let in", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(leaving.Base, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	release()
	there.stop()
	<-leaving.Exited
	w.inspect(leaving)
	if leaving.Code != 0 {
		t.Errorf("it ended with %d:\n%s", leaving.Code, tail(leaving.Stderr.String()))
	}
	here.lap()
	here.stop()
	w.quit(staying)
}

// TestOneOfTwoIsKilled: the other goes on, and whoever takes the place of the dead one finds everything as it was.
func TestOneOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dying, staying := proctest.Serve(t, w.settings), proctest.Serve(t, w.settings)
	w.awaitFair(dying)
	w.awaitFair(staying)
	l := w.load(staying)
	_, keys, err := w.get(t.Context(), dying.Base+"/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := dying.Cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-dying.Exited
		l.lap()
		dying = proctest.Serve(t, w.settings)
		w.awaitFair(dying)
	}
	_, again, err := w.get(t.Context(), dying.Base+"/.well-known/jwks.json")
	if err != nil || string(again) != string(keys) {
		t.Errorf("the key set is another one, %v:\n%s\n%s", err, keys, again)
	}
	l.stop()
	w.quit(dying)
	w.quit(staying)
}

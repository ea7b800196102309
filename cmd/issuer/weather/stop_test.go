package weather

import (
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestWhoIsToldToStopAnswersWhomItTook: /readyz says so first, and everybody is answered as before. Who is then waiting for
// an answer gets it whole, after nobody new was let in, and the program ends in order. The other replica goes on.
func TestWhoIsToldToStopAnswersWhomItTook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ISSUER_DRAIN_DELAY=4s", "ISSUER_POLICY_TIMEOUT=5s")
	leaving, staying := serve(t, w.settings), serve(t, w.settings)
	w.awaitFair(leaving)
	w.awaitFair(staying)
	here, there := w.load(staying), w.load(leaving)
	here.allow(noPolicy) // a policy that is held may be held too long on a busy machine
	there.allow(noPolicy)
	there.lap()
	there.leave()

	if err := leaving.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "/readyz tells", func() bool {
		status, _, err := w.get(t.Context(), leaving.base+"/readyz")
		if err != nil {
			t.Fatalf("it is gone before it is not ready: %v", err)
		}
		return status == http.StatusServiceUnavailable
	})
	there.lap() // what comes before a balancer has heard is answered too
	release := w.opa.hold()
	await(t, "somebody waits here too, since four at most wait at the other", func() bool { return w.opa.waiting.Load() >= 5 })
	there.cancel() // a balancer sends nobody any more
	await(t, "nobody is let in", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(leaving.base, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	release()
	there.stop()
	<-leaving.exited
	w.inspect(leaving)
	if leaving.code != 0 {
		t.Errorf("it ended with %d:\n%s", leaving.code, tail(leaving.stderr.String()))
	}
	here.lap()
	here.stop()
	w.quit(staying)
}

// TestOneOfTwoIsKilled: the other goes on, and whoever takes the place of the dead one finds everything as it was.
func TestOneOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dying, staying := serve(t, w.settings), serve(t, w.settings)
	w.awaitFair(dying)
	w.awaitFair(staying)
	l := w.load(staying)
	_, keys, err := w.get(t.Context(), dying.base+"/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := dying.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-dying.exited
		l.lap()
		dying = serve(t, w.settings)
		w.awaitFair(dying)
	}
	_, again, err := w.get(t.Context(), dying.base+"/.well-known/jwks.json")
	if err != nil || string(again) != string(keys) {
		t.Errorf("the key set is another one, %v:\n%s\n%s", err, keys, again)
	}
	l.stop()
	w.quit(dying)
	w.quit(staying)
}

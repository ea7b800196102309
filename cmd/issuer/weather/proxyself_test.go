package weather

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// echo answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// TestTheWeatherIsWhatItIsCalled: a test in bad weather that is fair would prove nothing.
func TestTheWeatherIsWhatItIsCalled(t *testing.T) {
	t.Parallel()
	p := newProxy(t, "tcp", echo(t))
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", p.address())
		if err != nil {
			return nil // reset as soon as it was made
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	ask := func(conn net.Conn) (string, error) {
		if conn == nil {
			return "", net.ErrClosed
		}
		if _, err := io.WriteString(conn, "12345678"); err != nil {
			return "", err
		}
		answer := make([]byte, 8)
		n, err := io.ReadFull(conn, answer)
		return string(answer[:n]), err
	}
	for _, step := range []struct {
		air  air
		want string
		cut  bool
	}{{fair, "12345678", false}, {halved, "1234", true}, {gone, "", true}, {fair, "12345678", false}, {slow, "12345678", false}} {
		p.set(fair)
		old := dial()
		if _, err := ask(old); err != nil {
			t.Fatal(err)
		}
		p.set(step.air)
		for name, conn := range map[string]net.Conn{"an old connection": old, "a new connection": dial()} {
			// What came before a reset may be lost with it.
			got, err := ask(conn)
			if (err != nil) != step.cut || !step.cut && got != step.want || !strings.HasPrefix(step.want, got) {
				t.Errorf("air %d, %s: %q %v", step.air, name, got, err)
			}
		}
	}

	p.set(fair)
	old := dial()
	if _, err := ask(old); err != nil {
		t.Fatal(err)
	}
	p.set(silent)
	for name, conn := range map[string]net.Conn{"an old connection": old, "a new connection": dial()} {
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if got, err := ask(conn); !isTimeout(err) {
			t.Errorf("silence, %s: %q %v", name, got, err)
		}
	}
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

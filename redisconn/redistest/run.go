package redistest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
)

// start runs the server and watches it. The goroutine keeps its thread for as
// long as the server runs: the signal of dieTogether is sent when the thread that
// started the server ends, which may be before the process does.
func (s *Server) start() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of the test server: %w", err)
	}
	defer log.Close() // the server has its own descriptor
	cmd := s.command()
	cmd.Stdout, cmd.Stderr = log, log
	started, exited := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("run %s: %w", s.program, err)
	}
	s.exited, s.process = exited, cmd.Process
	return nil
}

// waitReady asks until the server answers, which takes about 20 ms.
func (s *Server) waitReady(network, address string) {
	s.t.Helper()
	s.poll(func(ctx context.Context) bool {
		// A server that wants a password answers too.
		reply, err := ask(ctx, network, address, "PING")
		return err == nil && (reply == "+PONG" || strings.HasPrefix(reply, "-NOAUTH"))
	})
}

// poll waits until the server is in some state.
func (s *Server) poll(ready func(context.Context) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !ready(ctx) {
		select {
		case <-again.C:
		case <-s.exited:
			log, _ := os.ReadFile(s.log())
			s.t.Fatalf("the test server ended while starting: %s", log)
		case <-ctx.Done():
			s.t.Fatalf("wait for the test server: %v", ctx.Err())
		}
	}
}

// ask sends a command without blanks in its arguments, and returns the first line
// of the reply.
func ask(ctx context.Context, network, address, command string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}

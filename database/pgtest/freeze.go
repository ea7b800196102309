package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Freeze stops every process of the server where it stands, as a machine does whose disk hangs: connections stay, the
// kernel takes new ones, and nothing answers. Thaw, Kill, Stop and the end of the test let it go on.
func (s *Server) Freeze() {
	s.t.Helper()
	if err := s.server.freeze(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// Thaw lets a frozen server go on. It does nothing to one that runs.
func (s *Server) Thaw() {
	s.t.Helper()
	if err := s.server.thaw(); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends every process of the server by SIGKILL, as a kernel does that is out of memory. What was committed is there
// after a Restart.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.server.kill(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// processes returns the processes of the server but for the first, which may start others until it is frozen.
func (s *server) processes(ctx context.Context) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return nil, err
	}
	if err := s.signal(syscall.SIGSTOP); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	return pids, errors.Join(err, conn.Close(ctx))
}

// freeze stops the server where it stands, whole.
func (s *server) freeze(ctx context.Context) error {
	pids, err := s.processes(ctx)
	if err == nil {
		s.frozen = pids
		err = signalAll(pids, syscall.SIGSTOP)
	}
	if err != nil {
		return fmt.Errorf("freeze the test server: %w", errors.Join(err, s.thaw()))
	}
	return nil
}

// thaw undoes freeze, as far as that came.
func (s *server) thaw() error {
	err := signalAll(s.frozen, syscall.SIGCONT)
	s.frozen = nil
	if gone := s.signal(syscall.SIGCONT); !errors.Is(gone, os.ErrProcessDone) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("thaw the test server: %w", err)
	}
	return nil
}

// kill ends the server. It is frozen first, so that none of its processes is missed.
func (s *server) kill(ctx context.Context) error {
	if err := s.freeze(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.signal(syscall.SIGKILL), signalAll(s.frozen, syscall.SIGKILL)); err != nil {
		return fmt.Errorf("kill the test server: %w", err)
	}
	s.frozen, s.killed = nil, true
	<-s.exited
	return nil
}

// startKilled is start after kill: whoever died last may not have given the server's memory back yet, and with that about
// the next server ends at once.
func (s *server) startKilled(ctx context.Context) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.start(ctx)
		if err == nil || ctx.Err() != nil {
			s.killed = err != nil
			return err
		}
		<-again.C
	}
}

// signalAll sends a signal to each process that is still there.
func signalAll(pids []int, signal syscall.Signal) error {
	var failed []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

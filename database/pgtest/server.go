package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a Postgres of our own in a folder of its own.
type server struct {
	bin    string              // folder of initdb and postgres
	dir    string              // holds the data, the log and the socket
	url    string              // of the database postgres, as the superuser
	runAs  *syscall.Credential // nil: as ourselves
	exited chan struct{}       // closed when the process of the last start is gone
	signal func(os.Signal) error
	frozen []int // processes that were stopped, but for the first
	killed bool  // since the last start
}

// startServer makes the data folder of a server and starts it.
func startServer(ctx context.Context) (*server, error) {
	bin, err := findBinaries(os.Getenv("PATH"), packageFolders())
	if err != nil {
		return nil, err
	}
	runAs, err := credential()
	if err != nil {
		return nil, err
	}
	dir, err := makeFolder(runAs)
	if err != nil {
		return nil, err
	}
	s := &server{
		bin: bin, dir: dir, runAs: runAs,
		url: "postgres:///postgres?host=" + dir + "&user=postgres",
	}
	err = s.initialise(ctx)
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop(), s.remove())
	}
	return s, nil
}

// initialise makes the data folder. The superuser needs no password on our
// socket, anybody else does: so a test can be refused for a wrong one.
func (s *server) initialise(ctx context.Context) error {
	cmd := s.command(ctx, "initdb", "--pgdata="+s.data(), "--username=postgres",
		"--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", cmd.Path, err, out)
	}
	const access = "local all postgres trust\nlocal all all scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(access), 0o600); err != nil {
		return fmt.Errorf("write the access rules of the test server: %w", err)
	}
	return nil
}

// start runs the server and waits until it answers.
func (s *server) start(ctx context.Context) error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of the test server: %w", err)
	}
	defer log.Close() // the server has its own descriptor
	// Not bound to ctx: the server outlives the call that started it.
	cmd := s.command(context.WithoutCancel(ctx), "postgres", "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", // no TCP: nothing to collide with or to reach
		// A crash of the machine may lose everything; one of the server loses
		// nothing, since what is written stays in the memory of the machine.
		"-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=300", "-c", "shared_buffers=32MB",
		"-c", "timezone=UTC", "-c", "jit=off")
	cmd.Stdout, cmd.Stderr = log, log
	dieTogether(cmd.SysProcAttr)
	if err := s.run(cmd); err != nil {
		return fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return s.waitReady(ctx)
}

// run starts the command and watches it. The goroutine keeps its thread for as
// long as the command runs: the signal of dieTogether is sent when the thread
// that started the command ends, which may be before the process does.
func (s *server) run(cmd *exec.Cmd) error {
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
		return err
	}
	s.exited, s.signal = exited, cmd.Process.Signal
	return nil
}

// waitReady asks until the server answers, which takes about 0.1 s.
func (s *server) waitReady(ctx context.Context) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-again.C:
		case <-s.exited:
			log, _ := os.ReadFile(s.log())
			return fmt.Errorf("the test server ended while starting: %s", log)
		case <-ctx.Done():
			return fmt.Errorf("wait for the test server: %w", err)
		}
	}
}

// stop ends the server at once and returns when it is gone.
func (s *server) stop() error {
	if s.exited == nil {
		return nil
	}
	if err := s.thaw(); err != nil {
		return err
	}
	// SIGQUIT is Postgres' immediate shutdown: no goodbye to clients, no checkpoint.
	if err := s.signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the test server: %w", err)
	}
	<-s.exited
	return nil
}

// remove deletes all files of the server.
func (s *server) remove() error { return os.RemoveAll(s.dir) }

func (s *server) data() string { return filepath.Join(s.dir, "data") }
func (s *server) log() string  { return filepath.Join(s.dir, "log") }

// command prepares one of the server's programs. It runs in the server's own
// folder, since its user need not be allowed to see ours, and without our
// environment, which may hold settings for other servers (PGHOST, …).
func (s *server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.runAs}
	return cmd
}

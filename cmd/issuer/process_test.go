package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// process is the program in a process of its own. The test stops it at its end.
type process struct {
	*exec.Cmd
	running
}

func startProcess(t testing.TB, environ []string, args ...string) process {
	t.Helper()
	p := process{exec.Command(os.Args[0], args...), running{stdout: newOutput(), stderr: newOutput(), ended: make(chan int, 1)}}
	p.Env, p.Stdin, p.Stdout, p.Stderr = append(environ, asProgram+"=1"), bytes.NewReader(nil), p.stdout, p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Wait()
		p.ended <- p.ProcessState.ExitCode()
	}()
	p.stop = func() { _ = p.Process.Signal(os.Interrupt) }
	t.Cleanup(func() { p.stop(); <-done })
	return p
}

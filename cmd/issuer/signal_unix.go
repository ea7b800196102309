//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyToggle sends each SIGUSR1, which toggles the log level, to c.
func notifyToggle(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1) }

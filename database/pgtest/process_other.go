//go:build !linux

package pgtest

import "syscall"

// dieTogether does nothing here: only Linux offers it. Main stops the server
// when the tests end in an orderly way.
func dieTogether(*syscall.SysProcAttr) {}

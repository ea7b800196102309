//go:build !linux

package redistest

import "syscall"

// dieTogether does nothing here: only Linux offers it. A test that ends in an
// orderly way stops its server itself.
func dieTogether(*syscall.SysProcAttr) {}

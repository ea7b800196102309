package redistest

import "syscall"

// dieTogether makes the kernel stop the server when this process ends, however
// it ends: a panic or a timeout of `go test` leaves no server behind.
func dieTogether(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

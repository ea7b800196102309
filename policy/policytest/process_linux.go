package policytest

import "syscall"

// attributes make the kernel stop the server when this process ends, however it ends.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

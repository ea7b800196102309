package proctest

import "syscall"

// attributes make the kernel end the program when this process ends, however it ends.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

//go:build !linux

package proctest

import "syscall"

// attributes has nothing to offer here: a test that ends in an orderly way stops its programs itself.
func attributes() *syscall.SysProcAttr { return nil }

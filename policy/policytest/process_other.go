//go:build !linux

package policytest

import "syscall"

// attributes are none here: only Linux offers what is wanted. A test that ends in an orderly way stops its server itself.
func attributes() *syscall.SysProcAttr { return nil }

//go:build !linux

package devstack

import "syscall"

// attributes are the defaults: only Linux ends a child with its parent.
func attributes() *syscall.SysProcAttr { return nil }

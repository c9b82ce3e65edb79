package devstack

import "syscall"

// attributes make a child die with its parent even when the parent is killed,
// and keep a terminal's Ctrl-C from it: the parent stops it in good order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

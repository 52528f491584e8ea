package kubetest

import "syscall"

// dieWithParent has the kernel kill a program when the test's process dies, so
// that a test that is killed leaves no server behind.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

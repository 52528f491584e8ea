package kubetest

import "syscall"

// dieWithParent makes the kernel kill a program when the process of the test dies. So a
// killed test leaves no server running.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

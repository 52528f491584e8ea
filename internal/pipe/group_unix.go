//go:build unix

package pipe

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the program the leader of a process group, so that what it starts can be
// stopped too. A cancelled context asks the group to stop. The function that it returns
// kills what is left of the group.
func ownGroup(cmd *exec.Cmd) (killRest func()) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	return func() {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // an error means that nothing is left
		}
	}
}

// Command timed runs a program with its own standard input and output, and writes the
// program's time and memory to file descriptor 3. It is small, because until a child
// executes its program, the kernel counts the parent's memory as the child's.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // the child is killed if the thread that started it ends
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "timed:", err)
		os.Exit(1)
	}
}

func run(program string, args []string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	wall := time.Since(start)
	return json.NewEncoder(os.NewFile(3, "costs")).Encode(map[string]int64{
		"wall":   int64(wall),
		"cpu":    int64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()),
		"memory": cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10,
	})
}

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"spaces-identity.dev/internal/exit"
)

const programSuffix = ".exe"

// become runs a program with the streams of this process and returns its exit
// status as an error: Windows cannot replace a process.
func become(program string, args, env []string) error {
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Silent(exit.Status(e.ExitCode()))
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", program, err)
	}
	return nil
}

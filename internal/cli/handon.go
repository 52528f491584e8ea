package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"spaces-identity.dev/internal/output"
)

// liveProgram is beside this program and runs every command. The libraries that
// connect to a cluster and to AWS would double the start-up time, and Helm waits
// for that at every upgrade. So this program links neither.
const liveProgram = "spaces-identity-live"

// handOn runs the live program with the same command line.
func handOn(_ context.Context, env *Env, _ Op) error {
	program, err := besideThis(liveProgram)
	if err != nil {
		return err
	}
	err = become(program, env.args, append(os.Environ(), callerVersion+"="+version()))
	if errors.Is(err, os.ErrNotExist) {
		return output.Hint(fmt.Errorf("the program %s is missing", program), "install it beside this program; `make build` builds both")
	}
	return err
}

// besideThis returns the path of a program in the directory of this one. It
// follows symbolic links. Without /proc, Linux does not tell a program its path.
func besideThis(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		self, err = exec.LookPath(os.Args[0])
	}
	if err != nil {
		return "", fmt.Errorf("finding the path of this program: %w", err)
	}
	if resolved, err := filepath.EvalSymlinks(self); err == nil {
		self = resolved
	}
	return filepath.Join(filepath.Dir(self), name+programSuffix), nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
)

// liveProgram is beside this program and runs every command. The libraries that
// connect to a cluster and to AWS would double the start-up time, and Helm waits
// for that at every upgrade. So this program links neither.
const liveProgram = "spaces-identity-live"

// handOn runs the live program with the same command line.
func handOn(ctx context.Context, env *Env, op Op) error {
	program, err := besideThis(liveProgram)
	if err != nil {
		return err
	}
	environ := append(os.Environ(), callerVersion+"="+version())
	if _, ok := op.(FnOp); ok && isWithoutCommand(env.args) { // this process has read the input
		err = run(ctx, env, program, append([]string{"fn"}, env.args...), environ)
	} else {
		err = become(program, env.args, environ)
	}
	if errors.Is(err, os.ErrNotExist) {
		return output.Hint(fmt.Errorf("the program %s is missing", program), "install it beside this program; `make build` builds both")
	}
	return err
}

// run runs a program with the streams of env, and returns its exit status as an error.
func run(ctx context.Context, env *Env, program string, args, environ []string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, env.In, env.Out, env.Err
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Silent(exit.Status(e.ExitCode()))
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", program, err)
	}
	return nil
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

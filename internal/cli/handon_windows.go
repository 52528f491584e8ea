package cli

import (
	"context"
	"os"
)

const programSuffix = ".exe"

// become runs a program with the streams of this process and returns its exit
// status as an error: Windows cannot replace a process.
func become(program string, args, env []string) error {
	return run(context.Background(), &Env{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, program, args, env)
}

//go:build unix

package cli

import (
	"fmt"
	"syscall"
)

const programSuffix = ""

// become replaces this process by a program. It returns only if that fails.
func become(program string, args, env []string) error {
	return fmt.Errorf("starting %s: %w", program, syscall.Exec(program, append([]string{program}, args...), env))
}

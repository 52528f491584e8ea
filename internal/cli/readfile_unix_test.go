//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/exit"
)

// TestCommandsStopWhileTheyWaitForAPipe names a pipe to which nobody writes, as a shell's
// process substitution has it.
func TestCommandsStopWhileTheyWaitForAPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"check", "inspect", "export kustomize --role-arn arn:aws:iam::123456789012:role/r"} {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		var errs bytes.Buffer
		env := newEnv(io.Discard, nil)
		env.Err = &errs
		if status := cli.Run(ctx, *env, append(strings.Fields(line), pipe)); status == exit.Done || !strings.Contains(errs.String(), "stopped while reading "+pipe) {
			t.Errorf("%s: status %d: %s", line, status, errs.String())
		}
	}
}

// Package pipe runs programs that read manifests from standard input and write manifests to
// standard output, such as the post-renderers that a config names under then.
package pipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"time"

	"spaces-identity.dev/internal/identity"
)

const (
	// mostOutput limits the standard output of a program, in bytes. A release that Helm can
	// store is much smaller.
	mostOutput = 256 << 20
	// keptErrors is how many bytes of its standard error are kept, the last ones.
	keptErrors = 64 << 10
	// grace is how long a program may go on after it was asked to stop, and how long its
	// output may stay open after its end.
	grace = 2 * time.Second
)

// Run runs a program with its arguments, without a shell. A name without a slash is looked
// up on PATH, another one in the working directory. It returns what the program writes to
// standard output, and the last lines of its standard error. The program gets the
// environment of this process, with env added.
//
// If the context ends, Run stops the program and everything that the program has started
// and that did not leave its process group.
func Run(ctx context.Context, command, env []string, input []byte) (output []byte, messages string, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	written := &limited{most: mostOutput, full: func() { stop(errTooMuch) }}
	said := &tail{}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), written, said
	cmd.Env = append(cmd.Environ(), env...)
	cmd.WaitDelay = grace
	leave := ownGroup(cmd)
	err = cmd.Run()
	leave()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay):
		err = identity.WithHint("let it wait for the programs that it starts", "it ended, but left a process that keeps its output open")
	case err != nil:
		err = explain(err)
	}
	return written.Bytes(), said.lines(), err
}

var errTooMuch = fmt.Errorf("it wrote more than %d MiB", mostOutput>>20)

// explain returns an error of package exec as a user says it.
func explain(err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return identity.WithHint("install it, or correct its name; a path with a slash is relative to the working directory", "it is not on PATH")
	case errors.Is(err, exec.ErrDot):
		return identity.WithHint("write ./ before its name to run it", "it is found only in the working directory")
	case errors.Is(err, fs.ErrNotExist):
		return identity.WithHint("correct its path, which is relative to the working directory, or install the interpreter that its first line names", "it does not exist")
	case errors.Is(err, fs.ErrPermission):
		return identity.WithHint("make it executable: chmod +x", "it is not executable")
	}
	return err
}

// limited is a buffer that accepts a number of bytes.
type limited struct {
	bytes.Buffer
	most int
	full func() // is called if that is too few
}

// Write keeps what there is room for. It accepts everything, so that the program does not
// end with an error of its own.
func (b *limited) Write(text []byte) (int, error) {
	if b.Len()+len(text) > b.most {
		b.full()
		return len(text), nil
	}
	return b.Buffer.Write(text)
}

// tail keeps the last bytes that are written to it.
type tail struct {
	kept []byte
	cut  bool // there were more
}

// Write keeps the text, and drops what is older than keptErrors bytes.
func (t *tail) Write(text []byte) (int, error) {
	t.kept = append(t.kept, text...)
	if more := len(t.kept) - keptErrors; more > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[more:]...), true
	}
	return len(text), nil
}

// lines returns the kept text from the first whole line on. A line of which the beginning
// is missing could be the rest of a secret that nobody recognises.
func (t *tail) lines() string {
	text := string(t.kept)
	if t.cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, "\ufffd"))
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// mostAttempts limits how often a target runs whose end is spurious.
const mostAttempts = 3

// fuzz runs a target. It repeats a run that ends spuriously.
func (t target) fuzz(ctx context.Context, out io.Writer, duration string) error {
	_, _ = fmt.Fprintf(out, "%s in %s\n", t.name, t.dir)
	for range mostAttempts {
		started := time.Now()
		run, err := t.once(ctx, out, duration)
		_, _ = fmt.Fprintf(out, "%s: %s inputs in %s\n", t.name, executions(run), time.Since(started).Round(time.Second))
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !spurious(run):
			t.showInput(out, run)
			return err
		}
		_, _ = fmt.Fprintf(out, "%s: no input failed, but go test ended with its own deadline (go.dev/issue/75804)\n", t.name)
	}
	return fmt.Errorf("go test ended with its own deadline %d times", mostAttempts)
}

// once makes one run. It returns what go test has printed.
func (t target) once(ctx context.Context, out io.Writer, duration string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$",
		"-fuzztime", duration, "-fuzzminimizetime", "10x", ".")
	var printed bytes.Buffer
	cmd.Dir, cmd.Stdout = t.dir, io.MultiWriter(&printed, out)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	return printed.Bytes(), err
}

var (
	bareDeadline = regexp.MustCompile(`(?m)^--- FAIL: \w+ \(.*\)\n    context deadline exceeded\nFAIL$`)
	anyFailure   = regexp.MustCompile(`(?m)^\s*--- FAIL: `)
	progress     = regexp.MustCompile(`(?m)^fuzz: elapsed: .*, execs: (\d+) `)
	inputFile    = regexp.MustCompile(`(?m)^\s*Failing input written to (\S+)$`)
)

// spurious reports whether a failed run found nothing: at the end of the time, go test can
// report its own deadline as a failure.
//
// Source: go.dev/issue/75804, which Go 1.27 fixes.
func spurious(run []byte) bool {
	return bareDeadline.Match(run) && len(anyFailure.FindAll(run, -1)) == 1 && !inputFile.Match(run)
}

// executions returns the number in the last line about the progress, or "0".
func executions(run []byte) string {
	lines := progress.FindAllSubmatch(run, -1)
	if len(lines) == 0 {
		return "0"
	}
	return string(lines[len(lines)-1][1])
}

// showInput prints the failing input. On another machine, its file is lost.
func (t target) showInput(out io.Writer, run []byte) {
	match := inputFile.FindSubmatch(run)
	if match == nil {
		return
	}
	input, err := os.ReadFile(filepath.Join(t.dir, string(match[1])))
	_, _ = fmt.Fprintf(out, "%s:\n%s", match[1], input)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		_, _ = fmt.Fprintln(out, err)
	}
}

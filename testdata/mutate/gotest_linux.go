package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

type verdict int

const (
	noCompile verdict = iota
	passed
	failed
)

// memoryLimit of a test, in KiB of address space. A mutant can loop forever and allocate.
const memoryLimit = 12 << 20

// run is one run of the tests of a package.
type run struct {
	pkg  string
	args []string
}

// baseline runs the tests of a suite without a change. It returns the runs for a mutant, the
// fast tests of each package first, and how long one may take.
func baseline(ctx context.Context, s suite) (runs []run, limit time.Duration, err error) {
	started := time.Now()
	var slowRuns []run
	for _, pkg := range append([]string{s.pkg}, s.also...) {
		v, out, err := test(ctx, nil, []run{{pkg, []string{"-test.v"}}}, 10*time.Minute)
		if err != nil || v != passed {
			return nil, 0, fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", pkg, err, out)
		}
		slow := slowTests(out)
		runs = append(runs, run{pkg, []string{"-test.skip", slow}})
		if slow != "" {
			slowRuns = append(slowRuns, run{pkg, []string{"-test.run", slow}})
		}
	}
	return append(runs, slowRuns...), 30*time.Second + 4*time.Since(started), nil
}

// slowTest matches a test that took a second or more, in the output of go test -v.
var slowTest = regexp.MustCompile(`(?m)^--- PASS: (\w+) \((?:[1-9]|\d\d+)\.\d+s\)$`)

// slowTests returns a pattern of the tests that took a second or more, or "".
func slowTests(out []byte) string {
	var names []string
	for _, match := range slowTest.FindAllSubmatch(out, -1) {
		names = append(names, string(match[1]))
	}
	if len(names) == 0 {
		return ""
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// test makes runs on a mutant until one fails. Without a mutant it tests the code as it is.
func test(ctx context.Context, m *mutant, runs []run, limit time.Duration) (v verdict, out []byte, err error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return noCompile, nil, err
	}
	defer os.RemoveAll(dir)
	var overlay []string
	if m != nil {
		if overlay, err = writeOverlay(dir, *m); err != nil {
			return noCompile, nil, err
		}
	}
	for _, r := range runs {
		binary := filepath.Join(dir, strings.ReplaceAll(r.pkg, "/", "_"))
		if _, err := os.Stat(binary); err != nil {
			build := exec.CommandContext(ctx, "go", append(append([]string{"test", "-c", "-vet=off", "-o", binary}, overlay...), "./"+r.pkg)...)
			if out, err := build.CombinedOutput(); err != nil {
				return noCompile, out, ctx.Err()
			}
		}
		if v, out, err = r.of(ctx, binary, limit); err != nil || v != passed {
			return v, out, err
		}
	}
	return passed, out, nil
}

// writeOverlay writes the changed file and the overlay of go build that puts it in place. It
// returns the flag of go build.
func writeOverlay(dir string, m mutant) ([]string, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	mutated := append(append(append([]byte(nil), text[:m.start]...), m.new...), text[m.end:]...)
	if err := os.WriteFile(changed, mutated, 0o600); err != nil {
		return nil, err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return nil, err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return []string{"-overlay=" + overlay}, os.WriteFile(overlay, content, 0o600)
}

// of runs a test binary in the directory of its package. A run that exceeds its time or
// memory has failed.
func (r run) of(ctx context.Context, binary string, limit time.Duration) (verdict, []byte, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := append([]string{"-c", `ulimit -v "$0"; exec "$@"`, fmt.Sprint(memoryLimit), binary, "-test.failfast", "-test.count=1"}, r.args...)
	cmd := exec.CommandContext(limited, "sh", args...)
	cmd.Dir = r.pkg
	// The tests start programs. All of them end with the group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return noCompile, out, ctx.Err()
	case err == nil:
		return passed, out, nil
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok && limited.Err() == nil {
		return noCompile, out, err
	}
	return failed, out, nil
}

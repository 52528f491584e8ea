package main

import (
	"bytes"
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
	pkg   string
	args  []string
	limit time.Duration
}

// baseline runs the tests of a suite without a change. It returns the runs for a mutant: the
// fast tests of each package first. A run may take several times as long as it took here.
func baseline(ctx context.Context, s suite, dir, overlay string) (runs []run, err error) {
	var slowRuns []run
	for _, pkg := range append([]string{s.pkg}, s.also...) {
		all := run{pkg, []string{"-test.v"}, 10 * time.Minute}
		started := time.Now()
		v, out, err := all.of(ctx, dir, overlay)
		if err != nil || v != passed {
			return nil, baselineError(pkg, err, out)
		}
		slow := slowTests(out)
		fast := run{pkg, []string{"-test.skip", slow}, 10 * time.Minute}
		if slow != "" {
			slowRuns = append(slowRuns, run{pkg, []string{"-test.run", slow}, limit(started)})
			started = time.Now()
			if v, out, err := fast.of(ctx, dir, overlay); err != nil || v != passed {
				return nil, baselineError(pkg, err, out)
			}
		}
		fast.limit = limit(started)
		runs = append(runs, fast)
	}
	return append(runs, slowRuns...), nil
}

// baselineError has the failed tests of a run without a mutant, or else its last lines.
func baselineError(pkg string, err error, out []byte) error {
	failed := bytes.Join(failedTest.FindAll(out, -1), []byte("\n"))
	if len(failed) == 0 {
		failed = out[max(0, len(out)-2000):]
	}
	return errors.Join(fmt.Errorf("the tests of %s fail without a mutant:\n%s", pkg, failed), err)
}

// failedTest matches the name of a failed test, in the output of go test -v.
var failedTest = regexp.MustCompile(`(?m)^ *--- FAIL: \S+`)

func limit(started time.Time) time.Duration {
	return 10*time.Second + 4*time.Since(started)
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

// test makes runs until one fails. dir has the test binaries. The ones that it lacks are
// built with the overlay.
func test(ctx context.Context, runs []run, dir, overlay string) (v verdict, out []byte, err error) {
	for _, r := range runs {
		if v, out, err = r.of(ctx, dir, overlay); err != nil || v != passed {
			return v, out, err
		}
	}
	return passed, out, nil
}

// testAlone makes runs on one mutant, with binaries of its own.
func testAlone(ctx context.Context, m mutant, runs []run) (verdict, []byte, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return noCompile, nil, err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, m)
	if err != nil {
		return noCompile, nil, err
	}
	return test(ctx, runs, dir, overlay)
}

// writeOverlay writes the changed file and the overlay of go build that puts it in place. It
// returns the flag of go build.
func writeOverlay(dir string, m mutant) (string, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	mutated := append(append(append([]byte(nil), text[:m.start]...), m.new...), text[m.end:]...)
	if err := os.WriteFile(changed, mutated, 0o600); err != nil {
		return "", err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return "-overlay=" + overlay, os.WriteFile(overlay, content, 0o600)
}

// of runs the tests in the directory of their package. A run that exceeds its time or
// memory has failed.
func (r run) of(ctx context.Context, dir, overlay string) (verdict, []byte, error) {
	binary := filepath.Join(dir, strings.ReplaceAll(r.pkg, "/", "_")+".test")
	if _, err := os.Stat(binary); err != nil {
		build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary, overlay, "./"+r.pkg)
		if out, err := build.CombinedOutput(); err != nil {
			return noCompile, out, ctx.Err()
		}
	}
	limited, cancel := context.WithTimeout(ctx, r.limit)
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

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

// baseline runs the tests without a change. It returns how long they may take with one.
func baseline(ctx context.Context, s suite) (time.Duration, error) {
	started := time.Now()
	for _, pkg := range append([]string{s.pkg}, s.also...) {
		if v, out, err := goTest(ctx, pkg, "", 10*time.Minute); err != nil || v != passed {
			return 0, fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", pkg, err, out)
		}
	}
	return 30*time.Second + 4*time.Since(started), nil
}

// test runs the tests of a suite on a mutant until one fails.
func test(ctx context.Context, s suite, m mutant, limit time.Duration) (verdict, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return noCompile, err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, m)
	if err != nil {
		return noCompile, err
	}
	for _, pkg := range append([]string{s.pkg}, s.also...) {
		v, _, err := goTest(ctx, pkg, overlay, limit)
		if err != nil || v != passed {
			return v, err
		}
	}
	return passed, nil
}

// writeOverlay writes the changed file and the overlay of go build that puts it in place.
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
	return overlay, os.WriteFile(overlay, content, 0o600)
}

// goTest runs the tests of a package. A test that exceeds its time or memory has failed.
func goTest(ctx context.Context, pkg, overlay string, limit time.Duration) (verdict, []byte, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := []string{"-c", `ulimit -v "$0"; exec go test "$@"`, fmt.Sprint(memoryLimit), "-count=1", "-vet=off", "-failfast"}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	cmd := exec.CommandContext(limited, "sh", append(args, "./"+pkg)...)
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
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
		return noCompile, out, nil
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok && limited.Err() == nil {
		return noCompile, out, err
	}
	return failed, out, nil
}

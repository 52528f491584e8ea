// Command fuzz runs the fuzz targets of packages one after the other, and prints how many
// inputs each has tried.
//
// Usage: fuzz [-time 30m] DIRECTORY...
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"spaces-identity.dev/internal/exit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	duration := flag.String("time", "30m", "how long each target runs, or how many inputs it tries, such as 1000x")
	flag.Parse()
	if err := fuzzAll(ctx, os.Stdout, *duration, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(int(exit.Failed))
	}
}

// target is a fuzz target and the directory of its package.
type target struct{ dir, name string }

// fuzzAll runs all targets below the directories, even after one of them has failed.
func fuzzAll(ctx context.Context, out io.Writer, duration string, dirs []string) error {
	targets, err := targetsIn(ctx, dirs)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range targets {
		if err := t.fuzz(ctx, out, duration); err != nil {
			errs = append(errs, fmt.Errorf("%s in %s: %w", t.name, t.dir, err))
		}
	}
	return errors.Join(errs...)
}

// targetsIn lists the targets below the directories.
func targetsIn(ctx context.Context, dirs []string) ([]target, error) {
	args := []string{"list", "-f", "{{.Dir}}"}
	for _, dir := range dirs {
		args = append(args, "./"+filepath.Clean(dir)+"/...")
	}
	packages, err := goCommand(ctx, ".", args...)
	if err != nil {
		return nil, err
	}
	var all []target
	for dir := range strings.FieldsSeq(packages) {
		list, err := goCommand(ctx, dir, "test", "-list", "^Fuzz", ".")
		if err != nil {
			return nil, err
		}
		for name := range strings.FieldsSeq(list) {
			if strings.HasPrefix(name, "Fuzz") {
				all = append(all, target{dir, name})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are no fuzz targets below %s", strings.Join(dirs, ", "))
	}
	return all, nil
}

// goCommand returns the output of the go command.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var out, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, &out, &stderr)
	}
	return out.String(), nil
}

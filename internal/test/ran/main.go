// Command ran runs "go test -json" and fails if a test was skipped that the list of
// permitted skips does not name. So a green run means that everything ran.
//
// Usage: ran FLAGS_AND_PACKAGES_OF_GO_TEST
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"spaces-identity.dev/internal/exit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(int(exit.Failed))
	}
}

// run prints what go test prints without -v, then the skipped tests and the counts.
func run(ctx context.Context, args []string) error {
	list, err := parseList(skipList)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := newReport(os.Stdout)
	readErr := r.read(events)
	testErr := cmd.Wait()
	r.printSummary(list)
	switch {
	case readErr != nil:
		return readErr
	case testErr != nil:
		return fmt.Errorf("go test: %w", testErr)
	}
	return r.check(list)
}

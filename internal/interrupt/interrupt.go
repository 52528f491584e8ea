// Package interrupt ends the work of the program when a signal asks for it.
package interrupt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// ErrByUser is the cause of a context that the user has ended with Ctrl-C (SIGINT).
var ErrByUser = errors.New("interrupted")

// Context returns a context that the first SIGINT or SIGTERM ends. The second one ends
// the program, also if the work does not react to the context.
func Context() context.Context {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		received := <-signals
		signal.Stop(signals)
		if received == os.Interrupt {
			end(ErrByUser)
		} else {
			end(fmt.Errorf("%v signal received", received))
		}
	}()
	return ctx
}

// Await returns what a function returns that may block forever. If the context ends
// first, it returns the cause, and the function is left to itself.
func Await[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var r result
	if ctx.Err() != nil {
		return r.value, context.Cause(ctx)
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r = <-done:
	case <-ctx.Done():
		r.err = context.Cause(ctx)
	}
	return r.value, r.err
}

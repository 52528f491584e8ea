// Package exit defines the exit statuses and gives them to errors.
package exit

import (
	"errors"
	"fmt"

	"spaces-identity.dev/internal/interrupt"
)

// Status is an exit status of the program.
type Status int

// The exit statuses that users and scripts know.
const (
	Done     Status = iota // the command did what was asked
	Failed                 // it failed for another reason than its input
	BadUsage               // the command line, the config or the input is wrong
	Differs                // there is drift, access is denied, or a rule found a mistake

	Interrupted Status = 128 + 2 // the user interrupted it: what shells report for SIGINT
)

// BadInput is implemented by errors that are always about the command line, the config or
// the input.
type BadInput interface {
	error
	BadInput()
}

// Of returns the exit status of an error. The outermost status wins.
func Of(err error) Status {
	if err == nil {
		return Done
	}
	if errors.Is(err, interrupt.ErrByUser) {
		return Interrupted
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	if _, ok := errors.AsType[BadInput](err); ok {
		return BadUsage
	}
	return Failed
}

// With gives an error an exit status. It returns nil for nil.
func With(status Status, err error) error {
	if err == nil {
		return nil
	}
	return &statusError{status, err}
}

// Usage gives an error the status of bad usage. It returns nil for nil.
func Usage(err error) error { return With(BadUsage, err) }

// Usagef returns an error with the status of bad usage.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

var errPrinted = errors.New("the output says why")

// Silent returns an error with a status. The program does not print it, because the output
// already has the reason.
func Silent(status Status) error { return With(status, errPrinted) }

// IsSilent reports whether the output already says why the program failed.
func IsSilent(err error) bool { return errors.Is(err, errPrinted) }

type statusError struct {
	status Status
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }

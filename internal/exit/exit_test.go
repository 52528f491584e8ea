package exit_test

import (
	"errors"
	"fmt"
	"testing"

	"spaces-identity.dev/internal/exit"
)

type badFile struct{ error }

func (badFile) BadInput() {}

func TestOfReturnsTheStatusOfAnError(t *testing.T) {
	cause := errors.New("cause")
	for _, test := range []struct {
		name string
		err  error
		want exit.Status
	}{
		{"no error", nil, exit.Done},
		{"any error", cause, exit.Failed},
		{"usage", exit.Usage(cause), exit.BadUsage},
		{"usage of no error", exit.Usage(nil), exit.Done},
		{"wrapped usage", fmt.Errorf("reading: %w", exit.Usagef("no file")), exit.BadUsage},
		{"bad input", fmt.Errorf("reading: %w", badFile{cause}), exit.BadUsage},
		{"one of several is bad input", errors.Join(cause, badFile{cause}), exit.BadUsage},
		{"the outer status wins", exit.With(exit.Differs, exit.Usage(cause)), exit.Differs},
		{"silent", exit.Silent(exit.Differs), exit.Differs},
	} {
		if got := exit.Of(test.err); got != test.want {
			t.Errorf("%s: status %d, want %d", test.name, got, test.want)
		}
	}
	if exit.IsSilent(exit.Usage(cause)) || !exit.IsSilent(exit.Silent(exit.Failed)) {
		t.Error("IsSilent does not distinguish an error to print from a printed one")
	}
	if !errors.Is(exit.Usage(cause), cause) {
		t.Error("the cause of a usage error is lost")
	}
}

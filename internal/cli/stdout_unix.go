//go:build unix

package cli

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// standardOutput is what the process was given, or a writer that fails where it
// was given nothing: Go's runtime opens the null device then, for reading and
// writing, and what is written to it would be lost without a word. Who wants it
// lost opens the device for writing.
func standardOutput() io.Writer {
	flags, err := unix.FcntlInt(os.Stdout.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE == unix.O_RDWR && isNull(os.Stdout) {
		return closedOutput{}
	}
	return os.Stdout
}

func isNull(f *os.File) bool {
	given, err := f.Stat()
	null, nullErr := os.Stat(os.DevNull)
	return err == nil && nullErr == nil && os.SameFile(given, null)
}

// closedOutput is a standard output that takes nothing.
type closedOutput struct{}

func (closedOutput) Write([]byte) (int, error) { return 0, errors.New("it is closed") }

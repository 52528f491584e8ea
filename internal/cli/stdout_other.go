//go:build !unix

package cli

import (
	"io"
	"os"
)

// standardOutput is what the process was given.
func standardOutput() io.Writer { return os.Stdout }

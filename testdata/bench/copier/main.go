// Command copier copies standard input to standard output. It shows the least that a
// program in Go can cost.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	// The wrappers prevent io.CopyBuffer from letting the kernel copy.
	_, err := io.CopyBuffer(struct{ io.Writer }{os.Stdout}, struct{ io.Reader }{os.Stdin}, make([]byte, 128<<10))
	if err != nil {
		fmt.Fprintln(os.Stderr, "copier:", err)
		os.Exit(1)
	}
}

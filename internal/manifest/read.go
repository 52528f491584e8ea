package manifest

import (
	"bytes"
	"io"
	"os"
)

// Read reads a stream whole. Where the reader is a file of known size the buffer
// is as large as it and no larger.
func Read(r io.Reader) ([]byte, error) {
	var buffer bytes.Buffer
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			buffer.Grow(int(info.Size()) + bytes.MinRead)
		}
	}
	_, err := buffer.ReadFrom(r)
	return buffer.Bytes(), err
}

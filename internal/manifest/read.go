package manifest

import (
	"errors"
	"io"
	"os"
	"slices"
)

// maxStream is how large a stream of unknown size may become, in bytes.
const maxStream = 16 << 30

// Read reads a stream whole. It keeps one copy of it, however it comes: from a
// pipe, whose length nobody knows, it goes into reserved addresses that take
// memory only as far as they are filled.
func Read(r io.Reader) ([]byte, error) {
	buffer := reserve(sizeOf(r))
	if buffer == nil {
		return io.ReadAll(r)
	}
	for n := 0; ; {
		read, err := r.Read(buffer[n:])
		n += read
		switch {
		case errors.Is(err, io.EOF):
			return buffer[:n:n], nil
		case err != nil:
			return nil, err
		case n == len(buffer):
			return readOn(buffer, r)
		}
	}
}

// readOn goes on where a stream is longer than it said.
func readOn(begun []byte, r io.Reader) ([]byte, error) {
	rest, err := io.ReadAll(r)
	if err != nil || len(rest) == 0 {
		return begun, err
	}
	return append(slices.Clip(begun), rest...), nil
}

// sizeOf is one byte more than a regular file has, so that its end is met
// without another buffer, or maxStream.
func sizeOf(r io.Reader) int {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return int(info.Size()) + 1
		}
	}
	return maxStream
}

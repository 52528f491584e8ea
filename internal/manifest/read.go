package manifest

import (
	"errors"
	"io"
	"os"
	"slices"
)

// maxStream is the largest size of a stream whose size is not known, in bytes.
const maxStream = 16 << 30

// Read reads a whole stream into one buffer. Helm sends manifests through a pipe, so the
// size is not known. The buffer reserves addresses, which use memory only as far as they
// are filled. With a render of 4.7 MB from a pipe, the whole program takes 15 ms and
// 13 MiB. With io.ReadAll it takes 31 ms and 24 MiB (`make bench`).
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

// readOn reads the rest of a stream that is longer than its size.
func readOn(begun []byte, r io.Reader) ([]byte, error) {
	rest, err := io.ReadAll(r)
	if err != nil || len(rest) == 0 {
		return begun, err
	}
	return append(slices.Clip(begun), rest...), nil
}

// sizeOf returns the size of a regular file plus one byte, so that Read finds the end of the
// file without a second buffer. For other streams it returns maxStream.
func sizeOf(r io.Reader) int {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return int(info.Size()) + 1
		}
	}
	return maxStream
}

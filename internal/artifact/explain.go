package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// writeError says which file or directory cannot be written, and why.
type writeError struct {
	path string
	err  error
}

func explain(path string, err error) error { return &writeError{path, err} }

// Error leaves out the names of the system call and of the temporary file, which mean
// nothing to the user.
func (e *writeError) Error() string {
	cause := e.err
	if pathErr, ok := errors.AsType[*fs.PathError](e.err); ok {
		cause = pathErr.Err
	}
	if linkErr, ok := errors.AsType[*os.LinkError](e.err); ok {
		cause = linkErr.Err
	}
	return fmt.Sprintf("cannot write %q: %v", e.path, cause)
}

// Unwrap returns the cause.
func (e *writeError) Unwrap() error { return e.err }

const otherDirectory = ", or set artifacts.dir to another directory, or to none to write no artifacts"

// errDangling is the cause if the path of the directory has a link that cannot be followed.
var errDangling = errors.New("a link to something that does not exist")

// Hint returns what the user can do.
func (e *writeError) Hint() string {
	for cause, step := range map[error]string{
		errDangling:     "create the directory that the link names, or remove the link" + otherDirectory,
		syscall.ENOTDIR: "a file has the name of the directory: move it away" + otherDirectory,
		syscall.ENOSPC:  "free some space" + otherDirectory,
		syscall.EDQUOT:  "free some space" + otherDirectory,
		syscall.EROFS:   "make the file system writable" + otherDirectory,
		syscall.EACCES:  "give yourself write permission on the directory" + otherDirectory,
		syscall.EPERM:   "the file may belong to another user: remove it as that user" + otherDirectory,
		syscall.EISDIR:  "a directory has the name of the file: move it away",
		syscall.EEXIST:  "a directory has the name of the file: move it away",
	} {
		if errors.Is(e.err, cause) {
			return step
		}
	}
	return ""
}

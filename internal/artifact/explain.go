package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// errIsDirectory is a directory that stands where a file goes.
var errIsDirectory = errors.New("a directory stands there: move it away")

const elsewhere = "or choose another directory (artifacts.dir; none for no artifacts)"

// explain says of an error at the path what the user can do.
func explain(path string, err error) error {
	return fmt.Errorf("cannot write %q: %w%s", path, bare(err), nextStep(err))
}

// bare is the error without the name of the system call and of the temporary
// file, which mean nothing to the user.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

func nextStep(err error) string {
	for cause, step := range map[syscall.Errno]string{
		syscall.ENOTDIR: ": a file stands where the directory should be; move it away, " + elsewhere,
		syscall.ENOSPC:  ": free some space, " + elsewhere,
		syscall.EDQUOT:  ": free some space, " + elsewhere,
		syscall.EROFS:   ": make it writable, " + elsewhere,
		syscall.EACCES:  ": give yourself write permission on the directory, " + elsewhere,
		syscall.EPERM:   ": the file may be another user's; remove it as that user, " + elsewhere,
		syscall.EISDIR:  ": a directory stands there; move it away",
		syscall.EEXIST:  ": a directory stands there; move it away",
	} {
		if errors.Is(err, cause) {
			return step
		}
	}
	return ""
}

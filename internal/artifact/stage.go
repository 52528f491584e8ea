package artifact

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Staging is a set of files that are replaced together. One goroutine may use it at a
// time. Any number of Stagings, also of other processes, may share a directory.
type Staging struct {
	dir   string // as the user wrote it
	root  *os.Root
	files []staged
}

// staged is a file that is written under a temporary name.
type staged struct{ name, temp string }

// Stage opens the directory, and creates it if it does not exist. The caller must call
// Commit or Discard at the end. Both may be called more than once. Discard after Commit
// does nothing.
func Stage(dir string) (*Staging, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%q is %w", e.Path, errDangling)
		}
		return nil, explain(dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, explain(dir, err)
	}
	return &Staging{dir: dir, root: root}, nil
}

// File is a file to write.
type File struct {
	Name    string
	Content []byte
}

// StageFiles stages files in a directory, all or none. If there are no files, it creates no
// directory.
func StageFiles(dir string, files ...File) (*Staging, error) {
	if len(files) == 0 {
		return &Staging{}, nil
	}
	staging, err := Stage(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := staging.Put(f.Name, f.Content); err != nil {
			return nil, errors.Join(err, staging.Discard())
		}
	}
	return staging, nil
}

// Put stages the content of a file. The name consists of letters, digits and ._- and
// does not begin with a dot. If the file already has the content, nothing is staged. A
// Put that fails leaves no temporary file.
func (s *Staging) Put(name string, content []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if s.root == nil {
		return fmt.Errorf("cannot stage %s: the set of files was already committed or discarded", name)
	}
	same, err := s.holds(name, content)
	if err != nil {
		return explain(filepath.Join(s.dir, name), err)
	}
	if err := s.drop(name); err != nil || same {
		return err
	}
	temp, err := s.write(content)
	if err != nil {
		return explain(filepath.Join(s.dir, name), err)
	}
	s.files = append(s.files, staged{name, temp})
	return nil
}

func checkName(name string) error {
	valid := name != "" && name[0] != '.' && len(name) <= 255
	for _, r := range name {
		valid = valid && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	if !valid {
		return fmt.Errorf("%q is not the name of an artifact: use letters, digits, ., _ and -, and do not begin with a dot", name)
	}
	return nil
}

// holds reports whether a regular file of that name has the content. A directory of
// that name is an error here, before any file is replaced.
func (s *Staging) holds(name string, content []byte) (bool, error) {
	info, err := s.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, syscall.EISDIR
	case !info.Mode().IsRegular() || info.Size() != int64(len(content)):
		return false, nil
	}
	there, err := s.root.ReadFile(name)
	return err == nil && bytes.Equal(there, content), nil // a file that cannot be read is replaced
}

// drop removes what an earlier Put staged for the name.
func (s *Staging) drop(name string) error {
	for i, f := range s.files {
		if f.name == name {
			s.files = append(s.files[:i:i], s.files[i+1:]...)
			return s.root.Remove(f.temp)
		}
	}
	return nil
}

// write writes the content to a temporary file and returns its name.
func (s *Staging) write(content []byte) (temp string, err error) {
	temp = tempName()
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, s.root.Remove(temp))
	}
	return temp, nil
}

// Discard removes the temporary files. It changes no other file.
func (s *Staging) Discard() error {
	if s.root == nil {
		return nil
	}
	var errs []error
	for _, f := range s.files {
		errs = append(errs, s.root.Remove(f.temp))
	}
	return errors.Join(append(errs, s.close())...)
}

func (s *Staging) close() error {
	root := s.root
	s.root, s.files = nil, nil
	return root.Close()
}

package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Commit renames the staged files to their names, in the order in which they were
// put. If one rename fails, it restores the files that it has replaced, so either the
// whole set is replaced or none of it. Only a run that is killed during Commit can
// leave a part of the set.
func (s *Staging) Commit() error {
	if s.root == nil {
		return nil
	}
	done, err := s.renameAll()
	if err == nil {
		s.forget(done)
		s.files = nil
		s.sweep()
		return s.close()
	}
	failed := s.files[len(done)].name
	err = explain(filepath.Join(s.dir, failed), err)
	if undone := s.undo(done); undone != nil {
		err = fmt.Errorf("%w; the files that were replaced before it could not be restored: %w", err, undone)
	}
	s.files = s.files[len(done):]
	return errors.Join(err, s.Discard())
}

// replaced is a file that Commit has renamed to its name.
type replaced struct {
	name    string
	earlier string // the second name of the file that was there; empty if it has none
	isNew   bool   // no file was there
}

func (s *Staging) renameAll() ([]replaced, error) {
	var done []replaced
	for _, f := range s.files {
		r := s.keep(f.name)
		if err := s.root.Rename(f.temp, f.name); err != nil {
			return done, errors.Join(err, s.removeIfNamed(r.earlier))
		}
		done = append(done, r)
	}
	return done, nil
}

// keep gives the existing file a second name, so that it can be restored. It links
// instead of renaming, because readers must find a file under the first name at any
// time.
func (s *Staging) keep(name string) replaced {
	if _, err := s.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return replaced{name: name, isNew: true}
	}
	if len(s.files) == 1 {
		return replaced{name: name} // no later rename can fail
	}
	earlier := tempName()
	if s.root.Link(name, earlier) != nil {
		return replaced{name: name} // the file system has no links
	}
	return replaced{name: name, earlier: earlier}
}

func (s *Staging) removeIfNamed(name string) error {
	if name == "" {
		return nil
	}
	return s.root.Remove(name)
}

// forget removes the second names.
func (s *Staging) forget(done []replaced) {
	for _, r := range done {
		_ = s.removeIfNamed(r.earlier) // sweep removes it later
	}
}

// undo restores the files that were replaced, and removes those that are new.
func (s *Staging) undo(done []replaced) error {
	var errs []error
	for _, r := range done {
		switch {
		case r.isNew:
			errs = append(errs, s.root.Remove(r.name))
		case r.earlier != "":
			errs = append(errs, s.root.Rename(r.earlier, r.name))
		default:
			errs = append(errs, fmt.Errorf("%s has its new content", r.name))
		}
	}
	return errors.Join(errs...)
}

package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Commit renames the staged files into place, in the order of their Puts. Where
// one cannot be renamed, those before it get back what they had, so that a set
// is replaced whole or not at all; only a run that is killed at this point
// leaves a part of the set.
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
		err = fmt.Errorf("%w; what was replaced before it could not be put back: %w", err, undone)
	}
	s.files = s.files[len(done):]
	return errors.Join(err, s.Discard())
}

// replaced is a file that was put into place.
type replaced struct {
	name    string
	earlier string // the second name of what stood there; empty where it has none
	isNew   bool   // nothing stood there
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

// keep gives what stands at the name a second name, so that it can come back. A
// link, because readers must find a file under the first name all the time.
func (s *Staging) keep(name string) replaced {
	if _, err := s.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return replaced{name: name, isNew: true}
	}
	if len(s.files) == 1 {
		return replaced{name: name} // no other file can fail after it
	}
	earlier := tempName()
	if s.root.Link(name, earlier) != nil {
		return replaced{name: name} // a file system without links
	}
	return replaced{name: name, earlier: earlier}
}

func (s *Staging) removeIfNamed(name string) error {
	if name == "" {
		return nil
	}
	return s.root.Remove(name)
}

// forget takes the second names away.
func (s *Staging) forget(done []replaced) {
	for _, r := range done {
		_ = s.removeIfNamed(r.earlier) // sweep does it later
	}
}

// undo puts back what stood there.
func (s *Staging) undo(done []replaced) error {
	var errs []error
	for _, r := range done {
		switch {
		case r.isNew:
			errs = append(errs, s.root.Remove(r.name))
		case r.earlier != "":
			errs = append(errs, s.root.Rename(r.earlier, r.name))
		default:
			errs = append(errs, fmt.Errorf("%s is the new file", r.name))
		}
	}
	return errors.Join(errs...)
}

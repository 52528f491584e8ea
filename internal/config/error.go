package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Origin is where a setting came from: a position in the config file, a flag or
// an environment variable.
type Origin struct {
	File   string // as the user named it
	Line   int    // from 1; 0 for the whole file
	Column int    // from 1, in characters
	Source string // --role-arn or SPACES_IDENTITY_ROLE_ARN; empty for the file
}

// String returns file:line:column, the flag, or the environment variable.
func (o Origin) String() string {
	switch {
	case o.Source != "":
		return o.Source
	case o.Line == 0:
		return o.File
	}
	return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
}

// Problem describes one thing that is wrong with the settings.
type Problem struct {
	Origin Origin
	Path   string // in the config, such as components[0].roleARN; may be empty
	Err    error
}

// Error returns the origin, the setting's path, and what is wrong with it. It omits the
// path if the origin is a flag or an environment variable, which names the setting.
func (p *Problem) Error() string {
	var parts []string
	if at := p.Origin.String(); at != "" {
		parts = append(parts, at)
	}
	if p.Path != "" && p.Origin.Source == "" {
		parts = append(parts, p.Path)
	}
	return strings.Join(append(parts, p.Err.Error()), ": ")
}

// Unwrap returns what is wrong, without the origin. It may have a hint.
func (p *Problem) Unwrap() error { return p.Err }

// Error lists everything that is wrong with the settings: first what is in the file, by
// position, then flags and environment variables.
type Error struct{ Problems []*Problem }

// Error returns a line for each problem.
func (e *Error) Error() string { return errors.Join(e.Unwrap()...).Error() }

// Unwrap returns the problems.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// BadInput marks the error as one about the input.
func (e *Error) BadInput() {}

// reportAll returns the problems as an error, or nil if there are none.
func reportAll(problems []*Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		x, y := a.Origin, b.Origin
		return cmp.Or(strings.Compare(x.Source, y.Source), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column),
			strings.Compare(a.Path, b.Path))
	})
	return &Error{problems}
}

// problemAt returns a report of one problem.
func problemAt(at Origin, err error) error {
	return &Error{[]*Problem{{Origin: at, Err: err}}}
}

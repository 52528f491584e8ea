package rewrite

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// The causes of an [InputError] that a user can remove, each with a hint.
var (
	ErrConflict = identity.WithHint("set on-conflict to replace or keep, or remove the other value from the manifests", "the place already has another value")
	ErrSelector = identity.WithHint("remove the label from podLabels in the config, or change the selector first", "a selector uses the label")
)

// InputError says which manifest cannot be used, and the position of the problem. It
// never quotes the manifest, which may be a Secret.
type InputError struct {
	Document int    // number in the stream, from 1
	Source   string // the chart's template, if Helm names it
	Object   string // such as ConfigMap upbound-system/values
	Line     int    // in the stream, from 1
	Column   int    // from 1, in characters
	Problem  string
	Cause    error // [ErrConflict], [ErrSelector] or nil
}

func (e *InputError) Error() string {
	where := []string{fmt.Sprintf("document %d", e.Document)}
	if e.Source != "" {
		where = append(where, e.Source)
	}
	if e.Object != "" {
		where = append(where, e.Object)
	}
	return fmt.Sprintf("manifests:%d:%d: %s (%s)", e.Line, e.Column, e.Problem, strings.Join(where, ", "))
}

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Cause }

// BadInput marks the error as one about the input.
func (e *InputError) BadInput() {}

// because returns the error with its cause.
func (e *InputError) because(cause error) *InputError {
	e.Cause = cause
	return e
}

// MissingError says that components have no place in the manifests.
type MissingError struct {
	Components  []string
	NoManifests bool   // the stream is empty
	Input       string // what the stream is, if it has no Kubernetes object
}

func (e *MissingError) Error() string {
	components := strings.Join(e.Components, ", ")
	if e.NoManifests {
		return "the input contains no manifests, so there is no place for " + components
	}
	if e.Input != "" {
		return fmt.Sprintf("no place found for %s: %s", components, e.Input)
	}
	return fmt.Sprintf("no place found for %s: there is no ServiceAccount of that name, no editable pod template that uses it, and no values at its path", components)
}

// Hint returns the next step.
func (e *MissingError) Hint() string {
	if e.NoManifests || e.Input != "" {
		return "check the command that should write the manifests"
	}
	return "run `spaces-identity inspect` to see the texts that name it, and describe the right one under places: in the config"
}

// sorted returns errors in the order of the stream, without duplicates. Errors without a
// position come last.
func sorted(errs []error) []error {
	slices.SortStableFunc(errs, func(a, b error) int {
		p, q := position(a), position(b)
		return cmp.Or(cmp.Compare(p.Document, q.Document), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column), strings.Compare(a.Error(), b.Error()))
	})
	return slices.CompactFunc(errs, func(a, b error) bool { return a.Error() == b.Error() })
}

func position(err error) InputError {
	if input, ok := errors.AsType[*InputError](err); ok {
		return *input
	}
	return InputError{Document: 1 << 62}
}

// inputError returns an error about the value at an offset of a document.
func (d *document) inputError(object string, offset int, format string, args ...any) *InputError {
	line, column := d.lines.Position(offset)
	return &InputError{Document: d.Number, Source: d.source, Object: object,
		Line: d.first + line - 1, Column: column, Problem: fmt.Sprintf(format, args...)}
}

// patchError adds the position in the stream to an error of package manifest.
func (d *document) patchError(object string, err error) error {
	if place, ok := errors.AsType[*manifest.PlaceError](err); ok {
		return d.inputError(object, place.Offset, "%v", place)
	}
	if syntax, ok := errors.AsType[*manifest.SyntaxError](err); ok {
		return d.inputError(object, syntax.Offset, "%v", syntax)
	}
	return err
}

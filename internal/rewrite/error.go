package rewrite

import (
	"errors"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// InputError says which manifest cannot be used as it is, and where. It never
// quotes the manifest, which may be a Secret.
type InputError struct {
	Document int    // number in the stream, from 1
	Source   string // the chart's template, where Helm tells it
	Object   string // such as ConfigMap upbound-system/values
	Line     int    // in the stream, from 1
	Column   int    // from 1, in characters
	Problem  string
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

// BadInput marks the error as one about the input.
func (e *InputError) BadInput() {}

// MissingError says that components have no place in the manifests.
type MissingError struct {
	Components  []string
	NoManifests bool // the stream is empty
}

func (e *MissingError) Error() string {
	if e.NoManifests {
		return e.Warning() + "; check what should write them, or pass --on-missing warn where nothing is fine"
	}
	return e.Warning() + "; `spaces-identity inspect` shows what names it in the manifests: point at that under places: in the config, or pass --on-missing warn to go on without"
}

// Warning is what is missing, without what to do about it.
func (e *MissingError) Warning() string {
	components := strings.Join(e.Components, ", ")
	if e.NoManifests {
		return "no manifests came in, so there is no place for " + components
	}
	return fmt.Sprintf("no place found for %s: no ServiceAccount of that name, no pod template that runs as it, no values at its path", components)
}

// inputError places a problem at an offset of a document.
func (d *document) inputError(object string, offset int, problem string) *InputError {
	line, column := d.lines.Position(offset)
	return &InputError{Document: d.Number, Source: manifest.Source(d.text), Object: object,
		Line: d.first + line - 1, Column: column, Problem: problem}
}

// patchError places what the manifest package says of a document.
func (d *document) patchError(object string, err error) error {
	if place, ok := errors.AsType[*manifest.PlaceError](err); ok {
		return d.inputError(object, place.Offset, place.Error())
	}
	if syntax, ok := errors.AsType[*manifest.SyntaxError](err); ok {
		return d.inputError(object, syntax.Offset, "this is not valid YAML: "+syntax.Problem)
	}
	return err
}

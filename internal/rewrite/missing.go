package rewrite

import (
	"bytes"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// missing is the error for components without a place, or a warning where the
// user asked for one.
func (r *run) missing() error {
	var without []string
	for _, c := range r.spec.Components {
		switch {
		case !r.has(c, isPlace):
			without = append(without, c.Name)
		case c.Mode.UsesIRSA() && !r.has(c, takesRole):
			r.warn("%s: its pods are in the manifests, but neither its ServiceAccount nor values for it, so nothing here gives it the role", c.Name)
		}
	}
	if len(without) == 0 {
		return nil
	}
	err := &MissingError{Components: without, NoManifests: len(bytes.TrimSpace(r.stream)) == 0}
	if r.options.OnMissing == MissingWarns {
		r.warn("%s", err.Warning())
		return nil
	}
	return err
}

// has reports whether a finding of the component is of a kind.
func (r *run) has(c identity.Component, kind func(Finding) bool) bool {
	return slices.ContainsFunc(r.result.Findings, func(f Finding) bool { return f.Component == c.Name && kind(f) })
}

// isPlace reports whether a finding is a place, and no mere mention.
func isPlace(f Finding) bool { return f.Place != MentionPlace }

// takesRole reports whether a finding is where a role's annotation goes.
func takesRole(f Finding) bool { return f.Place == ServiceAccountPlace || f.Place == CarrierPlace }

package desired

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Value is a value of the Spaces chart.
type Value struct {
	Path identity.Path // of mapping keys
	Text string        // always a string
}

// ErrSamePlace is the cause of an error about two components that need different values at
// one place.
var ErrSamePlace = identity.WithHint("change values.path or places in the config, so that each component has a place of its own", "two components have one place")

// sameValueError names two components that need different values at one path of the chart.
type sameValueError struct {
	first, second string
	path          identity.Path
}

func (e *sameValueError) Error() string {
	return fmt.Sprintf("the components %s and %s need different values at %s", e.first, e.second, e.path)
}

// Unwrap returns the cause.
func (e *sameValueError) Unwrap() error { return ErrSamePlace }

// BadInput marks the error as one about the config.
func (e *sameValueError) BadInput() {}

// Values returns the values of the chart that give the components their identity, in
// the order of the components. A component without a values path has none. The error
// names the roles that are missing, or the components that need one value.
func (s State) Values() ([]Value, error) {
	if err := s.Require(NeedManifests); err != nil {
		return nil, err
	}
	type owner struct{ component, text string }
	owners := map[string]owner{}
	var all []Value
	var problems []error
	for _, c := range s.Components {
		for _, v := range c.chartValues() {
			path := v.Path.String()
			if o, ok := owners[path]; ok && o.text != v.Text {
				problems = append(problems, &sameValueError{o.component, c.Name, v.Path})
				continue
			}
			owners[path] = owner{c.Name, v.Text}
			all = append(all, v)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return all, nil
}

// chartValues returns the values of the chart that give the component its identity.
func (c Component) chartValues() []Value {
	var all []Value
	add := func(below []string, pairs map[string]string) {
		if len(c.Values.Component) == 0 || len(below) == 0 {
			return
		}
		for _, key := range metadataKeys(pairs) {
			path := identity.Path{}.Field(append(slices.Concat(c.Values.Component, below), key)...)
			all = append(all, Value{path, pairs[key]})
		}
	}
	add(c.Values.Annotations, c.Annotations)
	add(c.Values.PodLabels, c.PodLabels)
	for _, setting := range c.Settings {
		all = append(all, Value{identity.Path{}.Field(setting.Path...), setting.Value})
	}
	return all
}

// metadataKeys returns the keys of annotations or labels, sorted, but the role's first.
func metadataKeys(pairs map[string]string) []string {
	keys := slices.Sorted(maps.Keys(pairs))
	if i := slices.Index(keys, identity.RoleAnnotation); i > 0 {
		keys = slices.Insert(slices.Delete(keys, i, i+1), 0, identity.RoleAnnotation)
	}
	return keys
}

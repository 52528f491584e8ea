package desired

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Value is a value of the Spaces chart.
type Value struct {
	Path identity.Path // of mapping keys
	Text string        // always a string
}

// Values returns the values of the chart that give the components their identity, in
// the order of the components. A component without a values path has none. The error
// names the roles that are missing.
func (s State) Values() ([]Value, error) {
	if err := s.Require(NeedManifests); err != nil {
		return nil, err
	}
	var all []Value
	for _, c := range s.Components {
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
	}
	return all, nil
}

// metadataKeys returns the keys of annotations or labels, sorted, but the role's first.
func metadataKeys(pairs map[string]string) []string {
	keys := slices.Sorted(maps.Keys(pairs))
	if i := slices.Index(keys, identity.RoleAnnotation); i > 0 {
		keys = slices.Insert(slices.Delete(keys, i, i+1), 0, identity.RoleAnnotation)
	}
	return keys
}

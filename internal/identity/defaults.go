package identity

import "slices"

// withDefaults fills what the user left open: one component mxp-controller
// where none is listed, what the chart says of known components, the mode irsa,
// the quota and the artifacts' directory. A place without a component is the
// first one's. Namespaces come out sorted, each once.
func (s Settings) withDefaults() Settings {
	s.ControlPlanes.Namespaces = sortedUnique(s.ControlPlanes.Namespaces)
	if len(s.Components) == 0 {
		s.Components = []Component{{Name: DefaultComponent}}
	}
	s.Components = slices.Clone(s.Components)
	for i, c := range s.Components {
		s.Components[i] = c.withDefaults()
	}
	s.Places = slices.Clone(s.Places)
	for i := range s.Places {
		if s.Places[i].Component == "" {
			s.Places[i].Component = s.Components[0].Name
		}
	}
	if s.TrustPolicyQuota == 0 {
		s.TrustPolicyQuota = DefaultTrustPolicyQuota
	}
	if s.ArtifactsDir == "" {
		s.ArtifactsDir = DefaultArtifactsDir
	}
	return s
}

func (c Component) withDefaults() Component {
	if c.Mode == "" {
		c.Mode = IRSA
	}
	chart, _ := Known(c.Name)
	if c.ServiceAccount == "" {
		c.ServiceAccount = chart.ServiceAccount
	}
	c.Values = c.Values.or(chart.Values)
	c.Settings = chart.Settings
	return c
}

// or takes each path that is not set from the other.
func (v ValuesPaths) or(other ValuesPaths) ValuesPaths {
	if len(v.Component) == 0 {
		v.Component = other.Component
	}
	if len(v.Annotations) == 0 {
		v.Annotations = other.Annotations
	}
	if len(v.PodLabels) == 0 {
		v.PodLabels = other.PodLabels
	}
	return v
}

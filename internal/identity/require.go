package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Need is a setting that a command's output cannot do without.
type Need int

// What the commands need. The account and the partition stand in the role's
// ARN.
const (
	NeedRole Need = iota
	NeedOIDCProvider
	NeedBucket
	NeedClusterName
	NeedRegion
	NeedAccount
)

// Missing is one setting that is needed and not there.
type Missing struct {
	What string // such as "bucket"
	Key  string // in the config, such as components[0].bucket
	Flag string // such as --bucket or --component vector --bucket; empty where no flag reaches it
}

// MissingError says all that a component's output lacks.
type MissingError struct {
	Component string
	Missing   []Missing
}

// Error names each missing setting, its key in the config and its flag.
func (e *MissingError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "component %s lacks what this needs:", e.Component)
	for _, m := range e.Missing {
		fmt.Fprintf(&b, "\n  %s: set %s in the config", m.What, m.Key)
		if m.Flag != "" {
			fmt.Fprintf(&b, ", or give %s", m.Flag)
		}
	}
	return b.String()
}

// BadInput marks the error as one about the config.
func (e *MissingError) BadInput() {}

// Require asks for the settings that an output of the component needs, in every
// cluster. The error is a *MissingError that names all that is not set.
func (s Spec) Require(component string, needs ...Need) error {
	var missing []Missing
	for _, need := range needs {
		for _, m := range s.missing(component, need) {
			if !slices.Contains(missing, m) {
				missing = append(missing, m)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &MissingError{Component: component, Missing: missing}
}

func (s Spec) missing(component string, need Need) []Missing {
	c, key := s.componentAt(component)
	flag := flagOf(component)
	switch need {
	case NeedRole, NeedAccount: // the account stands in the role's ARN
		return unless(!c.Role.IsZero(), Missing{"the role's ARN", key + ".roleARN", flag + "--role-arn"})
	case NeedBucket:
		return unless(c.Bucket != "", Missing{"the bucket", key + ".bucket", flag + "--bucket"})
	case NeedOIDCProvider:
		return s.eachCluster("the OIDC provider", "oidcProvider", "--oidc-provider", func(c Cluster) bool { return !c.OIDC.IsZero() })
	case NeedClusterName:
		return s.eachCluster("the cluster's name", "name", "--cluster", func(c Cluster) bool { return c.Name != "" })
	case NeedRegion:
		return s.eachCluster("the cluster's region", "region", "--region", func(c Cluster) bool { return c.Region != "" })
	}
	return nil
}

// flagOf is what stands before a component's flag so that it speaks of this one.
func flagOf(component string) string {
	if component == DefaultComponent {
		return ""
	}
	return "--component " + component + " "
}

// componentAt finds the component and its place in the config. One that is not
// listed would come last.
func (s Spec) componentAt(name string) (Component, string) {
	for i, c := range s.Components {
		if c.Name == name {
			return c, fmt.Sprintf("components[%d]", i)
		}
	}
	return Component{}, fmt.Sprintf("components[%d]", len(s.Components))
}

func (s Spec) eachCluster(what, key, flag string, has func(Cluster) bool) []Missing {
	missing := unless(has(s.Cluster), Missing{what, "cluster." + key, flag})
	for i, c := range s.AdditionalClusters {
		m := Missing{what, fmt.Sprintf("additionalClusters[%d].%s", i, key), ""}
		missing = append(missing, unless(has(c), m)...)
	}
	return missing
}

func unless(set bool, m Missing) []Missing {
	if set {
		return nil
	}
	return []Missing{m}
}

// TrustNeeds are the settings that the component's trust cannot do without: its
// role, and what its mode names the cluster by.
func (c Component) TrustNeeds() []Need {
	needs := []Need{NeedRole}
	if c.Mode.UsesIRSA() {
		needs = append(needs, NeedOIDCProvider)
	}
	if c.Mode.UsesPodIdentity() {
		needs = append(needs, NeedClusterName, NeedRegion)
	}
	return needs
}

// RequireRoles asks for the one setting that manifests need: the role of each
// component that an annotation gives it. The errors come joined.
func (s Spec) RequireRoles() error {
	var problems []error
	for _, c := range s.Components {
		if c.Mode.UsesIRSA() {
			problems = append(problems, s.Require(c.Name, NeedRole))
		}
	}
	return errors.Join(problems...)
}

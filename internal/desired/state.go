// Package desired derives the desired state from a config: the annotations and labels in
// the cluster, and the roles, policies, providers and associations in AWS. No other
// package has these rules. Other packages print the [State], or compare it with
// manifests, AWS or the cluster. The package does no I/O.
package desired

import (
	"cmp"
	"maps"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// State is the desired state of a config. The program derives it once per run.
type State struct {
	Components []Component        // in the order of the config
	Clusters   []identity.Cluster // the cluster of the config, then the additional ones
	Warnings   []string           // from WithServiceAccounts

	spec identity.Spec
}

// Component is the part of the desired state of one component that can be derived from any
// config, even if optional settings are missing.
type Component struct {
	identity.Component
	Accounts    []string          // the names that its ServiceAccount may have on the host cluster
	Annotations map[string]string // of its ServiceAccounts, the role's included
	Subjects    Subjects          // the namespaces whose ServiceAccount may use the role
}

// Of derives the state of a config.
func Of(spec identity.Spec) State {
	s := State{Clusters: spec.AllClusters(), spec: spec}
	for _, c := range spec.Components {
		s.Components = append(s.Components, Component{c, c.HostAccounts(), annotationsOf(c), subjectsOf(c, spec.ControlPlanes)})
	}
	return s
}

// Spec returns the config that the state was derived from.
func (s State) Spec() identity.Spec { return s.spec }

// annotationsOf returns the annotations of a component's ServiceAccounts. The role's
// annotation is among them if the mode uses IRSA and the config has a role.
func annotationsOf(c identity.Component) map[string]string {
	all := maps.Clone(c.ExtraAnnotations)
	if c.Mode.UsesIRSA() && !c.Role.IsZero() {
		if all == nil {
			all = map[string]string{}
		}
		all[identity.RoleAnnotation] = c.Role.String()
	}
	return all
}

// Component returns the component of that name.
func (s State) Component(name string) (Component, bool) {
	return s.find(func(c Component) bool { return c.Name == name })
}

// ComponentsOf returns the components that run as a service account. If it is that of a
// component with a namespace of its own, other components do not run as it. If the namespace
// is empty, it is not known, and may be any. The result may share memory with s.
func (s State) ComponentsOf(namespace, account string) []Component {
	var own, all []Component
	for i := range s.Components {
		switch c := &s.Components[i]; {
		case !c.HasAccount(account):
		case c.Namespace == "" || namespace == "":
			all = s.with(all, i)
		case c.Namespace == namespace:
			own = s.with(own, i)
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// with appends a component. The first one is not copied: most service accounts have only one
// component, and a render asks for those of every object.
func (s State) with(components []Component, i int) []Component {
	if components == nil {
		return s.Components[i : i+1 : i+1]
	}
	return append(components, s.Components[i])
}

// HasAccount reports whether the component's ServiceAccount may have the name.
func (c *Component) HasAccount(name string) bool { return slices.Contains(c.Accounts, name) }

// InControlPlanes returns the components that run in every host namespace.
func (s State) InControlPlanes() []Component {
	return slices.DeleteFunc(slices.Clone(s.Components), func(c Component) bool { return c.Namespace != "" })
}

// HasAdmissionPolicy reports whether an admission policy sets the component's annotations and
// labels: the config asks for one, and the component runs in host namespaces.
func (s State) HasAdmissionPolicy(c Component) bool {
	return s.spec.AdmissionPolicy != identity.NoAdmissionPolicy && c.Namespace == ""
}

// NeedsControlPlanes reports whether a component runs in every host namespace.
func (s State) NeedsControlPlanes() bool { return len(s.InControlPlanes()) > 0 }

func (s State) find(is func(Component) bool) (Component, bool) {
	i := slices.IndexFunc(s.Components, is)
	if i < 0 {
		return Component{}, false
	}
	return s.Components[i], true
}

// Places returns the places that the config describes.
func (s State) Places() []identity.Place { return s.spec.Places }

// WithPlaces returns the state of a config that describes more places.
func (s State) WithPlaces(places ...identity.Place) State {
	s.spec.Places = slices.Concat(s.spec.Places, places)
	return s
}

// WithRole returns the state in which every component without a role has this one, for
// output that shows where the role would be set.
func (s State) WithRole(role identity.RoleARN) State {
	s.Components = slices.Clone(s.Components)
	for i, c := range s.Components {
		if c.Role.IsZero() {
			c.Role = role
			c.Annotations = annotationsOf(c.Component)
			s.Components[i] = c
		}
	}
	return s
}

// ServiceAccounts returns the names that the components' service accounts may have on the
// host cluster, sorted, each once.
func (s State) ServiceAccounts() []string { return accountsOf(s.Components) }

// ControlPlaneAccounts returns the names that service accounts may have in host namespaces,
// sorted, each once.
func (s State) ControlPlaneAccounts() []string { return accountsOf(s.InControlPlanes()) }

func accountsOf(components []Component) []string {
	var names []string
	for _, c := range components {
		names = append(names, c.Accounts...)
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// withRole returns the components that use the role, in the order of the config.
func (s State) withRole(role identity.RoleARN) []Component {
	return slices.DeleteFunc(slices.Clone(s.Components), func(c Component) bool { return c.Role != role })
}

// Role is the desired state of an IAM role. Components may share one.
type Role struct {
	ARN          identity.RoleARN
	Components   []Component
	TrustPolicy  iam.Document
	Policies     []Policy // inline, for the components that have permissions
	Providers    []Provider
	Associations []Association // of all components, sorted by cluster, namespace and service account

	Tags               map[string]string    // of everything that the program creates for the role
	Boundary           identity.PolicyARN   // zero if the config names none
	MaxSessionDuration int                  // seconds; 0 if the config does not say
	ManagedPolicies    []identity.PolicyARN // that the components ask for, each once, sorted
}

// withLimits returns the role with what the config says about it besides its policies.
// Components that share a role agree on the settings that a role has only once.
func (r Role) withLimits(s State) Role {
	r.Tags = s.Tags()
	for _, c := range r.Components {
		if !c.PermissionsBoundary.IsZero() {
			r.Boundary = c.PermissionsBoundary
		}
		r.MaxSessionDuration = cmp.Or(r.MaxSessionDuration, c.MaxSessionDuration)
		r.ManagedPolicies = append(r.ManagedPolicies, without(c.ManagedPolicies, r.ManagedPolicies)...)
	}
	slices.SortFunc(r.ManagedPolicies, func(a, b identity.PolicyARN) int { return cmp.Compare(a.String(), b.String()) })
	return r
}

// Policy is an inline policy of a role.
type Policy struct {
	Name      string
	Component string
	Document  iam.Document
}

// Provider is an OIDC provider that IAM must have.
type Provider struct {
	ARN      string
	URL      string // of the issuer: https://host/path
	Audience string
	Cluster  identity.Cluster
}

// Roles returns the desired state in AWS. The roles are in the order in which the
// components name them. The error names every missing setting of every component, or is
// one of [State.TrustPolicy] or [State.Associations].
func (s State) Roles() ([]Role, error) {
	if err := s.Require(NeedTrust); err != nil {
		return nil, err
	}
	var roles []Role
	for _, c := range s.Components {
		if slices.ContainsFunc(roles, func(r Role) bool { return r.ARN == c.Role }) {
			continue
		}
		role, err := s.role(c.Role)
		if err != nil {
			return nil, err
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func (s State) role(arn identity.RoleARN) (Role, error) {
	r := Role{ARN: arn, Components: s.withRole(arn)}.withLimits(s)
	var err error
	if r.TrustPolicy, err = s.TrustPolicy(r.Components[0]); err != nil {
		return r, err
	}
	for _, c := range r.Components {
		r.Providers = append(r.Providers, without(s.Providers(c), r.Providers)...)
		if c.HasAssociations() {
			list, err := s.Associations(c)
			if err != nil {
				return r, err
			}
			r.Associations = append(r.Associations, list...)
		}
		if c.HasPermissions() {
			policy, err := s.Permissions(c)
			if err != nil {
				return r, err
			}
			r.Policies = append(r.Policies, policy)
		}
	}
	slices.SortFunc(r.Associations, func(a, b Association) int {
		return cmp.Or(cmp.Compare(a.ClusterName, b.ClusterName), cmp.Compare(a.Region, b.Region),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.ServiceAccount, b.ServiceAccount))
	})
	return r, nil
}

func without[T comparable](list, other []T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return slices.Contains(other, v) })
}

// Providers returns the OIDC providers that the component's trust policy needs, one
// for each cluster, in the account of its role. Mode pod-identity needs none.
func (s State) Providers(c Component) []Provider {
	if !c.Mode.UsesIRSA() {
		return nil
	}
	var all []Provider
	for _, cluster := range s.Clusters {
		all = append(all, Provider{ARN: cluster.OIDC.ARN(c.Role), URL: "https://" + cluster.OIDC.HostPath, Audience: identity.Audience, Cluster: cluster})
	}
	return all
}

// ProvidersOf returns the OIDC providers of roles, each once, in the order of the clusters.
func ProvidersOf(roles []Role) []Provider {
	var all []Provider
	for _, r := range roles {
		all = append(all, without(r.Providers, all)...)
	}
	return all
}

// UsesPodIdentity reports whether a component needs associations. Each cluster then also
// needs the agent.
func (s State) UsesPodIdentity() bool {
	return slices.ContainsFunc(s.Components, func(c Component) bool { return c.Mode.UsesPodIdentity() })
}

// UsesIRSA reports whether a component needs OIDC providers.
func (s State) UsesIRSA() bool {
	return slices.ContainsFunc(s.Components, func(c Component) bool { return c.Mode.UsesIRSA() })
}

package desired

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Subjects are the host namespaces whose service account may use a role.
type Subjects struct {
	Namespaces []string       // exact names, sorted, each once
	Match      identity.Match // a pattern that admits more namespaces
}

// subjectsOf returns the component's own namespace, or else those of the control planes.
func subjectsOf(c identity.Component, planes identity.ControlPlanes) Subjects {
	if c.Namespace != "" {
		return Subjects{Namespaces: []string{c.Namespace}}
	}
	return SubjectsIn(planes)
}

// SubjectsIn returns the host namespaces of the control planes that a config names.
func SubjectsIn(planes identity.ControlPlanes) Subjects {
	return Subjects{Namespaces: planes.Namespaces, Match: planes.Match}
}

// ErrNoSubjects says that the config does not tell which control planes may use a role.
var ErrNoSubjects = identity.WithHint("list the host namespaces under controlPlanes.namespaces, "+
	"set controlPlanes.discover: true for commands that can read the cluster, "+
	"or set controlPlanes.match: uuid for every namespace that a Space names", "no control plane is known")

// Empty reports whether nobody is a subject.
func (s Subjects) Empty() bool { return len(s.Namespaces) == 0 && s.Match == "" }

// Admits reports whether the service account of that namespace is a subject.
func (s Subjects) Admits(namespace string) bool {
	return s.Names(namespace) || s.covers(namespace)
}

// Names reports whether the namespace is one of the exact names.
func (s Subjects) Names(namespace string) bool {
	_, named := slices.BinarySearch(s.Namespaces, namespace)
	return named
}

// covers reports whether the pattern admits the namespace by IAM's wildcards, as the trust
// policy does. [identity.Match.Admits] is stricter: for "uuid" it requires hexadecimal
// digits, which a trust policy cannot do.
func (s Subjects) covers(namespace string) bool {
	return s.Match != "" && iam.Like(s.Match.Pattern(), namespace)
}

// exact returns the namespaces that a policy must list. It omits those that the pattern
// covers, to keep the policy short.
func (s Subjects) exact() []string {
	return slices.DeleteFunc(slices.Clone(s.Namespaces), s.covers)
}

// with returns the subjects with more exact namespaces.
func (s Subjects) with(namespaces ...string) Subjects {
	s.Namespaces = slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.Namespaces, namespaces))))
	return s
}

// ServiceAccount is a component's ServiceAccount in a stream of manifests.
type ServiceAccount struct {
	Component string
	Name      string
	Namespace string // empty if the manifest does not set it
}

// WithServiceAccounts returns the state for manifests with these ServiceAccounts. If the
// config names no control planes, the namespaces of found become the subjects. Otherwise
// the state has a warning for each namespace that the config does not cover. It also has
// a warning for a namespace that is missing or invalid. For a component with a namespace of
// its own the manifests change nothing.
func (s State) WithServiceAccounts(found []ServiceAccount) State {
	named := !subjectsOf(identity.Component{}, s.spec.ControlPlanes).Empty()
	s.Components, s.Warnings = slices.Clone(s.Components), slices.Clone(s.Warnings)
	warned := map[string]bool{}
	for _, text := range s.Warnings {
		warned[text] = true
	}
	warn := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !warned[text] {
			warned[text] = true
			s.Warnings = append(s.Warnings, text)
		}
	}
	more := make([][]string, len(s.Components)) // namespaces by component
	for _, sa := range found {
		i := slices.IndexFunc(s.Components, func(c Component) bool { return c.Name == sa.Component })
		if i < 0 || s.Components[i].Namespace != "" {
			continue
		}
		c := s.Components[i]
		covered, err := c.Subjects.Admits(sa.Namespace), identity.ValidateNamespace(sa.Namespace)
		switch {
		case sa.Namespace == "":
			warn("the ServiceAccount %s has no namespace in the manifests, so the trust policy does not admit it; "+
				"if it should have the role, list its namespace under controlPlanes.namespaces", sa.Name)
		case err != nil:
			warn("the namespace of a ServiceAccount %s is not valid, so the trust policy does not admit it: %v", sa.Name, err)
		case !named, covered && c.Mode.UsesPodIdentity(): // even if the pattern covers it, an association needs its name
			more[i] = append(more[i], sa.Namespace)
		case !covered:
			warn("the ServiceAccount %s/%s gets the annotation, but the config does not name its namespace, so the trust policy does not admit it; "+
				"list it under controlPlanes.namespaces if it should have the role", sa.Namespace, sa.Name)
		}
	}
	for i, namespaces := range more {
		s.Components[i].Subjects = s.Components[i].Subjects.with(namespaces...)
	}
	return s
}

// Warnings returns what a user should know about the component's access in AWS.
func (c Component) Warnings() []string {
	var all []string
	if c.Mode.UsesPodIdentity() && !c.HasAssociations() {
		all = append(all, c.Name+" has no associations: each needs the exact name of its namespace, but the config has only a pattern; "+
			"list the host namespaces under controlPlanes.namespaces, or set controlPlanes.discover: true for commands that can read the cluster")
	}
	if text := c.TagsWarning(); text != "" {
		all = append(all, text)
	}
	if c.Mode == identity.Both {
		all = append(all, c.Name+": "+OverrideWarning)
	}
	return all
}

// TagsWarning returns a warning if the component disables session tags.
func (c Component) TagsWarning() string {
	if !c.Mode.UsesPodIdentity() || !c.PodIdentity.DisableSessionTags {
		return ""
	}
	text := c.Name + ": without session tags AWS offers no condition on the subject, so the trust policy is limited by " + SourceAccountKey +
		" and " + SourceARNKey + " only: any association of these clusters can use the role, in every namespace and for every service account"
	if c.IsScoped() {
		text += "; podIdentity.scope: controlPlane limits the associations of this config to the backups of their own control planes, but not others"
	}
	return text
}

// Reach lists the known namespaces that a pattern admits, and examples of others.
type Reach struct {
	Match    identity.Match `json:"match"`
	Pattern  string         `json:"pattern"` // in IAM's wildcards
	Covers   []string       `json:"covers"`  // known namespaces that it admits
	Misses   []string       `json:"misses"`  // known namespaces that it does not admit
	Beyond   []string       `json:"beyond"`  // examples of what else it admits
	Warnings []string       `json:"warnings,omitempty"`
}

// Reach shows what the pattern of the subjects admits.
func (s Subjects) Reach() Reach {
	r := Reach{Match: s.Match, Pattern: s.Match.Pattern()}
	if s.Match == "" {
		return r
	}
	for _, ns := range s.Namespaces {
		if s.covers(ns) {
			r.Covers = append(r.Covers, ns)
		} else {
			r.Misses = append(r.Misses, ns)
		}
	}
	r.Beyond = s.examples()
	r.Warnings = s.reachWarnings()
	return r
}

// examples returns up to three namespaces that the pattern admits and the config does not
// name.
func (s Subjects) examples() []string {
	var out []string
	for _, fill := range [][2]string{{"someone-else", "0"}, {"x", "x"}, {"prod", "z"}} {
		name := strings.NewReplacer("*", fill[0], "?", fill[1]).Replace(s.Match.Pattern())
		if identity.ValidateNamespace(name) == nil && !s.Names(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// commonNamespaces never belong to a control plane.
//
// Source: Kubernetes documentation, "Namespaces: Initial namespaces"; the Spaces
// chart is installed into upbound-system.
var commonNamespaces = []string{"kube-system", "default", "kube-public", "kube-node-lease", "upbound-system"}

func (s Subjects) reachWarnings() []string {
	var out []string
	pattern := s.Match.Pattern()
	for _, ns := range commonNamespaces {
		if s.covers(ns) {
			out = append(out, fmt.Sprintf("the pattern %s admits the namespace %s, which does not belong to a control plane", pattern, ns))
		}
	}
	const fewest = 4
	if fixed := len(strings.NewReplacer("*", "", "?", "").Replace(pattern)); fixed < fewest {
		out = append(out, fmt.Sprintf("the pattern %s has only %d characters that are not wildcards; "+
			"whoever may create a namespace of that form gets the role", pattern, fixed))
	}
	return out
}

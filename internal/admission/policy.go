package admission

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Group is the API group of the policies; they are stable (v1) from Kubernetes
// 1.36.
const Group = "admissionregistration.k8s.io"

// The kinds of the objects.
const (
	KindPolicy  = "MutatingAdmissionPolicy"
	KindBinding = "MutatingAdmissionPolicyBinding"
)

// Object is a policy or a binding as YAML, without a document marker. It is
// deterministic.
type Object struct {
	Component string
	Kind      string
	Name      string
	Text      []byte
}

// Objects are the policies and bindings that deliver what the spec asks for: for
// each component that has anything to deliver a policy for its ServiceAccounts,
// and where it has pod labels another for its pods, each with its binding.
//
// An error says that a role is missing, or that nothing tells the control planes'
// namespaces ([iam.ErrNoSubjects]), or that they would admit too much.
func Objects(spec identity.Spec) ([]Object, error) {
	var all []Object
	for _, c := range spec.Components {
		objects, err := ofComponent(spec, c)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	return all, nil
}

// Render is the YAML stream of objects.
func Render(objects []Object) []byte {
	var b bytes.Buffer
	for i, o := range objects {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(o.Text)
	}
	return b.Bytes()
}

// Annotations are what a policy puts on a component's ServiceAccounts: in
// pod-identity mode nothing but what the user adds, because an association
// carries the role.
func Annotations(c identity.Component) map[string]string {
	all := maps.Clone(c.ExtraAnnotations)
	if c.Mode.UsesIRSA() {
		if all == nil {
			all = map[string]string{}
		}
		all[identity.RoleAnnotation] = c.Role.String()
	}
	return all
}

func ofComponent(spec identity.Spec, c identity.Component) ([]Object, error) {
	annotations := Annotations(c)
	if len(annotations) == 0 && len(c.PodLabels) == 0 {
		return nil, nil
	}
	if c.Mode.UsesIRSA() {
		if err := spec.Require(c.Name, identity.NeedRole); err != nil {
			return nil, err
		}
	}
	scopes, err := scopesOf(spec.ControlPlanes)
	if err != nil {
		return nil, fmt.Errorf("admission policy of %s: %w", c.Name, err)
	}
	var all []Object
	for _, scope := range scopes {
		if len(annotations) > 0 {
			all = append(all, pair(c, serviceAccountPolicy(c, annotations, scope, failurePolicy(spec)))...)
		}
		if len(c.PodLabels) > 0 {
			all = append(all, pair(c, podPolicy(c, scope, failurePolicy(spec)))...)
		}
	}
	return all, checkNames(all)
}

func failurePolicy(spec identity.Spec) identity.FailurePolicy {
	if spec.FailurePolicy == "" {
		return identity.FailureIgnored
	}
	return spec.FailurePolicy
}

// checkNames refuses names that Kubernetes would: a component may have one so
// long that nothing fits around it.
func checkNames(objects []Object) error {
	for _, o := range objects {
		if err := identity.ValidateObjectName(o.Name); err != nil {
			return fmt.Errorf("the admission policy of %s cannot have its name: %w", o.Component, err)
		}
	}
	return nil
}

// NamespaceLabel is the label by which Spaces marks the host namespace of a
// control plane. It is not part of the published API: seen in the command line
// reference.
const NamespaceLabel = "internal.spaces.upbound.io/controlplane-name"

// scope is one way to tell the control planes' namespaces: an expression on their
// names, or a label that they have. A policy has one scope: its conditions see
// the name of a namespace and not its labels, its selector sees the labels only.
type scope struct {
	suffix    string // of the policy's name
	condition string // in CEL; empty for every namespace that has the label
	label     string
}

// scopesOf are the ways in which the config tells the namespaces: those listed
// and those that match in one, and with discover those that Spaces has labelled.
func scopesOf(planes identity.ControlPlanes) ([]scope, error) {
	subjects := iam.Subjects{Namespaces: planes.Namespaces, Match: planes.Match}
	named := len(planes.Namespaces) > 0 || planes.Match != ""
	if err := subjects.Check(); err != nil && (named || !planes.Discover) {
		return nil, err
	}
	var scopes []scope
	if named {
		scopes = append(scopes, scope{condition: nameCondition(planes)})
	}
	if planes.Discover {
		scopes = append(scopes, scope{suffix: ".labelled", label: NamespaceLabel})
	}
	return scopes, nil
}

func nameCondition(planes identity.ControlPlanes) string {
	var ways []string
	if len(planes.Namespaces) > 0 {
		names := slices.Compact(slices.Sorted(slices.Values(planes.Namespaces)))
		ways = append(ways, "request.namespace in "+literals(names))
	}
	if planes.Match != "" {
		ways = append(ways, "request.namespace.matches("+literal(pattern(planes.Match))+")")
	}
	return strings.Join(ways, " || ")
}

// encode writes an object. The types of this package always encode.
func encode(object any) []byte {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(object); err != nil {
		panic(err)
	}
	if err := e.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

package export

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// AdmissionGroup is the API group of Kubernetes' own admission policies. Its version v1
// exists since Kubernetes 1.36.
const AdmissionGroup = "admissionregistration.k8s.io"

// The kinds of the objects.
const (
	PolicyKind  = "MutatingAdmissionPolicy"
	BindingKind = "MutatingAdmissionPolicyBinding"
)

// Object is an admission policy or its binding.
type Object struct {
	Component string
	Group     string // of its API
	Kind      string
	Name      string
	Text      []byte // YAML without a document marker
}

// AdmissionPolicies returns the admission policies of a kind that set the identity on
// ServiceAccounts and pods when these are created or updated. So control planes that are
// created later get the identity too. A component with a namespace of its own has none. Each
// other component has one policy for its ServiceAccounts if they get annotations, and one
// for its pods if they get labels. A native policy has a binding too. Each policy applies
// only to the control planes' namespaces.
//
// The objects belong to the Helm release that contains them. [AppliedPolicies] has those
// that a user applies.
//
// Values of the config stay data: a value becomes a CEL string literal, and a pattern
// becomes an anchored regular expression of quoted parts.
//
// The error names the roles that are missing, or is [desired.ErrNoSubjects]. It may also
// say that the name of a policy is too long, because that of its component is.
//
// Source: Kubernetes documentation, "Mutating Admission Policy" (stable since 1.36).
func AdmissionPolicies(s desired.State, kind identity.AdmissionPolicy) ([]Object, error) {
	return admissionPolicies(s, kind, "")
}

// AppliedSuffix ends the names of the objects that a user applies.
const AppliedSuffix = ".applied"

// AppliedPolicies returns the same objects under names of their own, for a user who applies
// them. Helm does not install or upgrade a release whose objects exist without it.
//
// Source: Helm documentation, "helm upgrade": --take-ownership.
func AppliedPolicies(s desired.State, kind identity.AdmissionPolicy) ([]Object, error) {
	return admissionPolicies(s, kind, AppliedSuffix)
}

func admissionPolicies(s desired.State, kind identity.AdmissionPolicy, suffix string) ([]Object, error) {
	policyFor := nativePolicy
	if kind == identity.KyvernoAdmissionPolicy {
		policyFor = kyvernoPolicy
	}
	if err := s.Require(desired.NeedManifests); err != nil {
		return nil, err
	}
	var all []Object
	scopes := scopesOf(s.Spec().ControlPlanes)
	for _, c := range s.InControlPlanes() {
		if len(c.Annotations)+len(c.PodLabels) > 0 && len(scopes) == 0 {
			return nil, fmt.Errorf("admission policy of %s: %w", c.Name, desired.ErrNoSubjects)
		}
		for _, in := range scopes {
			in.failure = s.Spec().FailurePolicy
			in.suffix += suffix
			if len(c.Annotations) > 0 {
				all = append(all, policyFor(c, "serviceaccounts", in, serviceAccountPolicy(c, in))...)
			}
			if len(c.PodLabels) > 0 {
				all = append(all, policyFor(c, "pods", in, podPolicy(c, in))...)
			}
		}
	}
	for _, o := range all {
		if err := checkPolicyName(o); err != nil {
			return nil, fmt.Errorf("admission policy of %s: %w", o.Component, err)
		}
	}
	return all, nil
}

// Stream returns the objects as a YAML stream.
func Stream(objects []Object) []byte {
	texts := make([][]byte, len(objects))
	for i, o := range objects {
		texts[i] = o.Text
	}
	return bytes.Join(texts, []byte("---\n"))
}

// scope is one way to select the control planes' namespaces: a condition on their names,
// or a label. Each way needs policies of its own: the conditions of a policy can read only
// the name of a namespace, and its selector only the labels.
type scope struct {
	suffix    string // of the policy's name
	condition string // in CEL; empty for all namespaces with the label
	label     string
	failure   identity.FailurePolicy
}

// scopesOf returns the scopes of a config. One is for the namespaces that it lists or that
// match its pattern. With discover, another is for those that have the label.
func scopesOf(planes identity.ControlPlanes) []scope {
	var ways []string
	if len(planes.Namespaces) > 0 {
		ways = append(ways, "request.namespace in "+literals(planes.Namespaces))
	}
	if planes.Match != "" {
		ways = append(ways, "request.namespace.matches("+literal(planes.Match.Regexp())+")")
	}
	var scopes []scope
	if len(ways) > 0 {
		scopes = append(scopes, scope{condition: strings.Join(ways, " || ")})
	}
	if planes.Discover {
		scopes = append(scopes, scope{suffix: ".labelled", label: identity.ControlPlaneLabel})
	}
	return scopes
}

// admissionSpec has the fields of a policy's spec that this program sets in both kinds.
// Kyverno's kind has the fields of Kubernetes' kind, and more.
//
// Source: Kubernetes API reference, MutatingAdmissionPolicy v1
// (admissionregistration.k8s.io).
type admissionSpec struct {
	FailurePolicy      identity.FailurePolicy `yaml:"failurePolicy"`
	ReinvocationPolicy string                 `yaml:"reinvocationPolicy"`
	MatchConstraints   matchConstraints       `yaml:"matchConstraints"`
	MatchConditions    []condition            `yaml:"matchConditions"`
	Mutations          []mutation             `yaml:"mutations"`
}

type matchConstraints struct {
	NamespaceSelector *labelSelector `yaml:"namespaceSelector,omitempty"`
	ResourceRules     []resourceRule `yaml:"resourceRules"`
}

type labelSelector struct {
	MatchExpressions []map[string]string `yaml:"matchExpressions"`
}

type resourceRule struct {
	APIGroups   []string `yaml:"apiGroups,flow"`
	APIVersions []string `yaml:"apiVersions,flow"`
	Operations  []string `yaml:"operations,flow"`
	Resources   []string `yaml:"resources,flow"`
}

type condition struct {
	Name       string `yaml:"name"`
	Expression string `yaml:"expression"`
}

type mutation struct {
	PatchType          string            `yaml:"patchType"`
	ApplyConfiguration map[string]string `yaml:"applyConfiguration"`
}

// policyName returns the name of the policy for a resource of the component.
func policyName(c desired.Component, resource string, in scope) string {
	return "spaces-identity." + c.Name + "." + resource + in.suffix
}

// nativePolicy returns the policy of Kubernetes for a resource of the component, and its
// binding.
func nativePolicy(c desired.Component, resource string, in scope, spec admissionSpec) []Object {
	const api = AdmissionGroup + "/v1"
	name := policyName(c, resource, in)
	return []Object{
		{c.Name, AdmissionGroup, PolicyKind, name, encodeYAML(object{api, PolicyKind, metadata{Name: name}, spec})},
		{c.Name, AdmissionGroup, BindingKind, name, encodeYAML(object{api, BindingKind, metadata{Name: name}, map[string]string{"policyName": name}})},
	}
}

// newPolicy returns the spec of a policy that changes an object if all conditions are
// true. The condition of the scope comes first, so that for objects in other namespaces
// no other condition is evaluated.
func newPolicy(resource string, in scope, conditions []condition, expression string) admissionSpec {
	constraints := matchConstraints{ResourceRules: []resourceRule{{
		APIGroups: []string{""}, APIVersions: []string{"v1"},
		Operations: []string{"CREATE", "UPDATE"}, Resources: []string{resource},
	}}}
	if in.label != "" {
		constraints.NamespaceSelector = &labelSelector{[]map[string]string{{"key": in.label, "operator": "Exists"}}}
	}
	if in.condition != "" {
		conditions = slices.Insert(conditions, 0, condition{"in-a-control-plane", in.condition})
	}
	return admissionSpec{
		FailurePolicy:      cmp.Or(in.failure, identity.FailureIgnored),
		ReinvocationPolicy: "IfNeeded", // another admission plugin may change the object after this one
		MatchConstraints:   constraints,
		MatchConditions:    conditions,
		Mutations:          []mutation{{"ApplyConfiguration", map[string]string{"expression": expression}}},
	}
}

// serviceAccountPolicy returns the policy that annotates the component's ServiceAccounts.
// It does not change an object that has all annotations.
func serviceAccountPolicy(c desired.Component, in scope) admissionSpec {
	lacks := eachPair(c.Annotations, func(key, value string) string {
		return "!(" + key + " in object.metadata.annotations) || object.metadata.annotations[" + key + "] != " + value
	})
	conditions := []condition{
		{"is-the-component", isOneOf("object.metadata.name", c.Accounts)},
		{"lacks-an-annotation", strings.Join(append([]string{"!has(object.metadata.annotations)"}, lacks...), " || ")},
	}
	entries := eachPair(c.Annotations, func(key, value string) string { return key + ": " + value })
	return newPolicy("serviceaccounts", in, conditions, setMetadata("annotations", entries))
}

// podPolicy returns the policy that labels the component's pods. It keeps a label that
// has another value, because a selector may use it. If the selector of a pod's owner no
// longer matched the pod, the owner would replace it again and again.
func podPolicy(c desired.Component, in scope) admissionSpec {
	lacks := eachPair(c.PodLabels, func(key, _ string) string { return "!(" + key + " in object.metadata.labels)" })
	conditions := []condition{
		{"is-the-component", "has(object.spec.serviceAccountName) && " + isOneOf("object.spec.serviceAccountName", c.Accounts)},
		{"lacks-a-label", strings.Join(append([]string{"!has(object.metadata.labels)"}, lacks...), " || ")},
	}
	entries := eachPair(c.PodLabels, func(key, value string) string {
		return "?" + key + ": has(object.metadata.labels) && " + key + " in object.metadata.labels ? optional.none() : optional.of(" + value + ")"
	})
	return newPolicy("pods", in, conditions, setMetadata("labels", entries))
}

// setMetadata returns the CEL object that sets entries of the annotations or labels.
func setMetadata(field string, entries []string) string {
	return "Object{\n  metadata: Object.metadata{\n    " + field + ": {\n      " + strings.Join(entries, ",\n      ") + "\n    }\n  }\n}"
}

// eachPair returns an expression for each pair, sorted by key. Key and value are CEL
// literals.
func eachPair(pairs map[string]string, expression func(key, value string) string) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		all = append(all, expression(literal(key), literal(pairs[key])))
	}
	return all
}

// literal returns a CEL string literal. It escapes quotes, backslashes and all characters
// that are not printable ASCII.
//
// Source: CEL language definition, "String and Bytes Values".
func literal(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isOneOf returns a CEL expression that compares a field with one or more values.
func isOneOf(field string, values []string) string {
	if len(values) == 1 {
		return field + " == " + literal(values[0])
	}
	return field + " in " + literals(values)
}

func literals(values []string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = literal(v)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

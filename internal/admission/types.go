package admission

import (
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// policy is the part of a MutatingAdmissionPolicy that is written.
//
// Source: Kubernetes API reference, MutatingAdmissionPolicy v1
// (admissionregistration.k8s.io).
type policy struct {
	APIVersion string     `yaml:"apiVersion"`
	Kind       string     `yaml:"kind"`
	Metadata   metadata   `yaml:"metadata"`
	Spec       policySpec `yaml:"spec"`
}

type metadata struct {
	Name string `yaml:"name"`
}

type policySpec struct {
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
	MatchExpressions []labelExpression `yaml:"matchExpressions"`
}

type labelExpression struct {
	Key      string `yaml:"key"`
	Operator string `yaml:"operator"`
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
	PatchType          string             `yaml:"patchType"`
	ApplyConfiguration applyConfiguration `yaml:"applyConfiguration"`
}

type applyConfiguration struct {
	Expression string `yaml:"expression"`
}

// binding puts a policy into force.
type binding struct {
	APIVersion string      `yaml:"apiVersion"`
	Kind       string      `yaml:"kind"`
	Metadata   metadata    `yaml:"metadata"`
	Spec       bindingSpec `yaml:"spec"`
}

type bindingSpec struct {
	PolicyName string `yaml:"policyName"`
}

const apiVersion = Group + "/v1"

// pair is a policy with its binding.
func pair(c identity.Component, p policy) []Object {
	name := p.Metadata.Name
	return []Object{
		{c.Name, KindPolicy, name, encode(p)},
		{c.Name, KindBinding, name, encode(binding{apiVersion, KindBinding, metadata{name}, bindingSpec{name}})},
	}
}

// newPolicy is a policy for a core resource that changes an object where every
// condition holds. The scope comes first, so that nothing else is evaluated for
// the objects of others.
func newPolicy(c identity.Component, resource string, in scope, failure identity.FailurePolicy, conditions []condition, expression string) policy {
	constraints := matchConstraints{ResourceRules: []resourceRule{{
		APIGroups: []string{""}, APIVersions: []string{"v1"},
		Operations: []string{"CREATE", "UPDATE"}, Resources: []string{resource},
	}}}
	if in.label != "" {
		constraints.NamespaceSelector = &labelSelector{[]labelExpression{{in.label, "Exists"}}}
	}
	if in.condition != "" {
		conditions = slices.Insert(conditions, 0, condition{"in-a-control-plane", in.condition})
	}
	return policy{apiVersion, KindPolicy, metadata{"spaces-identity." + c.Name + "." + resource + in.suffix}, policySpec{
		FailurePolicy:      failure,
		ReinvocationPolicy: "IfNeeded", // another admission plugin may change the object behind this one
		MatchConstraints:   constraints,
		MatchConditions:    conditions,
		Mutations:          []mutation{{"ApplyConfiguration", applyConfiguration{expression}}},
	}}
}

// serviceAccountPolicy puts the annotations on the component's ServiceAccounts.
// An object that has them all is not touched.
func serviceAccountPolicy(c identity.Component, annotations map[string]string, in scope, failure identity.FailurePolicy) policy {
	missing := "!has(object.metadata.annotations)" + orAny(annotations, func(key, value string) string {
		return "!(" + key + " in object.metadata.annotations) || object.metadata.annotations[" + key + "] != " + value
	})
	conditions := []condition{
		{"is-the-component", "object.metadata.name == " + literal(c.ServiceAccount)},
		{"lacks-an-annotation", missing},
	}
	expression := "Object{\n  metadata: Object.metadata{\n    annotations: {\n      " +
		entries(annotations, func(key, value string) string { return key + ": " + value }) +
		"\n    }\n  }\n}"
	return newPolicy(c, "serviceaccounts", in, failure, conditions, expression)
}

// podPolicy puts the labels on the component's pods. A label that has another
// value is left: a selector may use it, and a pod that its owner's selector no
// longer selects would be made again and again.
func podPolicy(c identity.Component, in scope, failure identity.FailurePolicy) policy {
	missing := "!has(object.metadata.labels)" + orAny(c.PodLabels, func(key, _ string) string {
		return "!(" + key + " in object.metadata.labels)"
	})
	conditions := []condition{
		{"is-the-component", "has(object.spec.serviceAccountName) && object.spec.serviceAccountName == " + literal(c.ServiceAccount)},
		{"lacks-a-label", missing},
	}
	expression := "Object{\n  metadata: Object.metadata{\n    labels: {\n      " +
		entries(c.PodLabels, func(key, value string) string {
			return "?" + key + ": has(object.metadata.labels) && " + key + " in object.metadata.labels ? optional.none() : optional.of(" + value + ")"
		}) +
		"\n    }\n  }\n}"
	return newPolicy(c, "pods", in, failure, conditions, expression)
}

// orAny is the disjunction of a condition on each pair, sorted by key.
func orAny(pairs map[string]string, of func(key, value string) string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		b.WriteString(" || " + of(literal(key), literal(pairs[key])))
	}
	return b.String()
}

package rewrite

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// requirement is one condition of a selector on a label.
type requirement struct {
	key, operator string
	values        []string
}

// requirements returns the conditions of a selector, all of which must hold.
//
// Source: Kubernetes documentation, "Labels and Selectors"; Istio's workloadSelector.
func requirements(selector *manifest.Node) []requirement {
	pairs := []*manifest.Node{selector}
	if isLabelSelector(selector) {
		pairs = []*manifest.Node{selector.Field("matchLabels"), selector.Field("labels")}
	}
	var all []requirement
	for _, mapping := range pairs {
		for key, value := range stringMap(mapping) {
			all = append(all, requirement{withoutSource(key), "In", []string{value}})
		}
	}
	for _, e := range selector.Field("matchExpressions").Items() {
		r := requirement{key: withoutSource(e.Text("key")), operator: e.Text("operator")}
		for _, value := range e.Field("values").Items() {
			r.values = append(r.values, labelValue(value.Resolve()))
		}
		all = append(all, r)
	}
	return all
}

// withoutSource removes the source that Cilium allows before the key of a pod label.
func withoutSource(key string) string {
	return strings.TrimPrefix(strings.TrimPrefix(key, "k8s:"), "any:")
}

// holds reports whether labels fulfil the requirement.
func (r requirement) holds(labels map[string]string) bool {
	value, has := labels[r.key]
	switch r.operator {
	case "In":
		return has && slices.Contains(r.values, value)
	case "NotIn":
		return !has || !slices.Contains(r.values, value)
	case "Exists":
		return has
	case "DoesNotExist":
		return !has
	}
	return true
}

// stringMap returns the labels in a mapping.
func stringMap(n *manifest.Node) map[string]string {
	values := map[string]string{}
	for key, value := range n.AllFields {
		if value = value.Resolve(); value != nil && value.Kind == manifest.Scalar {
			values[key.Resolve().Value] = labelValue(value)
		}
	}
	return values
}

// labelValue returns a label's value. Kubernetes reads null as the empty string.
func labelValue(n *manifest.Node) string {
	if n == nil || n.IsNull() {
		return ""
	}
	return n.Value
}

// Labels with the name of a namespace. Cilium gives the first to pods, and Kubernetes the
// last to namespaces. The values of the other labels that Cilium gives to pods are unknown.
const (
	ciliumNamespace = "io.kubernetes.pod.namespace"
	ciliumLabels    = "io.cilium.k8s."
	namespaceName   = "kubernetes.io/metadata.name"
)

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

// matches reports whether the selector matches the labels of pods in some namespace.
func (s podSelector) matches(labels map[string]string) bool {
	return !slices.ContainsFunc(requirements(s.node), func(r requirement) bool {
		return !r.isOfNamespace() && !r.holds(labels)
	})
}

func (r requirement) isOfNamespace() bool {
	return r.key == ciliumNamespace || strings.HasPrefix(r.key, ciliumLabels)
}

// reaches reports whether the selector may select pods in a namespace. A namespace without
// a name is that of the release, which may be any.
//
// Source: Kubernetes API reference, PodAffinityTerm and NetworkPolicyPeer; Prometheus
// operator API reference, NamespaceSelector; Cilium documentation, "Namespaces".
func (s podSelector) reaches(namespace string) bool {
	names, selector := s.near.Field("namespaces").Resolve(), s.near.Field("namespaceSelector").Resolve()
	ofNamespace := slices.DeleteFunc(requirements(s.node), func(r requirement) bool { return !r.isOfNamespace() })
	switch {
	case namespace == "" || s.object.selectsEverywhere():
		return true
	case len(ofNamespace) > 0:
		return mayHold(ofNamespace, ciliumNamespace, namespace)
	case names.IsMapping() || hasItem(names, namespace): // only Antrea has a mapping there
		return true
	case len(names.Items()) > 0 && !selector.IsMapping():
		return false
	case s.object.isMonitor() && (selector.Field("any").IsTrue() || hasItem(selector.Field("matchNames"), namespace)):
		return true
	case s.object.isMonitor() && len(selector.Field("matchNames").Items()) > 0:
		return false
	case s.object.isMonitor() || !selector.IsMapping():
		return s.object.namespace == "" || s.object.namespace == namespace
	}
	return mayHold(requirements(selector), namespaceName, namespace)
}

// mayHold reports whether requirements allow a value of a label, if nothing is known of
// other labels.
func mayHold(requirements []requirement, key, value string) bool {
	return !slices.ContainsFunc(requirements, func(r requirement) bool { return r.key == key && !r.holds(map[string]string{key: value}) })
}

func hasItem(list *manifest.Node, text string) bool {
	return slices.ContainsFunc(list.Items(), func(item *manifest.Node) bool { return item.Resolve().Value == text })
}

// isMonitor reports whether the object's namespaceSelector is that of a PodMonitor.
func (o *object) isMonitor() bool {
	return o.group == "monitoring.coreos.com" || o.group == "operator.victoriametrics.com"
}

// selectsEverywhere reports whether the object's selectors are not limited to its
// namespace, or it has none. Istio's policies in its root namespace apply to all.
//
// Source: Istio API reference, Gateway and WorkloadSelector.
func (o *object) selectsEverywhere() bool {
	switch {
	case strings.HasSuffix(o.group, "istio.io"):
		return o.kind == "Gateway" || o.namespace == "istio-system"
	case strings.HasSuffix(o.group, "cilium.io"), strings.HasSuffix(o.group, "projectcalico.org"), o.group == "monitoring.googleapis.com":
		return strings.Contains(o.kind, "Cluster") || strings.HasPrefix(o.kind, "Global")
	}
	return false
}

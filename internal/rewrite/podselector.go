package rewrite

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// podSelector is a selector of pods.
type podSelector struct {
	object *object
	node   *manifest.Node
	near   *manifest.Node // the mapping that contains it, and what limits it to namespaces
}

// selectors returns the selectors of pods in an object of any kind. They are found by
// their key and their form.
func (o *object) selectors() []podSelector {
	if selectsNoPods(o.kind) || o.describesFields() || slices.ContainsFunc(selectsNoPodsIn, func(group string) bool { return strings.HasSuffix(o.group, group) }) {
		return nil
	}
	var all []podSelector
	for key, value := range o.node.AllFields {
		if name := key.Resolve().Value; name != "metadata" && name != "status" {
			all = append(all, o.selectorsAt(name, value, o.node)...)
		}
	}
	return all
}

// selectsNoPods reports whether the selectors of a kind are for Services, Ingresses, nodes,
// namespaces, volumes, Secrets, certificates or clusters.
func selectsNoPods(kind string) bool {
	switch kind {
	case "ServiceMonitor", "VMServiceScrape", "CiliumBGPAdvertisement", "Probe", "VMProbe", "VMNodeScrape",
		"PersistentVolume", "PersistentVolumeClaim", "VolumeGroupSnapshot",
		"PushSecret", "ClusterPushSecret", "OperatorGroup", "Issuer", "ClusterIssuer", "ApplicationSet":
		return true
	}
	return false
}

// selectsNoPodsIn are the ends of API groups whose selectors are for machines, or for the
// objects that an admission policy examines.
var selectsNoPodsIn = []string{"cluster.x-k8s.io", "machine.openshift.io", "admissionregistration.k8s.io", "kyverno.io", "gatekeeper.sh"}

// selectsNoPodsBelow reports whether no selector below a key is one of pods: it selects
// nodes, volumes, metrics, namespaces, the resources of Crossplane, parameters or certificates.
func selectsNoPodsBelow(key string) bool {
	switch key {
	case "nodeAffinity", "volumeClaimTemplate", "volumeClaimTemplates", "pvcTemplate", "metric",
		"namespaces", "forProvider", "initProvider", "paramRef", "clusterTrustBundle":
		return true
	}
	return false
}

// otherThings are words in the key of a selector of something else.
var otherThings = []string{"node", "namespace", "object", "service", "volume", "storage", "claim", "role", "secret", "config", "resource",
	"monitor", "rule", "probe", "scrape", "controlplane", "composition", "cluster", "instance", "route", "gateway", "param", "scope", "machine", "device", "pool", "cidr"}

// selectorsAt returns the selectors in the value of a key of a mapping.
func (o *object) selectorsAt(key string, value, near *manifest.Node) []podSelector {
	selects, what := selectorKey(key)
	if selectsNoPodsBelow(key) || selects && slices.ContainsFunc(otherThings, func(thing string) bool { return strings.Contains(what, thing) }) {
		return nil
	}
	value = value.Resolve()
	if selects && (hasSelectorForm(value) || o.isCalico() && value != nil && value.Kind == manifest.Scalar) {
		return []podSelector{{o, value, near}}
	}
	var all []podSelector
	for name, child := range value.AllFields {
		all = append(all, o.selectorsAt(name.Resolve().Value, child, value)...)
	}
	for _, item := range value.Items() {
		all = append(all, o.selectorsAt(key, item, near)...)
	}
	return all
}

// selectorKey reports whether a key may be that of a selector or of a list of them, and
// returns the rest of the key in lower case. Cilium has lists with other names.
func selectorKey(key string) (bool, string) {
	switch key {
	case "fromEndpoints", "toEndpoints", "fromRequires", "toRequires":
		return true, ""
	}
	what, ok := strings.CutSuffix(strings.TrimSuffix(strings.ToLower(key), "s"), "selector")
	return ok, what
}

// hasSelectorForm reports whether a value is a label selector, a selector of Istio, or the
// plain map of a Service.
func hasSelectorForm(n *manifest.Node) bool {
	return n.IsMapping() && len(n.Content()) > 0 && (isLabelSelector(n) || hasOnlyStrings(n))
}

// isCalico reports whether the selectors of the object are strings in Calico's language.
func (o *object) isCalico() bool { return strings.HasSuffix(o.group, "projectcalico.org") }

func isLabelSelector(n *manifest.Node) bool {
	return n.Field("matchLabels") != nil || n.Field("matchExpressions") != nil || n.Field("labels").IsMapping()
}

// matches reports whether the selector matches the labels of pods in some namespace.
func (s podSelector) matches(labels map[string]string) bool {
	if s.node.Kind == manifest.Scalar {
		return matchesCalico(s.node.Value, labels)
	}
	return !slices.ContainsFunc(requirements(s.node), func(r requirement) bool {
		return !r.isOfNamespace() && !r.holds(labels)
	})
}

// usesAny reports whether the selector may depend on one of the labels. Most selectors do
// not, so they need not be compared with each change.
func (s podSelector) usesAny(labels map[string]bool) bool {
	if s.node.Kind != manifest.Scalar {
		return slices.ContainsFunc(requirements(s.node), func(r requirement) bool { return labels[r.key] })
	}
	for label := range labels {
		if strings.Contains(s.node.Value, label) {
			return true
		}
	}
	return false //mutate:equivalent [result] only saves a comparison
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
	case s.object.isCalico() && selector != nil && !selector.IsNull():
		return true // a string that this does not read
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

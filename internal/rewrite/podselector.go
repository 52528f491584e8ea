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
	if selectsNoPods[o.kind] || slices.ContainsFunc(selectsNoPodsIn, func(group string) bool { return strings.HasSuffix(o.group, group) }) {
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

// selectsNoPods are kinds whose selectors are for Services, volumes, certificates or
// clusters, and kinds that only describe the fields of other objects.
var selectsNoPods = map[string]bool{
	"ServiceMonitor": true, "VMServiceScrape": true, "PersistentVolume": true, "PersistentVolumeClaim": true,
	"Issuer": true, "ClusterIssuer": true, "ApplicationSet": true,
	"CustomResourceDefinition": true, "CompositeResourceDefinition": true,
}

// selectsNoPodsIn are the ends of API groups whose selectors are for machines, or for the
// objects that an admission policy examines.
var selectsNoPodsIn = []string{"cluster.x-k8s.io", "admissionregistration.k8s.io", "kyverno.io", "gatekeeper.sh"}

// selectsNoPodsBelow are keys below which no selector is one of pods: it selects nodes,
// volumes, metrics, namespaces, the resources of Crossplane, parameters or certificates.
var selectsNoPodsBelow = map[string]bool{
	"nodeAffinity": true, "volumeClaimTemplate": true, "volumeClaimTemplates": true, "pvcTemplate": true, "metric": true,
	"namespaces": true, "forProvider": true, "initProvider": true, "paramRef": true, "clusterTrustBundle": true,
}

// otherThings are words in the key of a selector of something else.
var otherThings = []string{"node", "namespace", "object", "service", "volume", "storage", "claim", "role", "secret", "config", "resource",
	"monitor", "rule", "probe", "scrape", "controlplane", "composition", "cluster", "instance", "route", "gateway", "param", "scope", "machine", "device"}

// selectorsAt returns the selectors in the value of a key of a mapping.
func (o *object) selectorsAt(key string, value, near *manifest.Node) []podSelector {
	selects, what := selectorKey(key)
	if selectsNoPodsBelow[key] || selects && slices.ContainsFunc(otherThings, func(thing string) bool { return strings.Contains(what, thing) }) {
		return nil
	}
	value = value.Resolve()
	if selects && hasSelectorForm(value) {
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
	return n.IsMapping() && len(n.Content) > 0 && (isLabelSelector(n) || hasOnlyStrings(n))
}

func isLabelSelector(n *manifest.Node) bool {
	return n.Field("matchLabels") != nil || n.Field("matchExpressions") != nil || n.Field("labels").IsMapping()
}

package rewrite

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// Selectors refuses a change of pod labels after which a selector would no longer match
// the pods. It may be the selector of the workload itself, which cannot change. It may
// also be that of a Service, a PodDisruptionBudget, a NetworkPolicy or another object.
type Selectors struct{ changes []labelChange }

// labelChange is the labels of a pod template before and after the edits.
type labelChange struct {
	object        *object
	before, after map[string]string
}

// labelChanges returns the pod templates whose labels change.
func labelChanges(places []place) []labelChange {
	var changes []labelChange
	index := map[*object]int{}
	for _, p := range places {
		if !p.isEdit() {
			continue
		}
		template, path := p.object.podTemplate()
		if template == nil || !samePath(p.path[:len(p.path)-1], path.Field("metadata", "labels")) {
			continue
		}
		i, ok := index[p.object]
		if !ok {
			i = len(changes)
			index[p.object] = i
			before := stringMap(template.Get("metadata", "labels"))
			changes = append(changes, labelChange{p.object, before, maps.Clone(before)})
		}
		changes[i].after[p.path[len(p.path)-1].Key] = p.New
	}
	return changes
}

func samePath(a, b identity.Path) bool { return slices.Equal(a, b) }

func stringMap(n *manifest.Node) map[string]string {
	values := map[string]string{}
	for key, value := range n.Fields {
		if value = value.Resolve(); value != nil && value.Kind == manifest.Scalar {
			values[key.Resolve().Value] = value.Value
		}
	}
	return values
}

func (r Selectors) searchNames() []string {
	var keys []string
	for _, change := range r.changes {
		for key, value := range change.after {
			if old, ok := change.before[key]; !ok || old != value {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func (r Selectors) find(o *object) found {
	var all found
	for _, selector := range o.selectors() {
		for _, change := range r.changes {
			if o.selects(selector, change.object) && matches(selector, change.before) && !matches(selector, change.after) {
				all.errs = append(all.errs, o.inputError(selector.Outer, "this selector would no longer match the pods of %s, because it uses a pod label that would change", change.object).because(ErrSelector))
			}
		}
	}
	return all
}

// selects reports whether a selector of the object may select pods of a workload. The
// spec.selector of a workload selects only its own pods.
func (o *object) selects(selector *manifest.Node, workload *object) bool {
	if _, ok := podTemplates[o.kind]; ok && selector == o.node.Get("spec", "selector").Resolve() {
		return o == workload
	}
	return o.sharesNamespace(workload)
}

// selectsNoPods are kinds whose selectors are for Services or volumes.
var selectsNoPods = map[string]bool{"ServiceMonitor": true, "PersistentVolumeClaim": true}

// selectors returns the selectors of pods in an object: those of Services, workloads,
// PodDisruptionBudgets and NetworkPolicies, of affinities and of topology spreads.
func (o *object) selectors() []*manifest.Node {
	if selectsNoPods[o.kind] {
		return nil
	}
	return selectorsBelow(o.node.Field("spec"), nil)
}

func selectorsBelow(n *manifest.Node, found []*manifest.Node) []*manifest.Node {
	for key, value := range n.Fields {
		switch key.Resolve().Value {
		case "selector", "podSelector", "labelSelector":
			found = append(found, value.Resolve())
		case "volumeClaimTemplates": // these select volumes
		default:
			found = selectorsBelow(value, found)
		}
	}
	for _, item := range n.Items() {
		found = selectorsBelow(item, found)
	}
	return found
}

// matches reports whether a selector matches labels. It is a label selector, or the plain
// map of a Service.
//
// Source: Kubernetes documentation, "Labels and Selectors".
func matches(selector *manifest.Node, labels map[string]string) bool {
	if selector.Field("matchLabels") == nil && selector.Field("matchExpressions") == nil {
		return matchesAll(selector, labels)
	}
	if !matchesAll(selector.Field("matchLabels"), labels) {
		return false
	}
	return !slices.ContainsFunc(selector.Field("matchExpressions").Items(), func(e *manifest.Node) bool {
		return !matchesExpression(e, labels)
	})
}

func matchesAll(pairs *manifest.Node, labels map[string]string) bool {
	for key, value := range stringMap(pairs) {
		if has, ok := labels[key]; !ok || has != value {
			return false
		}
	}
	return true
}

func matchesExpression(e *manifest.Node, labels map[string]string) bool {
	value, has := labels[e.Text("key")]
	in := slices.ContainsFunc(e.Field("values").Items(), func(v *manifest.Node) bool { return v.Resolve().Value == value })
	switch e.Text("operator") {
	case "In":
		return has && in
	case "NotIn":
		return !has || !in
	case "Exists":
		return has
	case "DoesNotExist":
		return !has
	}
	return true
}

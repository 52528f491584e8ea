package rewrite

import (
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/manifest"
)

// selectors refuses a pod label that would take pods away from what selects
// them: the workload's own selector, which cannot change either, a Service, a
// PodDisruptionBudget, a NetworkPolicy or the like.
func (r *run) selectors() {
	changes := r.labelChanges()
	if len(changes) == 0 {
		return
	}
	var looked names
	for _, change := range changes {
		for _, key := range change.keys {
			looked = looked.with(key)
		}
	}
	r.openNaming(looked)
	for _, doc := range r.docs {
		for _, o := range doc.objects {
			r.selects(o, changes)
		}
	}
}

// labelChange is a pod template's labels before and after.
type labelChange struct {
	object        object
	before, after map[string]string
	keys          []string // those that change
}

func (r *run) labelChanges() []labelChange {
	var changes []labelChange
	index := map[*manifest.Node]int{} // by object
	for _, doc := range r.docs {
		for _, w := range doc.wants {
			if !w.label {
				continue
			}
			i, known := index[w.object.node]
			if !known {
				i = len(changes)
				index[w.object.node] = i
				changes = append(changes, newLabelChange(w.object))
			}
			key := w.set.Path[len(w.set.Path)-1].Key
			changes[i].keys = append(changes[i].keys, key)
			changes[i].after[key] = w.set.Value
		}
	}
	return changes
}

func newLabelChange(o object) labelChange {
	template, _ := o.podTemplate()
	before := stringMap(template.Get("metadata", "labels"))
	return labelChange{object: o, before: before, after: maps.Clone(before)}
}

func stringMap(n *manifest.Node) map[string]string {
	values := map[string]string{}
	for key, value := range n.Fields {
		if value = value.Resolve(); value != nil && value.Kind == manifest.Scalar {
			values[key.Resolve().Value] = value.Value
		}
	}
	return values
}

// selects looks whether an object selects pods that it would not select any more.
func (r *run) selects(o object, changes []labelChange) {
	for _, selector := range selectorsOf(o) {
		for _, change := range changes {
			if o.mayLose(selector, change) && matches(selector, change.before) && !matches(selector, change.after) {
				r.fail(o.doc.inputError(o.String(), selector.Outer, fmt.Sprintf(
					"this selector uses a pod label of %s that would change, so it would lose those pods; give the label another key, or keep its value with --on-conflict keep", change.object)))
			}
		}
	}
}

// mayLose reports whether a selector of the object may be one for the pods of a
// change: a workload's spec.selector is for pods of its own.
func (o object) mayLose(selector *manifest.Node, change labelChange) bool {
	_, workload := podTemplates[o.kind]
	if workload && selector == o.node.Get("spec", "selector").Resolve() {
		return o.node == change.object.node
	}
	return o.sameNamespace(change.object)
}

// selectsNoPods are kinds whose selectors are for other objects: Services, and
// volumes.
var selectsNoPods = map[string]bool{"ServiceMonitor": true, "PersistentVolumeClaim": true}

// selectorsOf are the selectors of pods in an object: a Service's, a workload's,
// a PodDisruptionBudget's, those of a NetworkPolicy and its peers, of affinities
// and of topology spreads.
func selectorsOf(o object) []*manifest.Node {
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
		case "volumeClaimTemplates": // select volumes
		default:
			found = selectorsBelow(value, found)
		}
	}
	for _, item := range n.Items() {
		found = selectorsBelow(item, found)
	}
	return found
}

// matches evaluates a label selector, or the plain map of a Service
// (Kubernetes documentation, "Labels and Selectors").
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

func matchesAll(wanted *manifest.Node, labels map[string]string) bool {
	for key, value := range stringMap(wanted) {
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

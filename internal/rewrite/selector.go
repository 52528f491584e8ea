package rewrite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// Selectors compares what the selectors in the stream select before and after a change of
// pod labels. A selector that would no longer match the pods is an error: an upgrade could
// fail, or a Service could lose its pods. A selector that would begin to match the pods is
// a warning.
type Selectors struct {
	changes []labelChange
	keys    map[string]bool // the labels that change
	names   names           // the same, to search for
}

func newSelectors(changes []labelChange) Selectors {
	r := Selectors{changes: changes, keys: map[string]bool{}}
	for _, change := range changes {
		for _, key := range change.keys() {
			r.keys[key] = true
		}
	}
	r.names = namesOf(r.searchNames()...)
	return r
}

// labelChange is the labels of pods before and after the edits.
type labelChange struct {
	object        *object // from which the pods are created
	before, after map[string]string
}

// labelChanges returns the changes of pod labels among places. These may be in kinds that
// only the config's places describe.
func labelChanges(places []place) []labelChange {
	var changes []labelChange
	type labels struct {
		object *object
		path   string
	}
	index := map[labels]int{}
	for _, p := range places {
		at := p.path[:max(0, len(p.path)-1)]
		if !p.isEdit() || !p.object.hasPodLabelsAt(at) {
			continue
		}
		key := labels{p.object, at.String()}
		i, ok := index[key]
		if !ok {
			i, index[key] = len(changes), len(changes)
			before := stringMap(p.object.node.Get("spec", "workflowSpec", "podMetadata", "labels")) // of all steps of a CronWorkflow
			maps.Copy(before, stringMap(p.object.at(at)))
			changes = append(changes, labelChange{p.object, before, maps.Clone(before)})
		}
		changes[i].after[p.path[len(p.path)-1].Key] = p.New
	}
	return changes
}

// hasPodLabelsAt reports whether a path leads to the labels of pods, in the metadata of a
// pod template or of a Pod.
func (o *object) hasPodLabelsAt(path identity.Path) bool {
	n := len(path)
	if n < 2 || path.Crossing() >= 0 || path[n-1].Key != "labels" { //mutate:equivalent [>] a path begins with a key
		return false
	}
	return path[n-2].Key == "podMetadata" || path[n-2].Key == "metadata" && (n > len(o.path)+2 || o.kind == "Pod")
}

// at returns the value at a path of the document, which may lead into the object.
func (o *object) at(path identity.Path) *manifest.Node {
	n := o.node
	for _, step := range path[len(o.path):] {
		n = n.Step(step)
	}
	return n
}

// keys returns the labels that change, sorted.
func (c labelChange) keys() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.after)), func(key string) bool {
		old, ok := c.before[key]
		return ok && old == c.after[key]
	})
}

func (r Selectors) searchNames() []string { return slices.Collect(maps.Keys(r.keys)) }

func (r Selectors) skips(doc *document) bool { return !r.names.mayBeIn(doc.text) }

func (r Selectors) find(o *object) found {
	var all found
	for _, s := range o.selectors() {
		if !s.usesAny(r.keys) {
			continue
		}
		for _, change := range r.changes {
			before, after := s.matches(change.before), s.matches(change.after)
			own, workload := o == change.object, s.isOfWorkload()
			switch {
			case before == after || !s.reaches(change.object.namespace) || workload && before != own:
			case before:
				all.errs = append(all.errs, o.inputError(s.node.Outer(), "this selector would no longer match the pods of %s, because it uses a pod label that would change", change.object).because(ErrSelector))
			default:
				all.warnings = append(all.warnings, fmt.Sprintf("%s, line %d: this selector would also match the pods of %s with their new labels (%s): check that this is intended",
					o, o.line(s.node), change.object, strings.Join(change.keys(), ", ")))
			}
		}
	}
	return all
}

// isOfWorkload reports whether the selector is that of a workload for its own pods. Other
// pods have another owner, so nothing changes if it no longer matches them.
func (s podSelector) isOfWorkload() bool {
	return s.node == s.object.node.Get("spec", "selector").Resolve() && len(s.object.podTemplates()) > 0
}

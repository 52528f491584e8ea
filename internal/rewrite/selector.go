package rewrite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// Selectors compares what the selectors in the stream select before and after a change of
// pod labels. A selector that would no longer match the pods is an error: an upgrade could
// fail, or a Service could lose its pods. A selector that would begin to match the pods is
// a warning.
type Selectors struct{ changes []labelChange }

// labelChange is the labels of a pod template before and after the edits.
type labelChange struct {
	object        *object
	before, after map[string]string
}

// labelChanges returns the pod templates whose labels change.
func labelChanges(places []place) []labelChange {
	var changes []labelChange
	index := map[*manifest.Node]int{} // of pod templates
	for _, p := range places {
		if !p.isEdit() {
			continue
		}
		for _, t := range p.object.podTemplates() {
			if !slices.Equal(p.path[:len(p.path)-1], t.path.Field(t.meta, "labels")) {
				continue
			}
			i, ok := index[t.node]
			if !ok {
				i = len(changes)
				index[t.node] = i
				before := stringMap(t.node.Get(t.meta, "labels"))
				changes = append(changes, labelChange{p.object, before, maps.Clone(before)})
			}
			changes[i].after[p.path[len(p.path)-1].Key] = p.New
		}
	}
	return changes
}

// keys returns the labels that change, sorted.
func (c labelChange) keys() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.after)), func(key string) bool {
		old, ok := c.before[key]
		return ok && old == c.after[key]
	})
}

func (r Selectors) searchNames() []string {
	var keys []string
	for _, change := range r.changes {
		keys = append(keys, change.keys()...)
	}
	return keys
}

func (r Selectors) find(o *object) found {
	var all found
	for _, s := range o.selectors() {
		for _, change := range r.changes {
			before, after := s.matches(change.before), s.matches(change.after)
			own, workload := o == change.object, s.isOfWorkload()
			switch {
			case before == after || !s.reaches(change.object.namespace) || workload && before != own:
			case before:
				all.errs = append(all.errs, o.inputError(s.node.Outer, "this selector would no longer match the pods of %s, because it uses a pod label that would change", change.object).because(ErrSelector))
			default:
				all.warnings = append(all.warnings, fmt.Sprintf("%s, line %d: this selector would also match the pods of %s, because their label %s changes: check that this is intended",
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

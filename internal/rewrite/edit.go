package rewrite

import (
	"cmp"
	"maps"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// site is a mapping of annotations or labels, or the place for a new one.
type site struct {
	object    *object
	kind      Place
	component string
	labels    bool // they are pod labels, not annotations
	path      identity.Path
	values    *manifest.Node // the mapping, nil if there is none yet
	near      *manifest.Node // the innermost value on the path that is in the object's own document
}

// edit is one annotation or label to set at one path of one document.
type edit struct {
	site
	key, value string
}

// edits returns an edit for each pair, sorted by key.
func (s site) edits(pairs map[string]string) []edit {
	all := make([]edit, 0, len(pairs))
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		all = append(all, edit{s, key, pairs[key]})
	}
	return all
}

// annotate returns the edits for the annotations of a component's ServiceAccounts. If
// there are none, the place is a finding, so that it does not count as missing. In mode
// pod-identity it leaves a role annotation: the association overrides it, and without
// the annotation, backups would fail until the association exists.
func (s site) annotate(c desired.Component) found {
	all := found{edits: s.edits(c.Annotations)}
	if old := s.values.Field(identity.RoleAnnotation).Resolve(); !c.Mode.UsesIRSA() && old != nil && old.Kind == manifest.Scalar {
		left := s.place(identity.RoleAnnotation).because(Left, "in pod-identity mode an association overrides this annotation; `spaces-identity verify` says when it can go")
		left.Old = &old.Value
		all.places = append(all.places, left)
	}
	if len(c.Annotations) == 0 {
		why := "an association gives the identity, so no annotation is needed here"
		if c.Mode.UsesIRSA() {
			why = "the config has no role for the annotation"
		}
		all.places = append(all.places, s.object.found(s.kind, s.component, s.path, s.near).because(Unchanged, why))
	}
	return all
}

// place returns the place of a key.
func (s site) place(key string) place {
	return s.object.found(s.kind, s.component, s.path.Field(key), s.nearest(s.values.Field(key)))
}

// nearest returns the node itself, or if the node is inside a string, the value of the
// object's own document that contains it.
func (s site) nearest(n *manifest.Node) *manifest.Node {
	if n == nil || s.path.Crossing() >= 0 {
		return s.near
	}
	return n
}

// restrain returns the places of edits with their outcomes. Edits that must not be made
// are left. Two edits that set different values at the same path are an error.
func restrain(edits []edit, options Options) ([]place, []error) {
	slices.SortStableFunc(edits, compareEdits)
	first := map[location]*edit{} // in the document of the last edit
	places := make([]place, 0, len(edits))
	var errs []error
	for i := range edits {
		e := &edits[i]
		p := e.place(e.key)
		if i > 0 && edits[i-1].object.doc != e.object.doc {
			clear(first)
		}
		at := location{document: p.Document, path: p.Path}
		p, err := e.restrain(p, options)
		if other, ok := first[at]; ok && other.value != e.value {
			err = e.object.inputError(e.nearest(e.values.Field(e.key)).Outer(), "the components %s and %s need different values at %s", other.component, e.component, at.path).because(desired.ErrSamePlace)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		first[at] = e
		places = append(places, p)
	}
	return places, errs
}

// compareEdits orders the edits of a document, and so the new keys of a mapping: the role
// first, annotations before labels, the restart annotation last. Edits that it finds
// equal are never in the same mapping.
func compareEdits(a, b edit) int {
	return cmp.Or(cmp.Compare(a.object.doc.Number, b.object.doc.Number),
		cmp.Compare(slices.Index(placeOrder, a.kind), slices.Index(placeOrder, b.kind)),
		cmp.Compare(a.component, b.component), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.key, b.key))
}

func (e edit) rank() int {
	switch {
	case e.key == identity.RoleAnnotation:
		return 0
	case e.key == desired.RestartAnnotation:
		return 3
	case e.labels:
		return 2
	}
	return 1
}

// restrain returns the place of an edit with its outcome. It is an error if the mapping
// has the key twice, or if it has another value that must not be replaced.
func (e edit) restrain(p place, options Options) (place, error) {
	if second := e.values.RepeatedKey(e.key); second != nil {
		return p, e.object.inputError(e.nearest(second).Outer(), "%s has two values in one mapping: remove one of them", p.Path)
	}
	old := e.values.Field(e.key).Resolve()
	if old != nil && old.IsNull() {
		old = nil
	}
	if old != nil && old.Kind == manifest.Scalar {
		p.Old = &old.Value
		if old.IsString() && old.Value == e.value {
			p.New = e.value
			return p.because(Unchanged, ""), nil
		}
	}
	if part, ok := e.immutable(); ok && (options.OnImmutable != ImmutableEdits || e.key == desired.RestartAnnotation) {
		return e.left(p, part, options), nil
	}
	if old != nil && e.key != desired.RestartAnnotation {
		switch options.OnConflict {
		case ConflictKeep:
			return p.because(Left, "another value is already there and is kept"), nil
		case ConflictFails:
			return p, e.object.inputError(e.nearest(old).Outer(), "%s already has another value", p.Path).because(ErrConflict)
		}
		p.Reason = "replaces another value"
	}
	p.New = e.value
	return p.because(Changed, p.Reason), nil
}

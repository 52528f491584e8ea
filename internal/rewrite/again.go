package rewrite

import (
	"slices"

	"spaces-identity.dev/internal/lazyregexp"
	"spaces-identity.dev/internal/manifest"
)

// Lost is an edit that a stream no longer has.
type Lost struct {
	Finding        // as it was in the edited stream
	Problem string // what became of it
}

// Again compares the edits with a stream that other programs have made of the edited one.
// It returns what is in that stream, and the edits that it lacks. The programs may have
// written the documents in another order or form, and renamed objects that have edits: an
// edit is in the stream if an object of the kind has its value at its path. They may have
// added fields to the objects of this program.
func (r *Result) Again(stream []byte) (*Result, []Lost, error) {
	options := r.options
	options.OnMissing, options.OnConflict = MissingWarns, ConflictReplace
	options.Extended, options.again = true, true
	now, err := Run(stream, r.state, options)
	if err != nil {
		return nil, nil, err
	}
	return now, lost(r.settled(), now.settled()), nil
}

// Lacking returns the places of the stream that lack an edit and that the edited stream
// did not have.
func (r *Result) Lacking(before *Result) []Finding {
	var lacking []Finding
	known := before.settled()
	for _, p := range r.settled() {
		if p.Outcome != Changed || p.Place == DependentPlace || p.Place == AppendedPlace {
			continue
		}
		i := slices.IndexFunc(known, func(k settledPlace) bool { return k.object() == p.object() && k.kind() == p.kind() })
		if i < 0 {
			lacking = append(lacking, p.Finding)
		}
	}
	return lacking
}

// settledPlace is a place with an edit, with its path in the object.
type settledPlace struct {
	Finding
	within string
}

// settled returns the places that have, or need, an edit. It returns each once.
func (r *Result) settled() []settledPlace {
	seen := map[location]bool{}
	var all []settledPlace
	for _, p := range r.places {
		at := location{p.Document, p.Path, p.Component}
		if p.Place == TextPlace || p.Outcome != Changed && p.Outcome != Unchanged || seen[at] {
			continue
		}
		seen[at] = true
		within := p.path
		if p.object != nil {
			within = within[min(len(p.object.path), len(within)):]
		}
		all = append(all, settledPlace{p.Finding, within.String()})
	}
	return all
}

// objectName identifies an object.
type objectName struct{ kind, namespace, name string }

func (p settledPlace) object() objectName { return objectName{p.Kind, p.Namespace, p.Name} }

// kindOfEdit is what an edit keeps if its object is renamed and lists are reordered.
type kindOfEdit struct{ kind, component, within string }

var itemNumber = lazyregexp.New(`\[\d+\]`)

func (p settledPlace) kind() kindOfEdit {
	return kindOfEdit{p.Kind, p.Component, itemNumber.Get().ReplaceAllLiteralString(p.within, "[]")}
}

// lost returns the places of before that after does not have with their value. A place of
// after counts for one place only: for that in the object of the same name, if there is one.
func lost(before, after []settledPlace) []Lost {
	same := map[objectName]map[kindOfEdit][]settledPlace{}
	for _, p := range after {
		if same[p.object()] == nil {
			same[p.object()] = map[kindOfEdit][]settledPlace{}
		}
		same[p.object()][p.kind()] = append(same[p.object()][p.kind()], p)
	}
	var moved []settledPlace
	var all []Lost
	for _, p := range before {
		in := same[p.object()]
		candidates := in[p.kind()]
		if i := slices.IndexFunc(candidates, func(c settledPlace) bool { return c.isAs(p) }); i >= 0 {
			in[p.kind()] = slices.Delete(candidates, i, i+1)
		} else {
			moved = append(moved, p)
		}
	}
	elsewhere := map[kindOfEdit][]settledPlace{}
	for _, in := range same {
		for kind, places := range in {
			elsewhere[kind] = append(elsewhere[kind], places...)
		}
	}
	for _, p := range moved {
		candidates := elsewhere[p.kind()]
		if i := slices.IndexFunc(candidates, func(c settledPlace) bool { return c.isAs(p) }); i >= 0 {
			elsewhere[p.kind()] = slices.Delete(candidates, i, i+1)
		} else {
			all = append(all, Lost{p.Finding, problemOf(p, same[p.object()])})
		}
	}
	return all
}

// isAs reports whether a place after has the value of the place before.
func (p settledPlace) isAs(before settledPlace) bool {
	return p.Outcome == Unchanged && p.New == before.New
}

// problemOf says what became of a place, given the places of its object afterwards.
func problemOf(p settledPlace, now map[kindOfEdit][]settledPlace) string {
	candidates := now[p.kind()]
	switch {
	case len(candidates) == 0:
		return "the place no longer exists"
	case candidates[0].Old != nil || candidates[0].Reason != "": // it would be replaced
		return "it has another value"
	}
	return "it was removed"
}

// contains reports whether a value has everything that is wanted. A mapping may have more
// keys, a sequence no more items.
func contains(got, want *manifest.Node) bool {
	got, want = got.Resolve(), want.Resolve()
	if got == nil || want == nil {
		return got == want
	}
	if got.Kind != want.Kind {
		return false
	}
	switch want.Kind {
	case manifest.Mapping:
		for key, value := range want.Fields {
			if !contains(got.Field(key.Resolve().Value), value) {
				return false
			}
		}
		return true
	case manifest.Sequence:
		return slices.EqualFunc(got.Items(), want.Items(), contains)
	}
	return manifest.Same(want, got)
}

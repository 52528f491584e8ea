package rewrite

import (
	"bytes"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// maxTrials limits how many places [adviser] tries, because each trial runs the engine
// twice on a document.
const maxTrials = 50

// adviser finds the places with which the config can describe unrecognised texts.
type adviser struct {
	state   desired.State
	options Options
	docs    []*document
}

// advise returns places for unrecognised texts, in the order of the texts. It has tried each
// of them: with that place in the config, the engine sets the component's annotations
// there, and a second run changes nothing.
func (a adviser) advise(texts []place) []identity.Place {
	var advised []identity.Place
	tried := map[[4]string]bool{}
	for _, text := range texts {
		for _, c := range a.state.Components {
			if text.Place != TextPlace || text.Outcome != Unrecognised || text.Component != "" && text.Component != c.Name {
				continue
			}
			for _, p := range candidates(text, c) {
				id := [4]string{p.Kind, p.Name, p.Path.String(), text.Component}
				if tried[id] || len(tried) == maxTrials || slices.ContainsFunc(advised, p.overlaps) {
					continue
				}
				if tried[id] = true; a.works(p, text.object) {
					p.Component = text.Component
					advised = append(advised, p.Place)
				}
			}
		}
	}
	return advised
}

// works reports whether the engine sets what a place needs, in every document that contains
// an object of that kind and name.
func (a adviser) works(p candidate, o *object) bool {
	written, err := identity.ParsePath(p.Path.String()) // as the config will be read
	if err != nil || identity.ValidateKind(p.Kind) != nil || identity.ValidateObjectName(p.Name) != nil {
		return false
	}
	p.Path = written
	state := a.state.WithPlaces(p.Place)
	for _, doc := range a.docs {
		named := slices.DeleteFunc(slices.Clone(doc.objects), func(o *object) bool { return !o.is(p.Place) })
		if len(named) == 0 {
			continue
		}
		if slices.ContainsFunc(named, func(o *object) bool { n, _, _, _ := o.follow(p.Place); return n == nil }) {
			return false // the engine would add the keys to an object of the same name in another namespace
		}
		first, err := Run(doc.text, state, a.options)
		if err != nil || doc == o.doc && !slices.ContainsFunc(first.places, p.isSet) {
			return false
		}
		var once, twice bytes.Buffer
		_, _ = first.WriteTo(&once)
		second, err := Run(once.Bytes(), state, a.options)
		if err != nil {
			return false
		}
		if _, _ = second.WriteTo(&twice); !bytes.Equal(once.Bytes(), twice.Bytes()) {
			return false
		}
	}
	return true
}

// candidate is a place that may be advised.
type candidate struct {
	identity.Place
	at identity.Path // with the bytes that a path in the config omits
}

// isSet reports whether a place that the engine found is the candidate's.
func (c candidate) isSet(p place) bool {
	return p.Place == EmbeddedPlace && p.Component == c.Component && (p.Outcome == Changed || p.Outcome == Unchanged) && c.at.Contains(p.path)
}

// overlaps reports whether a place contains the candidate, or the reverse.
func (c candidate) overlaps(p identity.Place) bool {
	return c.Kind == p.Kind && c.Name == p.Name && (p.Component == "" || c.Component == p.Component) &&
		(c.Path.Contains(p.Path) || p.Path.Contains(c.Path))
}

// candidates returns the places at or below a text at which a component's annotations
// seem to belong.
func candidates(text place, c desired.Component) []candidate {
	n, around, key := text.object.node, text.object.node, ""
	for _, step := range text.path[len(text.object.path):] {
		n, around, key = n.Step(step), n, step.Key
	}
	f := finder{component: c, object: text.object}
	last := len(text.path) - 1
	switch {
	case n == nil || text.object.describesFields():
	case last > 0 && text.path[last-1].Kind == identity.ItemStep && f.isItem(around):
		f.settings(around, text.path[:last], true)
	case text.about == annotationsText:
		f.annotations(n, text.path)
	case !isNamedIn(c, key) || !f.settings(n, text.path, isName(c, key)):
		f.value(n, text.path)
	}
	return f.found
}

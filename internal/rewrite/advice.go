package rewrite

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
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

// finder searches a value, and the strings in it, for the settings of a component.
type finder struct {
	component desired.Component
	object    *object
	depth     int    // of strings in strings
	stream    []byte // of the innermost string
	found     []candidate
}

// add records a place. A path that ends with the first document of a string ends at the
// string, with its encoding.
func (f *finder) add(path identity.Path, holds string) bool {
	at, encoding := path, ""
	if last := len(path) - 1; path[last].Kind == identity.IntoStep && path[last].Into.Document == 0 {
		switch {
		case path[last].Into.Base64:
			encoding = "base64"
		case json.Valid(f.stream):
			encoding = "json"
		default:
			encoding = "yaml"
		}
		path = path[:last]
	}
	f.found = append(f.found, candidate{at: at, Place: identity.Place{Kind: f.object.kind, Name: f.object.name,
		Path: path[len(f.object.path):], Encoding: encoding, Component: f.component.Name, Holds: holds}})
	return true
}

// value searches a value for keys that name the component.
func (f *finder) value(n *manifest.Node, path identity.Path) {
	n = n.Resolve()
	switch n.Kind {
	case manifest.Mapping:
		switch holds, below := contentOf(n, f.component, identity.Place{Path: path}); {
		case holds == "values", holds == "settings" && below != nil && f.hasAnnotations(n.Get(below...)):
			f.add(path, "")
			return
		}
		for key, value := range n.Fields {
			at := path.Field(key.Resolve().Value)
			if !isName(f.component, key.Resolve().Value) || !f.settings(value, at, true) {
				f.value(value, at)
			}
		}
	case manifest.Sequence:
		for i, item := range n.Content {
			if !f.isItem(item) || !f.settings(item, path.Item(i), true) {
				f.value(item, path.Item(i))
			}
		}
	case manifest.Scalar:
		f.text(n, path, f.value)
	}
}

// isItem reports whether an item of a list is about the component, such as {name: vector}.
func (f *finder) isItem(item *manifest.Node) bool {
	return slices.ContainsFunc([]string{"name", "component", "serviceAccount", "serviceAccountName"}, func(key string) bool {
		return isName(f.component, item.Text(key))
	})
}

// settings adds the place for the component's settings in a value, or for annotations in
// it. sure says that the key of the value is the component's name. It reports whether
// it added a place.
func (f *finder) settings(n *manifest.Node, path identity.Path, sure bool) bool {
	n = n.Resolve()
	if n.Kind == manifest.Scalar && !n.IsNull() {
		count := len(f.found)
		f.text(n, path, func(root *manifest.Node, at identity.Path) {
			if !f.settings(root, at, sure) {
				f.value(root, at)
			}
		})
		return len(f.found) > count
	}
	values := f.component.Values
	switch {
	case n.Kind == manifest.Sequence:
		return false
	case f.hasAnnotations(n):
		return f.add(path, "")
	case f.annotationsBelow(n, path, 3):
		return true
	case len(values.Annotations) > 1 && n.Field(values.Annotations[0]).Resolve() != nil:
		return f.add(path, "")
	}
	last := path[len(path)-1].Key
	return sure && len(values.Component) > 0 && last == values.Component[len(values.Component)-1] && looksLikeSettings(n) && f.add(path, "settings")
}

// looksLikeSettings reports whether a mapping is empty or has a key that charts have in the
// settings of a workload. A source of Vector's own config may have the name vector, too.
func looksLikeSettings(n *manifest.Node) bool {
	return len(n.Content) == 0 || slices.ContainsFunc([]string{"resources", "replicas", "pod", "image", "enabled"}, func(key string) bool { return n.Field(key) != nil })
}

// hasAnnotations reports whether a mapping has the component's path of annotations.
func (f *finder) hasAnnotations(settings *manifest.Node) bool {
	keys := f.component.Values.Annotations
	return len(keys) > 0 && settings.Get(keys...) != nil
}

// annotationsBelow adds the first mapping below a value whose key says that it contains the
// annotations of a service account.
func (f *finder) annotationsBelow(n *manifest.Node, path identity.Path, depth int) bool {
	for key, value := range n.Fields {
		at := path.Field(key.Resolve().Value)
		account := strings.Contains(letters(path[len(path)-1].Key), "serviceaccount")
		switch name := letters(key.Resolve().Value); {
		case name == "annotations", name == "serviceaccountannotations", name == "saannotations", account && strings.HasSuffix(name, "annotations"):
			if f.annotations(value, at) {
				return true
			}
		case depth > 1 && name != "pod" && name != "metadata":
			if f.annotationsBelow(value.Resolve(), at, depth-1) {
				return true
			}
		}
	}
	return false
}

// annotations adds a value that contains annotations, or may contain them, and reports
// whether it did.
func (f *finder) annotations(n *manifest.Node, path identity.Path) bool {
	n = n.Resolve()
	switch {
	case n.Kind == manifest.Mapping && hasOnlyStrings(n), n.IsNull():
		holds := ""
		if detected, _ := contentOf(n, f.component, identity.Place{Path: path}); detected != "annotations" {
			holds = "annotations"
		}
		return f.add(path, holds)
	case n.Kind != manifest.Scalar:
		f.value(n, path)
	default:
		f.text(n, path, func(root *manifest.Node, at identity.Path) { f.annotations(root, at) })
	}
	return len(f.found) > 0
}

// text passes the documents in a string to a function.
func (f *finder) text(n *manifest.Node, path identity.Path, do func(root *manifest.Node, at identity.Path)) {
	if f.depth == maxStringDepth || n.Value == "" {
		return
	}
	around := f.stream
	f.depth++
	defer func() { f.depth, f.stream = f.depth-1, around }()
	for _, base64 := range []bool{false, true} {
		stream, into, ok := innerText(n.Value, base64)
		if !ok {
			continue
		}
		f.stream = stream
		for doc := range manifest.Split(stream) {
			into.Document = doc.Number - 1
			root, err := manifest.Parse(stream[doc.Start:doc.End])
			if root = root.Resolve(); err == nil && root != nil && root.Kind != manifest.Scalar && !isTemplate(root) {
				do(root, path.Inside(into))
			}
		}
	}
}

// isName reports whether a text is the name of the component, of its service account, or
// of its chart values. Case and punctuation do not matter.
func isName(c desired.Component, text string) bool {
	names := []string{c.Name, c.ServiceAccount}
	if keys := c.Values.Component; len(keys) > 0 {
		names = append(names, keys[len(keys)-1])
	}
	return slices.ContainsFunc(names, func(name string) bool { return letters(name) == letters(text) })
}

// letters returns the letters of a text in lower case, without punctuation and digits.
func letters(text string) string {
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' {
			return c
		}
		return -1
	}, strings.ToLower(text))
}

package rewrite

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/lazyregexp"
	"spaces-identity.dev/internal/manifest"
)

// EmbeddedValues sets the annotations and labels in embedded values. These are a mapping
// at a component's values path, at any depth of any object. They may be in its structure,
// in a string of YAML or JSON, or in the base64 of a Secret's data. The Space uses these
// values for the control planes that it creates later.
type EmbeddedValues struct {
	state desired.State
	keys  []string // the last keys of the values paths, or the keys beside them
	names names    // the same, to search for
}

func newEmbeddedValues(state desired.State) EmbeddedValues {
	r := EmbeddedValues{state: state}
	for _, c := range state.Components {
		if key := cmp.Or(c.Values.Beside, valuesKey(c)); key != "" {
			r.keys = append(r.keys, key)
		}
	}
	r.names = namesOf(r.keys...)
	return r
}

func (r EmbeddedValues) searchNames() []string { return r.keys }

// skips reports whether a document has no name as text, and none in the base64 of a Secret.
func (r EmbeddedValues) skips(doc *document) bool {
	isSecret := func(o *object) bool { return o.kind == "Secret" }
	return !r.names.mayBeIn(doc.text) && !slices.ContainsFunc(doc.objects, isSecret)
}

func (r EmbeddedValues) find(o *object) found {
	w := valuesWalk{EmbeddedValues: r, object: o, path: slices.Clone(o.path)}
	w.value(o.node, o.node)
	return w.found
}

// valuesWalk goes through the values of an object and of the strings in them.
type valuesWalk struct {
	EmbeddedValues
	object *object
	path   identity.Path // of the value that is being read; what is found needs a copy
	depth  int           // of strings in strings
	found  found
}

// maxStringDepth limits how deeply strings may contain documents with strings.
const maxStringDepth = 8

// below reads a value below the current one.
func (w *valuesWalk) below(step identity.Step, n, near *manifest.Node) {
	w.path = append(w.path, step)
	w.value(n, near)
	w.path = w.path[:len(w.path)-1]
}

// value searches a value and everything below it. near is the value of the object's own
// document that contains it.
func (w *valuesWalk) value(n *manifest.Node, near *manifest.Node) {
	n = n.Resolve()
	if n == nil {
		return
	}
	if w.depth == 0 {
		near = n
	}
	switch n.Kind {
	case manifest.Mapping:
		for _, c := range w.state.Components {
			if n.Get(c.Values.Component...) != nil && (c.Values.Beside == "" || n.Field(c.Values.Beside) != nil) {
				w.found = w.found.plus(values(site{object: w.object, path: slices.Clone(w.path), near: near}, c, n))
			}
		}
		for key, child := range n.Fields {
			if key.Value == lastApplied && w.depth == 0 {
				continue // kubectl's record of the object, which has no effect
			}
			w.below(identity.Step{Key: key.Resolve().Value}, child, near)
		}
	case manifest.Sequence:
		for i, item := range n.Content() {
			w.below(identity.Step{Kind: identity.ItemStep, Item: i}, item, near)
		}
	case manifest.Scalar:
		w.text(n, near)
	}
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// values returns the edits in a mapping that has a component's values path.
func values(at site, c desired.Component, root *manifest.Node) found {
	own := root.Get(c.Values.Component...).Resolve()
	if len(c.Values.Component) == 0 || own == nil || own.Kind != manifest.Mapping && !own.IsNull() {
		return found{}
	}
	at.path = at.path.Field(c.Values.Component...)
	return settings(at, c, own)
}

// settings returns the edits in the mapping of a component's settings.
func settings(at site, c desired.Component, own *manifest.Node) found {
	below := func(path []string, labels bool) site {
		return site{object: at.object, kind: EmbeddedPlace, component: c.Name, labels: labels, near: at.near, path: at.path.Field(path...), values: own.Get(path...)}
	}
	all := below(c.Values.Annotations, false).annotate(c)
	switch {
	case len(c.PodLabels) == 0:
		return all
	case len(c.Values.PodLabels) == 0:
		return all.plus(warningf("%s sets no pod labels for %s, because the chart has no value for them", at.object, c.Name))
	}
	return all.plus(found{edits: below(c.Values.PodLabels, true).edits(c.PodLabels)})
}

// text searches a string for embedded values.
func (w *valuesWalk) text(n *manifest.Node, near *manifest.Node) {
	const shortest = len("a: {b: }") // the shortest text that can contain values
	if w.depth == maxStringDepth || len(n.Value) < shortest {
		return
	}
	w.depth++
	base64 := w.object.kind == "Secret" && w.depth == 1 && w.object.isData(w.path)
	if stream, into, ok := innerText(n.Value, base64); ok && w.names.mayBeIn(stream) {
		w.stream(stream, into, near)
	}
	w.depth--
}

// innerText returns the stream in a string, which may follow a name such as --values= or
// VALUES=. It is not ok if the stream should be base64 and is not.
func innerText(value string, base64 bool) (stream []byte, into identity.Into, ok bool) {
	into = identity.Into{Base64: base64, Skip: flagName(value)}
	if !base64 {
		return []byte(value[into.Skip:]), into, true
	}
	if stream, ok = manifest.Base64(value); ok { // its end may look like a name
		into.Skip = 0
		return stream, into, true
	}
	stream, ok = manifest.Base64(value[into.Skip:])
	return stream, into, ok
}

// isData reports whether a path leads to a value of a Secret's data.
func (o *object) isData(path identity.Path) bool {
	return len(path) == len(o.path)+2 && path[len(o.path)].Key == "data"
}

// flagName returns the length of the name in an argument such as --values=… or VALUES=…,
// "=" included. It is 0 if the text is not such an argument.
func flagName(text string) int {
	name, _, ok := strings.Cut(text, "=")
	if !ok || strings.ContainsAny(name, " \t\r\n:{\"'") {
		return 0
	}
	return len(name) + 1
}

// stream searches the documents in a string.
func (w *valuesWalk) stream(stream []byte, into identity.Into, near *manifest.Node) {
	for doc := range manifest.Split(stream) {
		text := stream[doc.Start:doc.End]
		if !w.names.mayBeIn(text) {
			continue
		}
		into.Document = doc.Number - 1
		root, err := manifest.Parse(text)
		if err != nil || isTemplate(root) {
			w.unreadable(text, near, err)
			continue
		}
		if root = root.Resolve(); root != nil && root.Kind != manifest.Scalar {
			w.below(identity.Step{Kind: identity.IntoStep, Into: into}, root, near)
		}
	}
}

// unreadable handles a string that names a component and cannot be read. It is not valid
// YAML or, if err is nil, it is a template. If the string certainly has the component's
// keys, bad YAML is an error, and a template is left. Other strings are ignored.
func (w *valuesWalk) unreadable(text []byte, near *manifest.Node, err error) {
	c, ok := w.certain(text)
	if !ok {
		return
	}
	if err == nil || bytes.Contains(text, []byte("{{")) { // its values are only known after it is rendered
		left := w.object.found(TextPlace, c.Name, slices.Clone(w.path), near).because(Left, "the text is a template, and becomes YAML only when it is rendered")
		w.found.places = append(w.found.places, left)
		return
	}
	syntax, ok := errors.AsType[*manifest.SyntaxError](err)
	if !ok {
		syntax = &manifest.SyntaxError{Problem: err.Error()}
	}
	w.found.errs = append(w.found.errs, w.object.inputError(near.Outer(),
		"%s contains values with the key %s that are not valid YAML, in their line %d: %s", w.path, strings.Join(c.Values.Component, "."),
		manifest.NewLines(text).Line(syntax.Offset), syntax.Problem))
}

// isTemplate reports whether a value has a mapping as a key. YAML reads {{ .Values }} so,
// and no real values have such keys.
func isTemplate(n *manifest.Node) bool {
	if n == nil {
		return false
	}
	for key := range n.Fields {
		if key = key.Resolve(); key != nil && key.Kind == manifest.Mapping {
			return true
		}
	}
	return slices.ContainsFunc(n.Content(), isTemplate)
}

// certain returns the component whose values a text certainly contains: it has all keys
// of the component's path, and it begins like values. A script or prose does not.
func (w *valuesWalk) certain(text []byte) (desired.Component, bool) {
	i := slices.IndexFunc(w.state.Components, func(c desired.Component) bool {
		return len(c.Values.Component) > 0 && !slices.ContainsFunc(append(slices.Clone(c.Values.Component), c.Values.Beside), func(key string) bool { return key != "" && !hasKey(text, key) })
	})
	if i < 0 || !beginsAsValues.Get().Match(text) {
		return desired.Component{}, false
	}
	return w.state.Components[i], true
}

// beginsAsValues matches a text whose first line may belong to values: a key, an item or a
// flow mapping. Empty lines, comments, directives and markers may precede it.
var beginsAsValues = lazyregexp.New(`^(?:[ \t\r]*(?:#(?:[^!\n].*)?|%.*|---.*)?\n)*[ \t]*(?:\{|- |["']?[\w./-]+["']?[ \t]*:(?:\s|$))`)

// hasKey reports whether the key seems to be at the start of a line or in a flow mapping.
func hasKey(text []byte, key string) bool {
	return regexp.MustCompile(`(?m)(^|[{,])[ \t]*["']?` + regexp.QuoteMeta(key) + `["']?[ \t]*:`).Match(text)
}

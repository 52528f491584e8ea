package rewrite

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// EmbeddedValues sets the annotations and labels in embedded values: a mapping at
// a component's values path, at any depth of any object, as structure or in a
// string of YAML, JSON or, in a Secret's data, base64. The Space passes these
// values on to the control planes that it creates later.
type EmbeddedValues struct {
	state desired.State
	keys  []string // the last keys of the values paths
	names names    // the same, to search for
}

func newEmbeddedValues(state desired.State) EmbeddedValues {
	r := EmbeddedValues{state: state}
	for _, c := range state.Components {
		if path := c.Values.Component; len(path) > 0 {
			r.keys = append(r.keys, path[len(path)-1])
		}
	}
	r.names = namesOf(r.keys...)
	return r
}

func (r EmbeddedValues) searchNames() []string { return r.keys }

func (r EmbeddedValues) find(o *object) found {
	var all found
	valuesWalk{EmbeddedValues: r, object: o, found: &all}.value(o.node, o.path, o.node)
	return all
}

// valuesWalk goes through the values of an object and of the strings in them.
type valuesWalk struct {
	EmbeddedValues
	object *object
	depth  int    // strings within strings
	found  *found // what it found
}

// maxStringDepth bounds documents in strings in documents in strings.
const maxStringDepth = 8

// value looks at a value and everything below it. near is the value of the object's
// own document that contains it.
func (w valuesWalk) value(n *manifest.Node, path identity.Path, near *manifest.Node) {
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
			if n.Get(c.Values.Component...) != nil {
				*w.found = w.found.plus(values(site{object: w.object, path: path, near: near}, c, n))
			}
		}
		for key, child := range n.Fields {
			if key.Value == lastApplied && w.depth == 0 {
				continue // a record of what kubectl did, not a setting
			}
			w.value(child, path.Field(key.Resolve().Value), near)
		}
	case manifest.Sequence:
		for i, item := range n.Content {
			w.value(item, path.Item(i), near)
		}
	case manifest.Scalar:
		w.text(n, path, near)
	}
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// values returns the edits in a mapping that has a component's values path.
func values(at site, c desired.Component, root *manifest.Node) found {
	held := root.Get(c.Values.Component...).Resolve()
	if len(c.Values.Component) == 0 || held == nil || held.Kind != manifest.Mapping && !held.IsNull() {
		return found{}
	}
	at.path = at.path.Field(c.Values.Component...)
	return settings(at, c, held)
}

// settings returns the edits in the mapping that holds a component's settings.
func settings(at site, c desired.Component, held *manifest.Node) found {
	below := func(path []string, labels bool) site {
		return site{object: at.object, kind: EmbeddedPlace, component: c.Name, labels: labels, near: at.near, path: at.path.Field(path...), values: held.Get(path...)}
	}
	all := below(c.Values.Annotations, false).annotate(c)
	switch {
	case len(c.PodLabels) == 0:
		return all
	case len(c.Values.PodLabels) == 0:
		return all.plus(warningf("the chart has no value for pod labels of %s: its pods get none from %s", c.Name, at.object))
	}
	return all.plus(found{edits: below(c.Values.PodLabels, true).edits(c.PodLabels)})
}

// text looks for embedded values in a string.
func (w valuesWalk) text(n *manifest.Node, path identity.Path, near *manifest.Node) {
	const shortest = len("a: {b: }") // text that can embed values
	if w.depth == maxStringDepth || len(n.Value) < shortest {
		return
	}
	w.depth++
	if w.object.kind == "Secret" && w.depth == 1 && w.object.isData(path) {
		if decoded, ok := manifest.Base64(n.Value); ok && w.names.mayBeIn(decoded) {
			w.stream(decoded, identity.Into{Base64: true}, path, near)
		}
		return
	}
	if !w.names.mayBeIn([]byte(n.Value)) {
		return
	}
	skip := flagName(n.Value)
	w.stream([]byte(n.Value[skip:]), identity.Into{Skip: skip}, path, near)
}

// isData reports whether a path leads to a value of a Secret's data.
func (o *object) isData(path identity.Path) bool {
	return len(path) == len(o.path)+2 && path[len(o.path)].Key == "data"
}

// flagName returns the length of what precedes the value in an argument: --values=
// or VALUES=. It is 0 if the text is no such argument.
func flagName(text string) int {
	name, _, ok := strings.Cut(text, "=")
	if !ok || strings.ContainsAny(name, " \t\r\n:{\"'") {
		return 0
	}
	return len(name) + 1
}

// stream looks at the documents in a string.
func (w valuesWalk) stream(stream []byte, into identity.Into, path identity.Path, near *manifest.Node) {
	for doc := range manifest.Split(stream) {
		text := stream[doc.Start:doc.End]
		if !w.names.mayBeIn(text) {
			continue
		}
		into.Document = doc.Number - 1
		root, err := manifest.Parse(text)
		if err != nil || isTemplate(root) {
			w.broken(text, path, near, err)
			continue
		}
		if root = root.Resolve(); root != nil && root.Kind != manifest.Scalar {
			w.value(root, path.Inside(into), near)
		}
	}
}

// broken deals with a string that names a component and is not valid YAML, or,
// without an error, a template that reads as YAML. If the text certainly has the
// component's keys, bad YAML is an error, and a template is left.
func (w valuesWalk) broken(text []byte, path identity.Path, near *manifest.Node, err error) {
	c, ok := w.certain(text)
	if !ok {
		return
	}
	if err == nil || bytes.Contains(text, []byte("{{")) { // what it will be once rendered is not known
		left := w.object.found(TextPlace, c.Name, path, near).because(Left, "the text is a template and not YAML before it is rendered")
		w.found.places = append(w.found.places, left)
		return
	}
	line := 0
	if syntax, ok := errors.AsType[*manifest.SyntaxError](err); ok {
		line, _ = manifest.NewLines(text).Position(syntax.Offset)
	}
	w.found.errs = append(w.found.errs, w.object.inputError(near.Outer,
		"%s holds values with the key %s that are not valid YAML, at their line %d: %v", path, strings.Join(c.Values.Component, "."), line, err))
}

// isTemplate reports whether a value has a mapping for a key, as {{ .Values }} on
// its own reads: no values have.
func isTemplate(n *manifest.Node) bool {
	if n == nil {
		return false
	}
	for key := range n.Fields {
		if key = key.Resolve(); key != nil && key.Kind == manifest.Mapping {
			return true
		}
	}
	return slices.ContainsFunc(n.Content, isTemplate)
}

// certain returns the component all of whose keys a text has as keys. A script, or
// prose, has other things before them.
func (w valuesWalk) certain(text []byte) (desired.Component, bool) {
	i := slices.IndexFunc(w.state.Components, func(c desired.Component) bool {
		return len(c.Values.Component) > 0 && !slices.ContainsFunc(c.Values.Component, func(key string) bool { return !hasKey(text, key) })
	})
	if i < 0 || !beginsAsValues.Match(text) {
		return desired.Component{}, false
	}
	return w.state.Components[i], true
}

// beginsAsValues matches a text whose first line may be one of values: a key, an item
// or a flow mapping. Empty lines, comments, directives and markers may precede it.
var beginsAsValues = regexp.MustCompile(`^(?:[ \t\r]*(?:#(?:[^!\n].*)?|%.*|---.*)?\n)*[ \t]*(?:\{|- |["']?[\w./-]+["']?[ \t]*:(?:\s|$))`)

// hasKey reports whether a text has a line, or the head of a flow mapping, that
// looks like the key.
func hasKey(text []byte, key string) bool {
	return regexp.MustCompile(`(?m)(^|[{,])[ \t]*["']?` + regexp.QuoteMeta(key) + `["']?[ \t]*:`).Match(text)
}

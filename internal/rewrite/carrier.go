package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// A carrier is a mapping at a component's values path, at any depth, in any
// object: as structure, or inside strings of YAML, JSON or, in a Secret's data,
// base64. From there the Space takes what it gives to the control planes it
// makes later.

// carriers looks for carriers in an object.
func (r *run) carriers(o object) {
	w := walk{run: r, object: o, names: valuesNames(r.spec)}
	w.value(o.node, o.path, o.node)
}

// walk is a way through the values of an object and the strings in them.
type walk struct {
	run    *run
	object object
	names  names // the last keys of the components' values paths
	depth  int   // strings within strings
}

// maxStringDepth bounds documents in strings in documents in strings.
const maxStringDepth = 8

// value looks at a value and all below it. near is the value of the object's own
// document that holds it.
func (w walk) value(n *manifest.Node, path manifest.Path, near *manifest.Node) {
	n = n.Resolve()
	if n == nil {
		return
	}
	if w.depth == 0 {
		near = n
	}
	switch n.Kind {
	case manifest.Mapping:
		for _, c := range w.run.spec.Components {
			w.run.carrier(w.object, c, n, path, near)
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

// carrier writes a component's settings where a mapping has its values path.
func (r *run) carrier(o object, c identity.Component, root *manifest.Node, path manifest.Path, near *manifest.Node) {
	if len(c.Values.Component) == 0 {
		return
	}
	settings := root.Get(c.Values.Component...).Resolve()
	if settings == nil || settings.Kind != manifest.Mapping && !settings.IsNull() {
		return
	}
	r.settings(o, c, settings, path.Field(c.Values.Component...), near)
}

// settings writes into the mapping that holds a component's settings.
func (r *run) settings(o object, c identity.Component, settings *manifest.Node, path manifest.Path, near *manifest.Node) {
	at := site{object: o, finding: o.finding(CarrierPlace, c.Name), near: near}
	annotations := at
	annotations.path = path.Field(c.Values.Annotations...)
	annotations.values = settings.Get(c.Values.Annotations...)
	r.annotate(annotations, c)
	if len(c.PodLabels) == 0 {
		return
	}
	if len(c.Values.PodLabels) == 0 {
		r.warn("the chart has no value for pod labels of %s: its pods get none from %s", c.Name, o)
		return
	}
	labels := at
	labels.path = path.Field(c.Values.PodLabels...)
	labels.values = settings.Get(c.Values.PodLabels...)
	for _, key := range slices.Sorted(maps.Keys(c.PodLabels)) {
		r.put(labels, key, c.PodLabels[key])
	}
}

// text looks for carriers in a string.
func (w walk) text(n *manifest.Node, path manifest.Path, near *manifest.Node) {
	if w.depth == maxStringDepth || len(n.Value) < minCarrier {
		return
	}
	w.depth++
	if w.object.kind == "Secret" && w.depth == 1 && isData(w.object, path) {
		if decoded, ok := manifest.Base64(n.Value); ok && w.names.mayBeIn(decoded) {
			w.stream(decoded, manifest.Into{Base64: true}, path, near)
		}
		return
	}
	if !w.names.mayBeIn([]byte(n.Value)) {
		return
	}
	skip := flagName(n.Value)
	w.stream([]byte(n.Value[skip:]), manifest.Into{Skip: skip}, path, near)
}

// minCarrier is less than the shortest text that can hold a carrier.
const minCarrier = len("a: {b: }")

// isData reports whether a path leads to a value of a Secret's data.
func isData(o object, path manifest.Path) bool {
	return len(path) == len(o.path)+2 && path[len(o.path)].Key == "data"
}

// flagName is how much of an argument comes before what it gives: --values= or
// VALUES=. It is 0 where the text is no such argument.
func flagName(text string) int {
	name, _, ok := strings.Cut(text, "=")
	if !ok || strings.ContainsAny(name, " \t\r\n:{\"'") {
		return 0
	}
	return len(name) + 1
}

// stream looks at the documents in a string.
func (w walk) stream(stream []byte, into manifest.Into, path manifest.Path, near *manifest.Node) {
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

// broken deals with a string that names a component and is no YAML, or, without
// an error, a template that reads as YAML. Where the component's key is certainly
// meant, bad YAML is an error. A template is left alone.
func (w walk) broken(text []byte, path manifest.Path, near *manifest.Node, err error) {
	c, ok := w.certain(text)
	if !ok {
		return
	}
	if err == nil || bytes.Contains(text, []byte("{{")) {
		f := w.object.finding(MentionPlace, c.Name) // what it will be once rendered is not known
		f.Path, f.Line, f.Outcome = path.String(), w.object.line(near), Left
		f.Reason = "the text is a template and no YAML before it is rendered"
		w.run.note(f)
		return
	}
	line := 0
	if syntax, ok := errors.AsType[*manifest.SyntaxError](err); ok {
		line, _ = manifest.NewLines(text).Position(syntax.Offset)
	}
	w.run.fail(w.object.doc.inputError(w.object.String(), near.Outer, fmt.Sprintf(
		"%s holds values with the key %s that are not valid YAML, at their line %d: %v", path, strings.Join(c.Values.Component, "."), line, err)))
}

// isTemplate reports whether a value has a mapping for a key, as {{ .Values }}
// reads where it stands alone: no values do.
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

// certain finds the component all of whose keys a text has as keys. A script, or
// prose, has other things before them.
func (w walk) certain(text []byte) (identity.Component, bool) {
	if !beginsAsValues(text) {
		return identity.Component{}, false
	}
	for _, c := range w.run.spec.Components {
		if len(c.Values.Component) > 0 && !slices.ContainsFunc(c.Values.Component, func(key string) bool {
			return !hasKey(text, key)
		}) {
			return c, true
		}
	}
	return identity.Component{}, false
}

// key is what a line of values begins with, or a flow mapping, or a template.
var key = regexp.MustCompile(`^(\{|- |["']?[\w./-]+["']?[ \t]*:([ \t\r\n]|$))`)

// beginsAsValues reports whether the first line of a text that is neither empty
// nor a comment nor a marker may be one of values.
func beginsAsValues(text []byte) bool {
	if bytes.HasPrefix(text, []byte("#!")) {
		return false
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimLeft(line, " \t\r\n")
		if len(line) > 0 && line[0] != '#' && line[0] != '%' && !bytes.HasPrefix(line, []byte("---")) {
			return key.Match(line)
		}
	}
	return false
}

// hasKey reports whether a text has a line, or the head of a flow mapping, that
// looks like the key.
func hasKey(text []byte, key string) bool {
	return regexp.MustCompile(`(?m)(^|[{,])[ \t]*["']?` + regexp.QuoteMeta(key) + `["']?[ \t]*:`).Match(text)
}

package rewrite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// ConfiguredPlaces sets the annotations and labels at the places that the config
// describes.
type ConfiguredPlaces struct{ state desired.State }

func (r ConfiguredPlaces) searchNames() []string {
	var texts []string
	for _, p := range r.state.Places() {
		texts = append(texts, p.Name)
	}
	return texts
}

func (r ConfiguredPlaces) find(o *object) found {
	var all found
	for _, p := range r.state.Places() {
		if !o.is(p) {
			continue
		}
		c, ok := r.state.Component(p.Component)
		if !ok {
			c = r.state.Components[0] // the only one
		}
		all = all.plus(o.configured(p, c))
	}
	return all
}

func (o *object) is(p identity.Place) bool { return o.kind == p.Kind && o.name == p.Name }

// missing warns of objects under places: in the config that no document contains.
func (r ConfiguredPlaces) missing(docs []*document) found {
	var all found
	for _, p := range r.state.Places() {
		if !anyObject(docs, func(o *object) bool { return o.is(p) }) {
			all = all.plus(warningf("places: the manifests contain no %s %s", p.Kind, p.Name))
		}
	}
	return all
}

// configured returns the edits at a place of the object.
func (o *object) configured(p identity.Place, c desired.Component) found {
	n, path, near, problem := o.follow(p)
	var holds string
	var below []string
	if problem == "" {
		holds, below = contentOf(n, c, p)
		problem = misplaced(n.Get(below...), path.Field(below...), c, holds)
	}
	if problem != "" {
		err := o.inputError(near.Outer(), "the config's places point at %s, and %s", p.Path, problem)
		return found{errs: []error{err.because(o.nearPlace(n, path, c))}}
	}
	at := site{object: o, kind: EmbeddedPlace, component: c.Name, near: near, path: path, values: n}
	switch holds {
	case "values":
		return values(at, c, n)
	case "settings":
		at.path = path.Field(below...)
		return settings(at, c, n.Get(below...))
	case "podLabels":
		at.labels = true
		return found{edits: at.edits(c.PodLabels)}
	}
	return at.annotate(c)
}

// nearPlace returns a cause with a hint to the place that was probably meant, or nil.
func (o *object) nearPlace(n *manifest.Node, path identity.Path, c desired.Component) error {
	if n == nil {
		return nil
	}
	f := finder{component: c, object: o}
	if f.value(n, path); len(f.found) == 0 {
		return nil
	}
	return identity.WithHint(fmt.Sprintf("did you mean the path '%s'?", f.found[0].Path), "the component's settings are elsewhere")
}

// misplaced says why a place cannot contain what it should, or nothing. A wrong level would
// be a field that Kubernetes or the chart does not know.
func misplaced(n *manifest.Node, path identity.Path, c desired.Component, holds string) string {
	key := letters(path[len(path)-1].Key)
	isMap := holds == "annotations" || holds == "podLabels"
	switch {
	case holds == "":
		return "the program cannot tell what it contains: set holds: values, settings, annotations or podLabels"
	case key == "metadata":
		return "metadata has annotations and labels in keys of their own: continue the path with .annotations or .labels"
	case holds == "annotations" && strings.HasSuffix(key, "labels"), holds != "annotations" && strings.HasSuffix(key, "annotations"), !isMap && strings.HasSuffix(key, "labels"):
		return "the name of its last key does not suit holds: " + holds
	case n != nil && isMap && !hasOnlyStrings(n):
		return "it contains mappings or lists, so it cannot hold " + holds
	case holds == "values" && len(c.Values.Component) == 0:
		return "the config does not say where the values of " + c.Name + " are: set values.path of the component"
	case holds == "settings" && len(c.Values.Annotations) == 0:
		return "the config does not say where the settings of " + c.Name + " have annotations: set values.path and values.annotations of the component, or end the path at the annotations"
	case holds == "values" && n.Get(c.Values.Component...) == nil:
		return "it has no key " + strings.Join(c.Values.Component, ".")
	case holds == "settings" && n != nil && hasNamedSettings(n, c):
		return "it has a key with the settings of " + c.Name + ": continue the path with that key"
	}
	return ""
}

// hasNamedSettings reports whether a key of a mapping is the component's name, and has a
// mapping. A key that [contentOf] takes for the end of the values path is not meant.
func hasNamedSettings(n *manifest.Node, c desired.Component) bool {
	for key, value := range n.Fields {
		if value = value.Resolve(); isName(c, key.Resolve().Value) && value.Kind == manifest.Mapping && (len(c.Values.Annotations) == 0 || n.Field(c.Values.Annotations[0]) == nil) {
			return true
		}
	}
	return false
}

// contentOf returns what a place contains. If the config does not say so, it looks at
// the mapping there. Values have the component's path. The component's settings have
// the end of that path (below), or one of their keys. Annotations have only strings.
func contentOf(n *manifest.Node, c desired.Component, p identity.Place) (holds string, below []string) {
	if p.Holds != "" {
		return p.Holds, nil
	}
	if len(c.Values.Component) > 0 && n.Get(c.Values.Component...) != nil {
		return "values", nil
	}
	for i := 1; i < len(c.Values.Component); i++ {
		if below := c.Values.Component[i:]; n.Get(below...) != nil {
			return "settings", below
		}
	}
	for _, path := range [][]string{c.Values.Annotations, c.Values.PodLabels} {
		if len(path) > 1 && n.Field(path[0]) != nil {
			return "settings", nil
		}
	}
	if len(p.Path) > 0 && isName(c, p.Path[len(p.Path)-1].Key) && (n == nil || len(n.Content()) == 0) {
		return "settings", nil
	}
	if n != nil && (n.IsNull() || hasOnlyStrings(n)) || n == nil && len(p.Path) > 0 && strings.HasSuffix(strings.ToLower(p.Path[len(p.Path)-1].Key), "annotations") {
		return "annotations", nil
	}
	return "", nil
}

// hasOnlyStrings reports whether all values of a mapping are scalars, like annotations.
func hasOnlyStrings(n *manifest.Node) bool {
	for _, value := range n.AllFields {
		if value.Resolve().Kind != manifest.Scalar {
			return false
		}
	}
	return true
}

// follow returns the mapping that a configured place points at, its path, and the last
// value on the path that exists in the object's own document. The mapping is nil if the
// last keys of the path are missing, which the edit adds. problem says why the place cannot
// be used.
func (o *object) follow(p identity.Place) (n *manifest.Node, path identity.Path, near *manifest.Node, problem string) {
	n, path, near = o.node, o.path, o.node
	for _, step := range p.Path {
		if step.Kind == identity.IntoStep {
			if n, path, problem = inside(n, path, step.Into, ""); problem != "" {
				return nil, nil, near, problem
			}
			continue
		}
		n, path = n.Step(step), append(slices.Clip(path), step)
		if n == nil && step.Kind == identity.ItemStep {
			return nil, nil, near, fmt.Sprintf("there is no item %d", step.Item)
		}
		if n != nil && path.Crossing() < 0 {
			near = n
		}
	}
	n = n.Resolve()
	structure := n == nil || n.Kind == manifest.Mapping || n.IsNull()
	switch {
	case structure && p.Encoding != "" && p.Encoding != "none":
		return n, path, near, "it is not a string, so encoding: " + p.Encoding + " cannot describe it"
	case structure && path.Crossing() < 0 && o.hasStringsIn(p.Path[0].Key) && n == nil:
		return nil, path, near, "nothing is at that path"
	case structure && path.Crossing() < 0 && o.hasStringsIn(p.Path[0].Key): //mutate:equivalent [<=] a path begins with a key
		return n, path, near, "Kubernetes accepts only strings there: continue the path to one of them"
	case structure:
		return n, path, near, ""
	case n.Kind == manifest.Scalar && p.Encoding == "none":
		return nil, path, near, "it is a string: set encoding: yaml, json or base64"
	case n.Kind == manifest.Scalar:
		n, path, problem = inside(n, path, identity.Into{Base64: p.Encoding == "base64"}, p.Encoding)
	}
	if problem == "" && n.Kind == manifest.Sequence {
		return n, path, near, "it is a list: continue the path to one of its items, such as [0]"
	}
	return n, path, near, problem
}

// hasStringsIn reports whether Kubernetes accepts only strings in a field of the object,
// so that the program cannot add a mapping there.
func (o *object) hasStringsIn(field string) bool {
	return o.group == "" && (o.kind == "ConfigMap" || o.kind == "Secret") && field != "metadata"
}

// inside returns the root of a document in the string at a path.
func inside(n *manifest.Node, path identity.Path, into identity.Into, encoding string) (*manifest.Node, identity.Path, string) {
	if n = n.Resolve(); n == nil || n.Kind != manifest.Scalar {
		return nil, nil, "there is no string at " + path.String()
	}
	stream, found, ok := innerText(n.Value, into.Base64)
	into.Skip = found.Skip
	switch {
	case !ok:
		return nil, nil, "the string there is not valid base64"
	case encoding == "json" && !json.Valid(stream):
		return nil, nil, "the string there is not valid JSON"
	}
	documents := slices.Collect(manifest.Split(stream))
	if into.Document >= len(documents) {
		return nil, nil, fmt.Sprintf("the string there has no document %d", into.Document+1)
	}
	doc := documents[into.Document]
	root, err := manifest.Parse(stream[doc.Start:doc.End])
	if err != nil {
		return nil, nil, "the string there cannot be read: " + err.Error()
	}
	if root = root.Resolve(); root == nil || root.Kind == manifest.Scalar {
		return nil, nil, "the string there contains no mapping"
	}
	return root, path.Inside(into), ""
}

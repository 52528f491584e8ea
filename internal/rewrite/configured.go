package rewrite

import (
	"encoding/json"
	"fmt"
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
	if problem != "" {
		return found{errs: []error{o.inputError(near.Outer, "the config's places point at %s, and %s", p.Path, problem)}}
	}
	at := site{object: o, kind: EmbeddedPlace, component: c.Name, near: near, path: path, values: n}
	switch holds, below := contentOf(n, c, p); holds {
	case "values":
		return values(at, c, n)
	case "settings":
		at.path = path.Field(below...)
		return settings(at, c, n.Get(below...))
	case "podLabels":
		at.labels = true
		return found{edits: at.edits(c.PodLabels)}
	case "annotations":
		return at.annotate(c)
	}
	return found{errs: []error{o.inputError(near.Outer, "the config's places point at %s, and the program cannot tell what it contains: "+
		"set holds: values, settings, annotations or podLabels", p.Path)}}
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
	if n != nil && hasOnlyStrings(n) || n == nil && namesAnnotations(p.Path) {
		return "annotations", nil
	}
	return "", nil
}

// namesAnnotations reports whether the last key of a path says that annotations
// belong there.
func namesAnnotations(path identity.Path) bool {
	return len(path) > 0 && strings.HasSuffix(strings.ToLower(path[len(path)-1].Key), "annotations")
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
// value on the path that exists. The mapping is nil if the last keys of the path are
// missing, which the edit adds. problem says why the place cannot be used.
func (o *object) follow(p identity.Place) (n *manifest.Node, path identity.Path, near *manifest.Node, problem string) {
	n, path, near = o.node, o.path, o.node
	for _, step := range p.Path {
		switch step.Kind {
		case identity.IntoStep:
			return nil, nil, near, "the path goes into a string: end it at the string, and set encoding: yaml, json or base64"
		case identity.ItemStep:
			n, path = n.Item(step.Item), path.Item(step.Item)
			if n == nil {
				return nil, nil, near, fmt.Sprintf("there is no item %d", step.Item)
			}
		default:
			n, path = n.Field(step.Key), path.Field(step.Key)
		}
		if n != nil {
			near = n
		}
	}
	if n == nil && o.hasStringsIn(p.Path[0].Key) {
		return nil, nil, near, "nothing is at that path"
	}
	n, path, problem = inside(n.Resolve(), path, p.Encoding)
	return n, path, near, problem
}

// hasStringsIn reports whether Kubernetes accepts only strings in a field of the object,
// so that the program cannot add a mapping there.
func (o *object) hasStringsIn(field string) bool {
	return o.group == "" && (o.kind == "ConfigMap" || o.kind == "Secret") && field != "metadata"
}

// inside returns the mapping at the end of a place's path, or in the string there.
func inside(n *manifest.Node, path identity.Path, encoding string) (*manifest.Node, identity.Path, string) {
	structure := n == nil || n.Kind == manifest.Mapping || n.IsNull()
	switch {
	case structure && encoding != "" && encoding != "none":
		return nil, nil, "it is not a string, so encoding: " + encoding + " cannot describe it"
	case structure:
		return n, path, ""
	case n.Kind != manifest.Scalar:
		return nil, nil, "it is a list: point at one of its items"
	case encoding == "none":
		return nil, nil, "it is a string: set encoding: yaml, json or base64"
	}
	into := identity.Into{Base64: encoding == "base64"}
	text := []byte(n.Value)
	if into.Base64 {
		decoded, ok := manifest.Base64(n.Value)
		if !ok {
			return nil, nil, "the string there is not valid base64"
		}
		text = decoded
	}
	if encoding == "json" && !json.Valid(text) {
		return nil, nil, "the string there is not valid JSON"
	}
	root, err := manifest.Parse(text)
	if err != nil {
		return nil, nil, "the string there cannot be read: " + err.Error()
	}
	if root = root.Resolve(); root == nil || root.Kind != manifest.Mapping {
		return nil, nil, "the string there contains no mapping"
	}
	return root, path.Inside(into), ""
}

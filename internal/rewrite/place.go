package rewrite

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// configuredPlaces writes to the places that the config points at.
func (r *run) configuredPlaces() {
	for _, p := range r.spec.Places {
		found := false
		for _, doc := range r.docs {
			for _, o := range doc.objects {
				if o.kind == p.Kind && o.name == p.Name {
					found = true
					r.configuredPlace(o, p)
				}
			}
		}
		if !found {
			r.warn("places: no %s %s is in the manifests", p.Kind, p.Name)
		}
	}
}

func (r *run) configuredPlace(o object, p identity.Place) {
	c, ok := r.spec.Component(p.Component)
	if !ok {
		c = r.spec.Components[0]
	}
	n, path, near, problem := o.follow(p)
	if problem != "" {
		r.fail(o.doc.inputError(o.String(), near.Outer, fmt.Sprintf("the config's places point at %s, and %s", p.Path, problem)))
		return
	}
	at := site{object: o, finding: o.finding(CarrierPlace, c.Name), near: near, path: path, values: n}
	switch held, below := holds(n, c, p); held {
	case "values":
		r.carrier(o, c, n, path, near)
	case "settings":
		r.settings(o, c, n.Get(below...), path.Field(below...), near)
	case "podLabels":
		template, templatePath := o.podTemplate()
		at.label = template != nil && samePath(path, templatePath.Field("metadata", "labels"))
		for _, key := range slices.Sorted(maps.Keys(c.PodLabels)) {
			r.put(at, key, c.PodLabels[key])
		}
	case "annotations":
		r.annotate(at, c)
	default:
		r.fail(o.doc.inputError(o.String(), near.Outer, fmt.Sprintf("the config's places point at %s, and what stands there does not tell what it is; "+
			"say holds: values, settings, annotations or podLabels", p.Path)))
	}
}

// holds is what a place holds: what the config says, else what shows. That are
// the values with the component's path or the end of it, the component's settings
// by one of their keys, or annotations where there are only strings. below is
// where in the mapping settings stand.
func holds(n *manifest.Node, c identity.Component, p identity.Place) (held string, below []string) {
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
	if n != nil && onlyStrings(n) || n == nil && namesAnnotations(p.Path.String()) {
		return "annotations", nil
	}
	return "", nil
}

// namesAnnotations reports whether a path, at whose end nothing stands yet, says
// itself what is to stand there.
func namesAnnotations(path string) bool {
	return strings.HasSuffix(strings.ToLower(strings.Trim(path, `"'[]`)), "annotations")
}

// onlyStrings reports whether a mapping has nothing but texts in it, as
// annotations have.
func onlyStrings(n *manifest.Node) bool {
	for _, value := range n.Fields {
		if value.Resolve().Kind != manifest.Scalar {
			return false
		}
	}
	return true
}

// follow finds the mapping a configured place points at, and the last value on
// the way. The mapping is nil where only its last keys are missing: they are made.
func (o object) follow(p identity.Place) (n *manifest.Node, path manifest.Path, near *manifest.Node, problem string) {
	n, path, near = o.node, o.path, o.node
	for _, step := range p.Path {
		switch step.Kind {
		case identity.IntoStep:
			return nil, nil, near, "the path goes into a string; end it at the string and set encoding: yaml, json or base64"
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
	if n == nil && o.holdsStrings(p.Path[0].Key) {
		return nil, nil, near, "nothing stands there"
	}
	n, path, problem = inside(n.Resolve(), path, p.Encoding)
	return n, path, near, problem
}

// holdsStrings reports whether Kubernetes takes only strings in a field of the
// object, so that no mapping can be made there.
func (o object) holdsStrings(field string) bool {
	return o.group == "" && (o.kind == "ConfigMap" || o.kind == "Secret") && field != "metadata"
}

// inside is the mapping at the end of a place's path, or in the string there.
func inside(n *manifest.Node, path manifest.Path, encoding string) (*manifest.Node, manifest.Path, string) {
	structure := n == nil || n.Kind == manifest.Mapping || n.IsNull()
	switch {
	case structure && encoding != "" && encoding != "none":
		return nil, nil, "no string stands there for encoding: " + encoding
	case structure:
		return n, path, ""
	case n.Kind != manifest.Scalar:
		return nil, nil, "a list stands there; point at one of its items"
	case encoding == "none":
		return nil, nil, "a string stands there; say encoding: yaml, json or base64"
	}
	into := manifest.Into{Base64: encoding == "base64"}
	text := []byte(n.Value)
	if into.Base64 {
		decoded, ok := manifest.Base64(n.Value)
		if !ok {
			return nil, nil, "the string there is no valid base64"
		}
		text = decoded
	}
	if encoding == "json" && !json.Valid(text) {
		return nil, nil, "the string there is no valid JSON"
	}
	root, err := manifest.Parse(text)
	if err != nil {
		return nil, nil, "the string there is no valid YAML: " + err.Error()
	}
	if root = root.Resolve(); root == nil || root.Kind != manifest.Mapping {
		return nil, nil, "the string there holds no mapping"
	}
	return root, path.Inside(into), ""
}

package cli

// Moves to packages desired and export with them.

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
)

// writeDocument writes a document, given as JSON or as a YAML stream, in either
// format.
func (env *Env) writeDocument(format output.Format, text []byte) error {
	if isJSON := len(text) > 0 && (text[0] == '{' || text[0] == '['); isJSON == (format == output.JSON) {
		return env.write(text)
	}
	if format == output.JSON {
		return env.writeAsJSON(text)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	toBlockStyle(&doc)
	encoder := yaml.NewEncoder(env.Out)
	encoder.SetIndent(2)
	return encoder.Encode(&doc)
}

// writeAsJSON writes several documents as a List of Kubernetes.
func (env *Env) writeAsJSON(text []byte) error {
	var documents []any
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc any
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		documents = append(documents, doc)
	}
	encoder := json.NewEncoder(env.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if len(documents) == 1 {
		return encoder.Encode(documents[0])
	}
	return encoder.Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": documents})
}

func toBlockStyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		toBlockStyle(child)
	}
}

// valuesFile writes the settings at the components' values paths.
func valuesFile(spec identity.Spec) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, c := range spec.Components {
		if c.Mode.UsesIRSA() {
			if err := spec.Require(c.Name, identity.NeedRole); err != nil {
				return nil, err
			}
			setValue(root, c.Role.String(), append(slices.Concat(c.Values.Component, c.Values.Annotations), identity.RoleAnnotation)...)
		}
		for _, key := range slices.Sorted(maps.Keys(c.ExtraAnnotations)) {
			setValue(root, c.ExtraAnnotations[key], append(slices.Concat(c.Values.Component, c.Values.Annotations), key)...)
		}
		for _, key := range slices.Sorted(maps.Keys(c.PodLabels)) {
			if len(c.Values.PodLabels) > 0 {
				setValue(root, c.PodLabels[key], append(slices.Concat(c.Values.Component, c.Values.PodLabels), key)...)
			}
		}
		for _, s := range c.Settings {
			setValue(root, s.Value, s.Path...)
		}
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode(root)
	return b.Bytes(), err
}

// setValue puts a string at a path of mappings.
func setValue(node *yaml.Node, value string, path ...string) {
	for _, key := range path[:len(path)-1] {
		node = child(node, key, yaml.MappingNode)
	}
	child(node, path[len(path)-1], yaml.ScalarNode).SetString(value)
}

// child is the value under a key of a mapping, made where there is none.
func child(mapping *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	name, value := &yaml.Node{}, &yaml.Node{Kind: kind}
	name.SetString(key)
	mapping.Content = append(mapping.Content, name, value)
	return value
}

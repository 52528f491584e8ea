package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"

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

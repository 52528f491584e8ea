package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// writeYAML writes the fields of the JSON in the same order.
func writeYAML(_ *Printer, r Result) ([]byte, error) {
	compact, err := compactJSON(r)
	if err != nil {
		return nil, err
	}
	return fromJSON(compact)
}

// fromJSON returns a JSON document as YAML, with its fields in the same order.
func fromJSON(text []byte) ([]byte, error) {
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	node, err := yamlNode(tokens)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}

// Document writes a document in a format. The text is JSON or a YAML stream. In JSON,
// several documents become one List of Kubernetes.
func (p *Printer) Document(f Format, text []byte) error {
	isJSON := bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))
	var err error
	switch {
	case isJSON && f == YAML:
		text, err = fromJSON(text)
	case !isJSON && f == JSON:
		text, err = toJSON(text)
	}
	if err == nil {
		_, err = p.out.Write(text)
	}
	return err
}

func toJSON(stream []byte) ([]byte, error) {
	var documents []any
	for decoder := yaml.NewDecoder(bytes.NewReader(stream)); ; {
		var doc any
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		documents = append(documents, doc)
	}
	var all any = map[string]any{"apiVersion": "v1", "kind": "List", "items": documents}
	if len(documents) == 1 {
		all = documents[0]
	}
	compact, err := encoded(all)
	if err != nil {
		return nil, err
	}
	return indented(compact)
}

// yamlNode returns the next JSON value as a YAML node. The content of a mapping node is
// its keys and values, alternating.
func yamlNode(tokens *json.Decoder) (*yaml.Node, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch t := token.(type) {
	case string:
		err = node.Encode(t) // quotes what YAML 1.1 takes for a boolean, such as no
	case json.Number:
		node.Value = t.String()
	case bool:
		node.Value = map[bool]string{true: "true", false: "false"}[t]
	case nil:
		node.Value = "null"
	case json.Delim:
		node.Kind = yaml.SequenceNode
		if t == '{' {
			node.Kind = yaml.MappingNode
		}
		for tokens.More() {
			child, err := yamlNode(tokens)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = tokens.Token() // the closing bracket
	}
	return node, err
}

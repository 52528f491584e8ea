package output

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// writeYAML writes the fields of the JSON in the same order.
func writeYAML(_ *Printer, r Result) ([]byte, error) {
	compact, err := compactJSON(r)
	if err != nil {
		return nil, err
	}
	tokens := json.NewDecoder(bytes.NewReader(compact))
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

// yamlNode returns the next JSON value as a YAML node. In a mapping the keys are
// values like any other, so both are nodes in turn.
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

package export

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
)

// object is a Kubernetes object.
type object struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       any      `yaml:"spec"`
}

type metadata struct {
	Name        string            `yaml:"name"`
	Namespace   string            `yaml:"namespace,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// encodeYAML returns documents as a YAML stream, indented by two spaces. The types of
// this package can always be encoded.
func encodeYAML(documents ...any) []byte {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	for _, d := range documents {
		if err := encoder.Encode(d); err != nil {
			panic(err)
		}
	}
	if err := encoder.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Values returns the settings of all components as a values file of the Spaces chart. The
// error names the roles that are missing.
func Values(s desired.State) ([]byte, error) {
	values, err := s.Values()
	if err != nil {
		return nil, err
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, v := range values {
		node := root
		for _, step := range v.Path {
			node = child(node, step.Key)
		}
		setText(node, v.Text)
	}
	return encodeYAML(root), nil
}

// child returns the value of a key. It adds the key if the mapping does not have it.
func child(mapping *yaml.Node, key string) *yaml.Node {
	mapping.Kind = yaml.MappingNode
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	name, value := &yaml.Node{}, &yaml.Node{}
	setText(name, key)
	mapping.Content = append(mapping.Content, name, value)
	return value
}

// setText sets a node to a string. It quotes words that YAML 1.1, which Helm reads, takes
// for something else, such as no.
func setText(node *yaml.Node, text string) {
	if err := node.Encode(text); err != nil {
		panic(err) // every string can be encoded
	}
}

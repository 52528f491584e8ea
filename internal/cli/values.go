package cli

import (
	"bytes"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

func (a *app) valuesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "values",
		Short: "Print the same settings as values for the Spaces chart",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			text, err := valuesFile(spec)
			if err != nil {
				return err
			}
			_, err = a.Out.Write(text)
			return err
		},
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
		for _, key := range slices.Sorted(maps.Keys(c.Annotations)) {
			setValue(root, c.Annotations[key], append(slices.Concat(c.Values.Component, c.Values.Annotations), key)...)
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

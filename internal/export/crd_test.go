package export_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// documentsOf returns the documents of a stream.
func documentsOf(t *testing.T, stream []byte) []*yaml.Node {
	t.Helper()
	var all []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(stream))
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, stream)
		}
		all = append(all, n.Content[0])
	}
}

// schema is the part of OpenAPI that the CRDs use.
type schema struct {
	Type       string
	Properties map[string]*schema
	Additional *schema `yaml:"additionalProperties"`
	Items      *schema
	Required   []string
	Enum       []string
	MinLength  int  `yaml:"minLength"`
	Open       bool `yaml:"x-kubernetes-preserve-unknown-fields"`
}

type definition struct {
	Spec struct {
		Group    string
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Served bool
			Schema struct {
				OpenAPIV3Schema *schema `yaml:"openAPIV3Schema"`
			}
		}
	}
}

// checkCRD validates objects strictly against the definitions of their kinds.
func checkCRD(t *testing.T, definitions string, objects []byte) {
	t.Helper()
	var all []definition
	for _, document := range documentsOf(t, []byte(definitions)) {
		var d definition
		if err := document.Decode(&d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	for _, document := range documentsOf(t, objects) {
		var head struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
		}
		if err := document.Decode(&head); err != nil {
			t.Fatal(err)
		}
		if s := schemaOf(all, head.APIVersion, head.Kind); s == nil {
			t.Errorf("no definition has %s %s", head.APIVersion, head.Kind)
		} else {
			validate(t, s, document, head.Kind)
		}
	}
}

// schemaOf returns the schema of a kind, or nil.
func schemaOf(all []definition, apiVersion, kind string) *schema {
	for _, d := range all {
		for _, v := range d.Spec.Versions {
			if v.Served && kind == d.Spec.Names.Kind && apiVersion == d.Spec.Group+"/"+v.Name {
				return v.Schema.OpenAPIV3Schema
			}
		}
	}
	return nil
}

func validate(t *testing.T, s *schema, n *yaml.Node, path string) {
	t.Helper()
	switch tag := n.ShortTag(); s.Type {
	case "object":
		validateObject(t, s, n, path)
	case "array":
		for _, item := range n.Content {
			validate(t, s.Items, item, path+"[]")
		}
	case "integer":
		if tag != "!!int" {
			t.Errorf("%s: %s is not an integer", path, n.Value)
		}
	case "number":
		if tag != "!!int" && tag != "!!float" {
			t.Errorf("%s: %s is not a number", path, n.Value)
		}
	case "boolean":
		if tag != "!!bool" {
			t.Errorf("%s: %s is not a boolean", path, n.Value)
		}
	case "string":
		if tag != "!!str" || len(n.Value) < s.MinLength || s.Enum != nil && !slices.Contains(s.Enum, n.Value) {
			t.Errorf("%s: %s %q does not match %+v", path, tag, n.Value, *s)
		}
	default:
		t.Errorf("%s: this test does not know the type %q", path, s.Type)
	}
}

func validateObject(t *testing.T, s *schema, n *yaml.Node, path string) {
	t.Helper()
	if n.Kind != yaml.MappingNode {
		t.Errorf("%s: not a mapping", path)
		return
	}
	present := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		present[key] = true
		property := s.Properties[key]
		if property == nil {
			property = s.Additional
		}
		switch {
		case property != nil:
			validate(t, property, n.Content[i+1], path+"."+key)
		case !s.Open && s.Properties != nil:
			t.Errorf("%s.%s: unknown", path, key)
		}
	}
	for _, key := range s.Required {
		if !present[key] {
			t.Errorf("%s.%s: missing", path, key)
		}
	}
}

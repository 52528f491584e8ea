package export

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

func TestSharedBackupConfig(t *testing.T) {
	china := backup()
	china.Role.Partition, china.Prefix = "aws-cn", "prod/space-1/"
	chinese := space()
	chinese.Cluster.Region = "cn-north-1"
	chinese.SharedBackupConfig = identity.SharedBackupConfig{Name: "nightly", Namespace: "default"}
	nastyPrefix := backup()
	nastyPrefix.Prefix = nasty
	own := space()
	own.SharedBackupConfig.Endpoint = "vpce-1.s3.us-west-2.vpce.amazonaws.com:443"
	tests := map[string]struct {
		spec identity.Spec
		c    identity.Component
	}{
		"plain":    {space(), backup()},
		"china":    {chinese, china},
		"nasty":    {space(), nastyPrefix},
		"endpoint": {own, backup()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := SharedBackupConfig(tt.spec, tt.c)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "shared-backup-config/"+name+".yaml", out)
			var got sharedBackupConfig
			if err := yaml.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			storage := got.Spec.ObjectStorage
			if storage.Credentials.Source != "InjectedIdentity" || storage.Bucket != tt.c.Bucket || storage.Prefix != prefixOf(tt.c) {
				t.Errorf("%+v", storage)
			}
			checkAgainstCRD(t, out)
		})
	}
}

func prefixOf(c identity.Component) string { return strings.TrimSuffix(c.Prefix, "/") }

func TestSharedBackupConfigRefuses(t *testing.T) {
	iso := backup()
	iso.Role.Partition = "aws-iso"
	named := space()
	named.SharedBackupConfig.Name = "a\nb"
	for want, tt := range map[string]struct {
		spec identity.Spec
		c    identity.Component
	}{
		"no bucket is set": {space(), identity.Component{Name: "x"}},
		"no region is set": {identity.Spec{}, backup()},
		"the host of S3":   {space(), iso},
		"is not the name":  {named, backup()},
	} {
		if out, err := SharedBackupConfig(tt.spec, tt.c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\n%s", want, err, out)
		}
	}
}

// schema is what of OpenAPI the CRD uses.
type schema struct {
	Type       string             `yaml:"type"`
	Properties map[string]*schema `yaml:"properties"`
	Required   []string           `yaml:"required"`
	Enum       []string           `yaml:"enum"`
	MinLength  int                `yaml:"minLength"`
	Open       bool               `yaml:"x-kubernetes-preserve-unknown-fields"`
}

type crd struct {
	Spec struct {
		Versions []struct {
			Name   string
			Served bool
			Schema struct {
				OpenAPIV3Schema *schema `yaml:"openAPIV3Schema"`
			}
		}
	}
}

// checkAgainstCRD validates the document against the vendor's definition where
// that lies beside the repository.
func checkAgainstCRD(t *testing.T, document []byte) {
	t.Helper()
	data, err := os.ReadFile("../../../shared/crds/spaces.upbound.io_sharedbackupconfigs.yaml")
	if err != nil {
		t.Log("not checked against the CRD: it is not here")
		return
	}
	var definition crd
	if err := yaml.Unmarshal(data, &definition); err != nil {
		t.Fatal(err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(document, &node); err != nil {
		t.Fatal(err)
	}
	for _, v := range definition.Spec.Versions {
		if v.Name == "v1alpha1" && v.Served {
			validate(t, v.Schema.OpenAPIV3Schema, node.Content[0], "")
			return
		}
	}
	t.Fatal("the CRD serves no v1alpha1")
}

func validate(t *testing.T, s *schema, n *yaml.Node, path string) {
	t.Helper()
	switch s.Type {
	case "object":
		validateObject(t, s, n, path)
	case "string":
		if n.ShortTag() != "!!str" || len(n.Value) < s.MinLength || s.Enum != nil && !slices.Contains(s.Enum, n.Value) {
			t.Errorf("%s: %s %q does not fit %+v", path, n.ShortTag(), n.Value, *s)
		}
	default:
		t.Errorf("%s: the test knows no type %q", path, s.Type)
	}
}

func validateObject(t *testing.T, s *schema, n *yaml.Node, path string) {
	t.Helper()
	if n.Kind != yaml.MappingNode {
		t.Errorf("%s: no mapping", path)
		return
	}
	there := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		there[key] = true
		property, known := s.Properties[key]
		switch {
		case known:
			validate(t, property, n.Content[i+1], path+"."+key)
		case !s.Open && path != ".metadata":
			t.Errorf("%s.%s: unknown", path, key)
		}
	}
	for _, key := range s.Required {
		if !there[key] {
			t.Errorf("%s.%s: missing", path, key)
		}
	}
}

package grant

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/iam"
)

// The API versions of the AWS provider for Crossplane (families aws-iam and
// aws-eks). The cluster-scoped groups are in every release of it, for Crossplane
// 1 and 2.
const (
	iamAPI = "iam.aws.upbound.io/v1beta1"
	eksAPI = "eks.aws.upbound.io/v1beta1"
)

// externalName ties a managed resource to what it is called in AWS.
const externalName = "crossplane.io/external-name"

// managed is a managed resource of Crossplane. P is what it asks of the
// provider.
type managed[P any] struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec[P]  `yaml:"spec"`
}

type metadata struct {
	Name        string            `yaml:"name"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type spec[P any] struct {
	DeletionPolicy string `yaml:"deletionPolicy,omitempty"`
	ForProvider    P      `yaml:"forProvider"`
}

type roleParameters struct {
	Path             string `yaml:"path"`
	AssumeRolePolicy string `yaml:"assumeRolePolicy"` // JSON
}

type rolePolicyParameters struct {
	Role   string `yaml:"role"`
	Policy string `yaml:"policy"` // JSON
}

type oidcProviderParameters struct {
	URL          string   `yaml:"url"`
	ClientIDList []string `yaml:"clientIdList"`
}

type associationParameters struct {
	Region             string            `yaml:"region"`
	ClusterName        string            `yaml:"clusterName"`
	Namespace          string            `yaml:"namespace"`
	ServiceAccount     string            `yaml:"serviceAccount"`
	RoleARN            string            `yaml:"roleArn"`
	TargetRoleARN      string            `yaml:"targetRoleArn,omitempty"`
	DisableSessionTags bool              `yaml:"disableSessionTags,omitempty"`
	Tags               map[string]string `yaml:"tags,omitempty"`
}

// asCrossplane is a YAML stream of managed resources.
func asCrossplane(g Grant) ([]byte, error) {
	switch g.Part {
	case Trust:
		return crossplaneTrust(g)
	case Permissions:
		return yamlStream(managed[rolePolicyParameters]{iamAPI, "RolePolicy",
			named(objectName("spaces-identity", g.Component), g.PolicyName()),
			spec[rolePolicyParameters]{ForProvider: rolePolicyParameters{g.RoleName(), string(g.Document.JSON())}}})
	}
	return crossplaneAssociations(g)
}

func named(name, external string) metadata {
	return metadata{name, map[string]string{externalName: external}}
}

// crossplaneTrust names an OIDC provider by its ARN, so that one which exists is
// taken over, and leaves it in place when the resource goes: others may depend on
// it.
func crossplaneTrust(g Grant) ([]byte, error) {
	var resources []any
	for _, p := range g.Providers {
		resources = append(resources, managed[oidcProviderParameters]{iamAPI, "OpenIDConnectProvider",
			named(objectName("spaces-identity", p.URL[len("https://"):]), p.ARN),
			spec[oidcProviderParameters]{"Orphan", oidcProviderParameters{p.URL, []string{iam.Audience}}}})
	}
	resources = append(resources, managed[roleParameters]{iamAPI, "Role",
		named(objectName("spaces-identity", g.RoleName()), g.RoleName()),
		spec[roleParameters]{ForProvider: roleParameters{g.RolePath(), string(g.Document.JSON())}}})
	return yamlStream(resources...)
}

func crossplaneAssociations(g Grant) ([]byte, error) {
	resources := make([]any, len(g.Associations))
	for i, a := range g.Associations {
		if a.Policy != "" {
			return nil, fmt.Errorf("the PodIdentityAssociation of Crossplane's AWS provider (%s, as far as this program knows it) has no field for a session policy: "+
				"leave podIdentity.policy out, or use another format", eksAPI)
		}
		resources[i] = managed[associationParameters]{eksAPI, "PodIdentityAssociation",
			metadata{Name: objectName("spaces-identity", g.Component, a.Region, a.ClusterName, a.Namespace)},
			spec[associationParameters]{ForProvider: associationParameters{a.Region, a.ClusterName, a.Namespace,
				a.ServiceAccount, a.RoleARN, a.TargetRoleARN, a.DisableSessionTags, a.Tags}}}
	}
	return yamlStream(resources...)
}

func yamlStream(documents ...any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	for _, d := range documents {
		if err := e.Encode(d); err != nil {
			return nil, fmt.Errorf("write custom resources: %w", err)
		}
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("write custom resources: %w", err)
	}
	return b.Bytes(), nil
}

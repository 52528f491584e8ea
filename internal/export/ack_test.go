package export_test

import (
	"bytes"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/shared"
)

// ackResource is an ACK resource of any kind, with the fields that the test reads.
type ackResource struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		URL              string   `yaml:"url"`
		ClientIDs        []string `yaml:"clientIDs"`
		Name             string
		Path             string
		AssumeRolePolicy string            `yaml:"assumeRolePolicyDocument"`
		InlinePolicies   map[string]string `yaml:"inlinePolicies"`
		Policies         []string
		Boundary         string `yaml:"permissionsBoundary"`
		Session          int    `yaml:"maxSessionDuration"`
		Tags             yaml.Node
		ClusterName      string `yaml:"clusterName"`
		Namespace        string
		ServiceAccount   string                   `yaml:"serviceAccount"`
		RoleRef          struct{ From reference } `yaml:"roleRef"`
		RoleARN          string                   `yaml:"roleARN"`
		TargetRoleARN    string                   `yaml:"targetRoleARN"`
		DisableTags      bool                     `yaml:"disableSessionTags"`
		Policy           string
	}
}

// tags reads tags as a list of pairs (IAM) or as a mapping (EKS).
func (r ackResource) tags(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	if r.Kind == "PodIdentityAssociation" {
		if err := r.Spec.Tags.Decode(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	var list []struct{ Key, Value string }
	if err := r.Spec.Tags.Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, tag := range list {
		all[tag.Key] = tag.Value
	}
	return all
}

// readACK follows the references by name, as ACK does within a namespace.
func readACK(t *testing.T, stream []byte) account {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(stream))
	decoder.KnownFields(true)
	a, arns, seen := newAccount(), map[string]string{}, map[string]bool{}
	for range documentsOf(t, stream) {
		var r ackResource
		if err := decoder.Decode(&r); err != nil {
			t.Fatalf("%v\n%s", err, stream)
		}
		if err := identity.ValidateObjectName(r.Metadata.Name); err != nil || seen[r.Kind+r.Metadata.Name] {
			t.Errorf("%s %s: %v, or twice", r.Kind, r.Metadata.Name, err)
		}
		seen[r.Kind+r.Metadata.Name] = true
		s, annotations := r.Spec, r.Metadata.Annotations
		if r.Kind != "PodIdentityAssociation" && annotations["services.k8s.aws/deletion-policy"] != "retain" {
			t.Errorf("AWS would lose %s when the resource is deleted", r.Metadata.Name)
		}
		switch r.Kind {
		case "OpenIDConnectProvider":
			a.Providers["arn:aws:iam::123456789012:oidc-provider/"+s.URL[len("https://"):]] = provider{s.URL, s.ClientIDs[0], r.tags(t)}
		case "Role":
			arn := "arn:aws:iam::123456789012:role" + s.Path + s.Name
			arns[r.Metadata.Name] = arn
			session := ""
			if s.Session != 0 {
				session = strconv.Itoa(s.Session)
			}
			a.Roles[arn] = role{parsePolicy(t, s.AssumeRolePolicy), r.tags(t), s.Boundary, session}
			for name, policy := range s.InlinePolicies {
				a.Policies[s.Name+" "+name] = parsePolicy(t, policy)
			}
			for _, policy := range s.Policies {
				a.Attached = append(a.Attached, s.Name+" "+policy)
			}
		case "PodIdentityAssociation":
			arn := s.RoleARN + arns[s.RoleRef.From.Name]
			a.Associations = append(a.Associations, desired.Association{Region: annotations["services.k8s.aws/region"], ClusterName: s.ClusterName,
				Namespace: s.Namespace, ServiceAccount: s.ServiceAccount, RoleARN: arn, Tags: r.tags(t),
				DisableSessionTags: s.DisableTags, TargetRoleARN: s.TargetRoleARN, Policy: s.Policy})
		}
	}
	return a
}

func TestSharedACKCRDs(t *testing.T) {
	definitions := ""
	for _, kind := range []string{"iam.services.k8s.aws_openidconnectproviders", "iam.services.k8s.aws_roles", "eks.services.k8s.aws_podidentityassociations"} {
		definitions += "---\n" + shared.Read(t, "crds/ack/"+kind+".yaml")
	}
	for name, settings := range settingsOf(t, "ack") {
		out, err := export.Render(formOf(t, "ack"), stateOf(t, settings), export.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		checkCRD(t, definitions, out)
	}
}

package export_test

import (
	"bytes"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/shared"
)

// reference names another managed resource.
type reference struct{ Name string }

// resource is a managed resource of any kind, with the fields that the test reads.
type resource struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		DeletionPolicy string   `yaml:"deletionPolicy"`
		Management     []string `yaml:"managementPolicies"`
		ForProvider    struct {
			URL                string   `yaml:"url"`
			ClientIDList       []string `yaml:"clientIdList"`
			Path               string
			AssumeRolePolicy   string `yaml:"assumeRolePolicy"`
			Policy             string
			Tags               map[string]string
			Boundary           string    `yaml:"permissionsBoundary"`
			Session            string    `yaml:"maxSessionDuration"`
			PolicyARN          string    `yaml:"policyArn"`
			RoleRef            reference `yaml:"roleRef"`
			RoleARNRef         reference `yaml:"roleArnRef"`
			Region             string
			ClusterName        string `yaml:"clusterName"`
			Namespace          string
			ServiceAccount     string `yaml:"serviceAccount"`
			TargetRoleARN      string `yaml:"targetRoleArn"`
			DisableSessionTags bool   `yaml:"disableSessionTags"`
		} `yaml:"forProvider"`
	}
}

// resourcesOf reads a stream strictly: an unknown field is an error.
func resourcesOf(t *testing.T, stream []byte) []resource {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(stream))
	decoder.KnownFields(true)
	var all []resource
	names := map[string]bool{}
	for range documentsOf(t, stream) {
		var r resource
		if err := decoder.Decode(&r); err != nil {
			t.Fatalf("%v\n%s", err, stream)
		}
		if err := identity.ValidateObjectName(r.Metadata.Name); err != nil || names[r.Kind+r.Metadata.Name] {
			t.Errorf("%s %s: %v", r.Kind, r.Metadata.Name, err)
		}
		names[r.Kind+r.Metadata.Name] = true
		all = append(all, r)
	}
	return all
}

// readCrossplane follows the references by name, as Crossplane does.
func readCrossplane(t *testing.T, stream []byte) account {
	t.Helper()
	a := newAccount()
	arns := map[string]identity.RoleARN{} // by the name of the resource
	for _, r := range resourcesOf(t, stream) {
		p, external := r.Spec.ForProvider, r.Metadata.Annotations["crossplane.io/external-name"]
		if keeps := r.Kind == "OpenIDConnectProvider" || r.Kind == "Role"; slices.Equal(r.Spec.Management, []string{"Observe"}) {
			if !keeps || p.URL+p.AssumeRolePolicy != "" {
				t.Errorf("%s %s is observed, and has settings", r.Kind, external)
			}
			if r.Kind == "Role" {
				arns[r.Metadata.Name] = existingRole(t, external)
			}
			continue
		} else if keeps != (r.Spec.DeletionPolicy == "Orphan") {
			t.Errorf("%s %s has deletionPolicy %q", r.Kind, external, r.Spec.DeletionPolicy)
		}
		switch r.Kind {
		case "OpenIDConnectProvider":
			a.Providers[external] = provider{p.URL, p.ClientIDList[0], p.Tags}
		case "Role":
			arn := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: p.Path[1:] + external}
			arns[r.Metadata.Name] = arn
			a.Roles[arn.String()] = role{parsePolicy(t, p.AssumeRolePolicy), p.Tags, p.Boundary, p.Session}
		case "RolePolicy":
			a.Policies[arns[p.RoleRef.Name].BaseName()+" "+external] = parsePolicy(t, p.Policy)
		case "RolePolicyAttachment":
			a.Attached = append(a.Attached, arns[p.RoleRef.Name].BaseName()+" "+p.PolicyARN)
		case "PodIdentityAssociation":
			a.Associations = append(a.Associations, desired.Association{Region: p.Region, ClusterName: p.ClusterName, Namespace: p.Namespace,
				ServiceAccount: p.ServiceAccount, RoleARN: arns[p.RoleARNRef.Name].String(), Tags: p.Tags,
				DisableSessionTags: p.DisableSessionTags, TargetRoleARN: p.TargetRoleARN})
		}
	}
	return a
}

// existingRole returns the ARN of a role of [existingSettings], as AWS reports it.
func existingRole(t *testing.T, name string) identity.RoleARN {
	t.Helper()
	for _, c := range existingSettings("").Components {
		if c.Role.BaseName() == name {
			return c.Role
		}
	}
	t.Fatalf("there is no role %s", name)
	return identity.RoleARN{}
}

func parsePolicy(t *testing.T, text string) iam.Document {
	t.Helper()
	doc, err := iam.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return doc
}

func TestSharedCrossplaneCRDs(t *testing.T) {
	definitions := ""
	for _, kind := range []string{"iam.aws.upbound.io_openidconnectproviders", "iam.aws.upbound.io_roles", "iam.aws.upbound.io_rolepolicies", "iam.aws.upbound.io_rolepolicyattachments", "eks.aws.upbound.io_podidentityassociations"} {
		definitions += "---\n" + shared.Read(t, "crds/crossplane-aws/"+kind+".yaml")
	}
	out, err := export.Render(formOf(t, "crossplane"), stateOf(t, companySettings()), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkCRD(t, definitions, out)
}

// TestCrossplaneStreamsCanBeJoined appends one output to another.
func TestCrossplaneStreamsCanBeJoined(t *testing.T) {
	out, err := export.Render(formOf(t, "crossplane"), stateOf(t, oneComponent()), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := len(documentsOf(t, out))
	if joined := documentsOf(t, append(bytes.Clone(out), out...)); len(joined) != 2*n {
		t.Errorf("got %d documents, want twice %d", len(joined), n)
	}
}

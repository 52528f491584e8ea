package export

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// decode reads a stream strictly: a field that P does not have is an error.
func decode[P any](t *testing.T, data []byte) []managed[P] {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var out []managed[P]
	for {
		var m managed[P]
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if err := identity.ValidateObjectName(m.Metadata.Name); err != nil {
			t.Error(err)
		}
		out = append(out, m)
	}
}

func TestCrossplaneSaysTheSame(t *testing.T) {
	c := nastyComponent()
	c.PodIdentity.Policy = ""
	permissions := newGrant(t, Permissions, c)
	policies := decode[rolePolicyParameters](t, render(t, "crossplane", permissions))
	want := []managed[rolePolicyParameters]{{iamAPI, "RolePolicy",
		metadata{"spaces-identity-mxp-controller", map[string]string{externalName: "spaces-identity-mxp-controller"}},
		spec[rolePolicyParameters]{"", rolePolicyParameters{"spaces-backup+=,.@_-", string(permissions.Document.JSON())}}}}
	if diff := cmp.Diff(want, policies); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}

	associations := newGrant(t, Associations, c)
	var got, meant []iam.Association
	names := map[string]bool{}
	for i, m := range decode[associationParameters](t, render(t, "crossplane", associations)) {
		p := m.Spec.ForProvider
		names[m.Metadata.Name] = true
		got = append(got, iam.Association{ClusterName: p.ClusterName, Namespace: p.Namespace, ServiceAccount: p.ServiceAccount,
			RoleARN: p.RoleARN, Tags: p.Tags, DisableSessionTags: p.DisableSessionTags, TargetRoleARN: p.TargetRoleARN})
		meant = append(meant, associations.Associations[i].Association)
		if m.APIVersion != eksAPI || m.Kind != "PodIdentityAssociation" || p.Region != associations.Associations[i].Region {
			t.Errorf("%+v", m)
		}
	}
	if diff := cmp.Diff(meant, got); diff != "" || len(names) != len(associations.Associations) {
		t.Errorf("%d names, differs (-want +got):\n%s", len(names), diff)
	}
}

func TestCrossplaneTrustSaysTheSame(t *testing.T) {
	c := nastyComponent()
	c.PodIdentity = identity.PodIdentitySettings{}
	c.Mode = identity.PodIdentity
	g := newGrant(t, Trust, c)
	roles := decode[roleParameters](t, render(t, "crossplane", g))
	if len(roles) != 1 || roles[0].APIVersion != iamAPI || roles[0].Kind != "Role" {
		t.Fatalf("%+v", roles)
	}
	if diff := cmp.Diff(roleParameters{"/a;b&c|d(e){f}#g%h!i~/", string(g.Document.JSON())}, roles[0].Spec.ForProvider); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if got := roles[0].Metadata.Annotations[externalName]; got != "spaces-backup+=,.@_-" {
		t.Errorf("the role is called %q", got)
	}
}

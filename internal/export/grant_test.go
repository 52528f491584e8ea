package export

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

var parts = []Part{Trust, Permissions, Associations}

var extensions = map[string]string{"json": "json", "aws-cli": "sh", "terraform": "tf", "crossplane": "yaml"}

func TestGoldens(t *testing.T) {
	for _, format := range Formats() {
		for _, part := range parts {
			t.Run(format+"/"+string(part), func(t *testing.T) {
				out, err := Render(format, newGrant(t, part, backup()))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, format+"/"+string(part)+"."+extensions[format], out)
			})
		}
	}
}

func TestSettingsOfPodIdentity(t *testing.T) {
	c := backup()
	c.PodIdentity = identity.PodIdentitySettings{Tags: map[string]string{"team": "platform", "cost-centre": "42"},
		TargetRole: identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault"}, DisableSessionTags: true}
	for _, format := range Formats() {
		out, err := Render(format, newGrant(t, Associations, c))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, format+"/associations-settings."+extensions[format], out)
	}
	c.PodIdentity.Policy = `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	if _, err := Render("crossplane", newGrant(t, Associations, c)); err == nil || !strings.Contains(err.Error(), "no field for a session policy") {
		t.Errorf("a session policy was lost on the way to Crossplane: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := Render("pulumi", Grant{}); err == nil || err.Error() != `there is no format "pulumi": choose json, aws-cli, terraform, crossplane` {
		t.Error(err)
	}
	if _, err := New("everything", space(), backup(), subjects()); err == nil || !strings.Contains(err.Error(), "choose trust, permissions or associations") {
		t.Error(err)
	}
	for part, c := range map[Part]identity.Component{
		Trust:        {Name: "x", ServiceAccount: "x", Mode: identity.IRSA},
		Permissions:  {Name: "x", Role: backup().Role},
		Associations: {Name: "x", ServiceAccount: "x", Mode: identity.IRSA, Role: backup().Role},
	} {
		if g, err := New(part, space(), c, subjects()); err == nil {
			t.Errorf("%s of %+v is %+v", part, c, g)
		}
	}
	evil := backup()
	evil.Name = "x\nrm -rf /"
	if _, err := New(Trust, space(), evil, subjects()); err == nil {
		t.Error("a component's name of two lines was taken")
	}
}

func TestObjectNames(t *testing.T) {
	tests := map[string][]string{
		"a-b":                                    {"a", "b"},
		"prod-space-eu-" + hash("Prod_Space_EU"): {"Prod_Space_EU"},
		"a-b-" + hash("a.b"):                     {"a.b"},
	}
	for want, in := range tests {
		if got := objectName(in...); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	long := objectName(strings.Repeat("a", 200), strings.Repeat("B", 200))
	if len(long) > 253 || identity.ValidateObjectName(long) != nil {
		t.Errorf("%d characters: %s", len(long), long)
	}
	if diff := cmp.Diff(objectName("a_b"), objectName("a.b")); diff == "" {
		t.Error("two names became one")
	}
}

package desired_test

import (
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

func TestSmoke(t *testing.T) {
	oidc, err := identity.ParseOIDCProvider("oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E")
	if err != nil {
		t.Fatal(err)
	}
	spec := fixture.Spec(t, identity.Settings{
		Cluster:       identity.Cluster{Name: "prod", Region: "us-west-2", OIDC: oidc},
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"a"}},
		Components: []identity.Component{{Name: "mxp-controller", Mode: identity.Both, Bucket: "bucket", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}},
			{Name: "vector", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}}},
	})
	s := desired.Of(spec)
	roles, err := s.Roles()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles {
		t.Logf("%s", r.TrustPolicy.JSON())
		t.Logf("%+v", r.Policies)
	}
	b, err := s.Budget(s.Components[0])
	t.Log(b, err)
	if _, err := s.Self(false); err != nil {
		t.Fatal(err)
	}
}

package verify

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// fakeAWS answers from its fields.
type fakeAWS struct {
	role         answer[Role]
	audiences    answer[[]string]
	associations answer[[]AssociationOf]
}

func (f fakeAWS) Role(context.Context, identity.RoleARN) (Role, error) {
	return f.role.value, f.role.err
}

func (f fakeAWS) OIDCProvider(context.Context, string) ([]string, error) {
	return f.audiences.value, f.audiences.err
}

func (f fakeAWS) Associations(context.Context, identity.Cluster) ([]AssociationOf, error) {
	return f.associations.value, f.associations.err
}

const hostNamespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"

func spaceOf(c identity.Component, planes identity.ControlPlanes) identity.Spec {
	provider, err := identity.ParseOIDCProvider("oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E")
	if err != nil {
		panic(err)
	}
	return identity.Spec{Cluster: identity.Cluster{Name: "prod", Region: "us-west-2", OIDC: provider}, ControlPlanes: planes,
		Components: []identity.Component{c}}
}

// right is an account that has what the config asks for.
func right(t *testing.T, spec identity.Spec) fakeAWS {
	t.Helper()
	c := spec.Components[0]
	trust, err := iam.Trust(spec, c, iam.Subjects{Namespaces: spec.ControlPlanes.Namespaces, Match: spec.ControlPlanes.Match})
	if err != nil {
		t.Fatal(err)
	}
	permissions, err := iam.Permissions(c)
	if err != nil {
		t.Fatal(err)
	}
	return fakeAWS{answer[Role]{Role{trust, []iam.Document{permissions}}, nil}, answer[[]string]{[]string{identity.Audience}, nil},
		answer[[]AssociationOf]{[]AssociationOf{{hostNamespace, "mxp-controller", testRole}}, nil}}
}

func TestAccount(t *testing.T) {
	uuid := identity.ControlPlanes{Match: identity.MatchUUID}
	elsewhere := identity.ControlPlanes{Namespaces: []string{"prod-a"}}
	absent := fmt.Errorf("role spaces-backup: %w", ErrAbsent)
	denied := errors.New("AccessDenied: iam:GetRole")
	prefixed := component(identity.IRSA)
	prefixed.Prefix = "team"
	for name, tt := range map[string]struct {
		component identity.Component
		change    func(*testing.T, *fakeAWS)
		want      map[string]State
	}{
		"all right":         {component(identity.IRSA), nil, map[string]State{RoleExists: OK, Permissions: OK, OIDCProvider: OK, Trust: OK}},
		"with a prefix":     {prefixed, nil, map[string]State{RoleExists: OK, Permissions: OK, OIDCProvider: OK, Trust: OK}},
		"pod identity":      {component(identity.PodIdentity), nil, map[string]State{RoleExists: OK, Permissions: OK, Trust: OK, Association: OK}},
		"no role":           {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) { f.role.err = absent }, map[string]State{RoleExists: Fails, Trust: Unknown}},
		"role not readable": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) { f.role.err = denied }, map[string]State{RoleExists: Unknown, Trust: Unknown}},
		"another namespace": {component(identity.IRSA), func(t *testing.T, f *fakeAWS) {
			f.role = right(t, spaceOf(component(identity.IRSA), elsewhere)).role
		}, map[string]State{RoleExists: OK, Permissions: OK, OIDCProvider: OK, Trust: Fails}},
		"no permissions": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) { f.role.value.Permissions = nil },
			map[string]State{RoleExists: OK, Permissions: Fails, OIDCProvider: OK, Trust: OK}},
		"a wider policy": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) {
			f.role.value.Permissions = []iam.Document{{Statement: []iam.Statement{{Effect: iam.Allow, Action: iam.Values{"S3:*"}, Resource: iam.Values{"*"}}}}}
		}, map[string]State{RoleExists: OK, Permissions: OK, OIDCProvider: OK, Trust: OK}},
		"a deny": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) {
			f.role.value.Permissions = append(f.role.value.Permissions, iam.Document{Statement: []iam.Statement{
				{Effect: iam.Deny, Action: iam.Values{"s3:PutObject"}, Resource: iam.Values{"arn:aws:s3:::spaces-backups/*"}}}})
		}, map[string]State{RoleExists: OK, Permissions: Fails, OIDCProvider: OK, Trust: OK}},
		"a condition of somebody's": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) {
			f.role.value.Permissions = []iam.Document{{Statement: []iam.Statement{{Effect: iam.Allow, Action: iam.Values{"s3:*"}, Resource: iam.Values{"*"},
				Condition: iam.Condition{"Bool": {"aws:SecureTransport": {"true"}}}}}}}
		}, map[string]State{RoleExists: OK, Permissions: Warns, OIDCProvider: OK, Trust: OK}},
		"no provider": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) { f.audiences.err = absent },
			map[string]State{RoleExists: OK, Permissions: OK, OIDCProvider: Fails, Trust: OK}},
		"no audience": {component(identity.IRSA), func(_ *testing.T, f *fakeAWS) { f.audiences.value = []string{"kubernetes"} },
			map[string]State{RoleExists: OK, Permissions: OK, OIDCProvider: Fails, Trust: OK}},
		"no association": {component(identity.PodIdentity), func(_ *testing.T, f *fakeAWS) { f.associations.value = nil },
			map[string]State{RoleExists: OK, Permissions: OK, Trust: OK, Association: Fails}},
		"associated with another role": {component(identity.PodIdentity), func(_ *testing.T, f *fakeAWS) { f.associations.value[0].RoleARN += "-old" },
			map[string]State{RoleExists: OK, Permissions: OK, Trust: OK, Association: Fails}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := spaceOf(tt.component, uuid)
			aws := right(t, spec)
			if tt.change != nil {
				tt.change(t, &aws)
			}
			a := readAccount(t.Context(), aws, spec)
			got := map[string]State{}
			for _, c := range append(a.common(spec, tt.component), a.checks(spec, tt.component, space.ControlPlane{HostNamespace: hostNamespace})...) {
				got[c.Name] = c.State
				if c.State == Fails && c.Fix == "" {
					t.Errorf("%s fails, and nothing says what to do first", c.Name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

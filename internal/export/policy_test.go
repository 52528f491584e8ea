package export

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

var update = flag.Bool("update", false, "write the golden files")

func backup() identity.Component {
	return identity.Component{Name: "mxp-controller", ServiceAccount: "mxp-controller", Mode: identity.IRSA,
		Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}
}

func space(planes identity.ControlPlanes, components ...identity.Component) identity.Spec {
	return identity.Spec{ControlPlanes: planes, Components: components}
}

func TestObjects(t *testing.T) {
	labelled := backup()
	labelled.PodLabels = map[string]string{"team": "storage", "example.com/tier": "backup"}
	labelled.Annotations = map[string]string{"eks.amazonaws.com/sts-regional-endpoints": "true"}
	associated := labelled
	associated.Mode = identity.PodIdentity
	strict := space(identity.ControlPlanes{Match: identity.MatchUUID}, backup())
	strict.FailurePolicy = identity.FailureFails
	vector := identity.Component{Name: "vector", ServiceAccount: "vector", Mode: identity.IRSA,
		Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-billing"}}
	nothing := backup()
	nothing.Mode, nothing.Role = identity.PodIdentity, identity.RoleARN{}
	for name, spec := range map[string]identity.Spec{
		"uuid":     strict,
		"names":    space(identity.ControlPlanes{Namespaces: []string{"prod-b", "prod-a", "prod-b"}}, backup()),
		"pattern":  space(identity.ControlPlanes{Match: "mxp-*-system?"}, backup(), vector),
		"labels":   space(identity.ControlPlanes{Discover: true}, labelled),
		"all-ways": space(identity.ControlPlanes{Namespaces: []string{"prod-a"}, Match: "mxp-*-system", Discover: true}, associated),
		"nothing":  space(identity.ControlPlanes{}, nothing),
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Objects(spec)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".yaml", Render(objects))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("differs from testdata/%s (-want +got):\n%s", name, diff)
	}
}

func TestObjectsRefuse(t *testing.T) {
	uuid := identity.ControlPlanes{Match: identity.MatchUUID}
	roleless := backup()
	roleless.Role = identity.RoleARN{}
	long := backup()
	for len(long.Name) < 245 {
		long.Name += "-controller"
	}
	for name, tt := range map[string]struct {
		spec identity.Spec
		want string
	}{
		"no role":          {space(uuid, roleless), "component mxp-controller lacks what this needs:\n  the role's ARN: set components[0].roleARN in the config, or give --role-arn"},
		"no control plane": {space(identity.ControlPlanes{}, backup()), "admission policy of mxp-controller: " + iam.ErrNoSubjects.Error()},
		"too wide": {space(identity.ControlPlanes{Match: "*e*"}, backup()), "admission policy of mxp-controller: " +
			`match: "*e*" admits the namespace kube-system, where no control plane lives: write more of the names' own characters, like mxp-*-system, or uuid`},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Objects(tt.spec)
			if objects != nil || err == nil {
				t.Fatalf("%d objects, %v", len(objects), err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Objects(space(identity.ControlPlanes{}, backup())); !errors.Is(err, iam.ErrNoSubjects) {
		t.Errorf("%v is not ErrNoSubjects", err)
	}
	if _, err := Objects(space(uuid, long)); err == nil {
		t.Error("a name of more than 253 characters was taken")
	}
}

package export_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	nsA = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	nsB = "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system"
)

var (
	prodCluster = identity.Cluster{Name: "prod-space", Region: "us-west-2",
		OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"}}
	europeCluster = identity.Cluster{Name: "Prod_Space_EU", Region: "eu-central-1",
		OIDC: identity.OIDCProvider{HostPath: "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"}}
)

// oneComponent is the simplest config: one component in one cluster.
func oneComponent() identity.Settings {
	return identity.Settings{
		Cluster:       prodCluster,
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{nsB, nsA}},
		Components: []identity.Component{{Name: "mxp-controller", Bucket: "spaces-backups",
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}},
	}
}

// manyComponents has every mode, several clusters, and components that share a role.
func manyComponents() identity.Settings {
	s := oneComponent()
	s.AdditionalClusters = []identity.Cluster{europeCluster}
	s.ControlPlanes.Match = "team-*"
	s.Components[0].Mode = identity.Both
	s.Components[0].Role.Name = "teams/backup/spaces-backup"
	shared := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces.others"}
	s.Components = append(s.Components,
		identity.Component{Name: "vector", Role: shared},
		identity.Component{Name: "external-secrets-controller", Role: shared, Mode: identity.PodIdentity})
	return s
}

// hostileText has what a shell, HCL, YAML or JSON could take for code, as far as a config
// accepts it.
const hostileText = `it's $(touch pwned) ; %{ if true }x%{ endif } $$ # {{ . }} <&> & é: - |` + "`touch pwned`"

// hostileSettings has such values in every setting that accepts them.
func hostileSettings() identity.Settings {
	s := manyComponents()
	s.Components[0].Prefix = hostileText
	s.Components[0].Role.Name = "a;b&c|d(e){f}#g%h!i~/spaces-backup+=,.@_-"
	s.Components[0].PodIdentity = identity.PodIdentitySettings{
		Tags:       map[string]string{"team": "a: b = c@d", "+-=._:/@ x": "yes", "for": "true"},
		TargetRole: identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "%{x}/vault"},
	}
	return s
}

// sharedSettings has components that share a role and its associations, in clusters of
// one name in two regions.
func sharedSettings() identity.Settings {
	s := oneComponent()
	s.Components[0].Mode = identity.PodIdentity
	s.Components = append(s.Components, identity.Component{Name: "vector", Role: s.Components[0].Role, Mode: identity.Both})
	other := europeCluster
	other.Name = prodCluster.Name
	s.AdditionalClusters = []identity.Cluster{other}
	return s
}

// companySettings has tags, limits and managed policies, with hostile text in the tags.
func companySettings() identity.Settings {
	s := hostileSettings()
	s.Components[0].PermissionsBoundary = identity.PolicyARN{Partition: "aws", Account: "123456789012", Name: "a;b/limit"}
	s.Components[0].MaxSessionDuration = 7200
	s.Components[0].ManagedPolicies = []identity.PolicyARN{{Partition: "aws", Account: "aws", Name: "ReadOnlyAccess"}, {Partition: "aws", Account: "123456789012", Name: "a;b/extra"}}
	s.Components[2].PodIdentity.SourceOrgID = "o-a1b2c3d4e5"
	s.Tags = map[string]string{"cost center": "a: b = c@d", "for": "true"}
	return s
}

// storedSettings has a component that reads secrets and parameters in two regions, and one
// whose permissions the config gives. They share a role.
func storedSettings(t *testing.T) identity.Settings {
	t.Helper()
	s := sharedSettings()
	s.Components[0].KMSKey = identity.KMSKeyARN{Partition: "aws", Region: "us-west-2", Account: "123456789012", ID: "1234abcd"}
	s.Components[1] = identity.Component{Name: "external-secrets-controller", Role: s.Components[0].Role, Mode: identity.PodIdentity, KMSKey: s.Components[0].KMSKey,
		Secrets:    []identity.Stored{stored(t, identity.ParseSecret, "prod/db+x=y@z"), stored(t, identity.ParseSecret, "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared-AbC123")},
		Parameters: []identity.Stored{stored(t, identity.ParseParameter, "/prod/url"), stored(t, identity.ParseParameter, "plain")}}
	given, err := identity.ParsePermissions(`{"Version": "2012-10-17", "Statement": [
		{"Sid": "Tables", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/${aws:PrincipalTag/team}"},
		{"Effect": "Deny", "NotAction": ["dynamodb:GetItem", "kms:Decrypt"], "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": false}}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	s.Components = append(s.Components, identity.Component{Name: "crossplane", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "providers"},
		Mode: identity.PodIdentity, Permissions: given})
	return s
}

func stored(t *testing.T, parse func(string) (identity.Stored, error), value string) identity.Stored {
	t.Helper()
	s, err := parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scopedSettings has two control planes whose backups are limited to their own prefixes. One
// may read those of the other. Crossplane cannot write it.
func scopedSettings() identity.Settings {
	s := oneComponent()
	c := &s.Components[0]
	c.Mode, c.Prefix = identity.PodIdentity, "it's/prod"
	c.KMSKey = identity.KMSKeyARN{Partition: "aws", Region: "us-west-2", Account: "123456789012", ID: "1234abcd"}
	a, b := identity.ControlPlaneName{Group: "default", Name: "ctp1"}, identity.ControlPlaneName{Group: "default", Name: "ctp10"}
	c.PodIdentity.Scope, c.PodIdentity.ReadFrom = identity.ControlPlaneScope, []identity.ReadAccess{{From: a, Into: b}}
	s.ControlPlanes.Names = map[string]identity.ControlPlaneName{nsA: a, nsB: b}
	return s
}

// settingsOf returns the configs that a form is tested with.
func settingsOf(t *testing.T, form string) map[string]identity.Settings {
	t.Helper()
	all := allSettings()
	all["stored"] = storedSettings(t)
	if form != "crossplane" {
		all["scoped"] = scopedSettings()
	}
	return all
}

// allSettings returns the configs that every form is tested with.
func allSettings() map[string]identity.Settings {
	return map[string]identity.Settings{"one": oneComponent(), "many": manyComponents(), "nasty": hostileSettings(), "shared": sharedSettings(), "company": companySettings()}
}

func stateOf(t testing.TB, s identity.Settings) desired.State {
	t.Helper()
	return desired.Of(fixture.Spec(t, s))
}

func rolesOf(t *testing.T, s identity.Settings) []desired.Role {
	t.Helper()
	roles, err := stateOf(t, s).Roles()
	if err != nil {
		t.Fatal(err)
	}
	return roles
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

func TestReadReturnsEverySetting(t *testing.T) {
	for file, want := range map[string]identity.Settings{
		"complete.yaml":      complete(),
		"every-setting.yaml": everySetting(),
	} {
		t.Run(file, func(t *testing.T) {
			got, err := config.Read(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fixture.Spec(t, want), got, allOfSpec); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("../../examples/config/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	more, err := filepath.Glob("../../examples/*/spaces-identity.yaml")
	if err != nil || len(more) == 0 {
		t.Fatal("no examples", err)
	}
	files = append(files, more...)
	for _, file := range files {
		if _, err := config.Read(file); err != nil {
			t.Error(err)
		}
	}
}

// allOfSpec lets cmp compare what is in a Spec.
var allOfSpec = cmp.AllowUnexported(identity.Spec{})

func pathOf(text string) identity.Path {
	path, err := identity.ParsePath(text)
	if err != nil {
		panic(err)
	}
	return path
}

func complete() identity.Settings {
	return identity.Settings{
		Cluster: identity.Cluster{Name: "prod-space", Region: "us-west-2",
			OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"}},
		Components: []identity.Component{{
			Name:           "mxp-controller",
			ServiceAccount: "mxp-controller",
			Values: identity.ValuesPaths{
				Component:   []string{"controlPlanes", "mxpController"},
				Annotations: []string{"serviceAccount", "annotations"},
				PodLabels:   []string{"pod", "customLabels"},
			},
			Mode:   identity.IRSA,
			Role:   identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"},
			Bucket: "spaces-backups",
		}, {
			Name:           "my-operator",
			ServiceAccount: "my-operator",
			Values: identity.ValuesPaths{
				Component:   []string{"controlPlanes", "myOperator"},
				Annotations: []string{"serviceAccount", "annotations"},
				PodLabels:   []string{"pod", "labels"},
			},
			Mode: identity.IRSA,
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "my-operator"},
		}},
		FailurePolicy:    identity.FailureIgnored,
		TrustPolicyQuota: 2048,
		ArtifactsDir:     "identity-artifacts",
	}
}

func everySetting() identity.Settings {
	return identity.Settings{
		Cluster: identity.Cluster{Name: "prod-space", Region: "us-gov-west-1", OIDC: identity.OIDCProvider{
			HostPath: "oidc.eks.us-gov-west-1.amazonaws.com/id/A1", Partition: "aws-us-gov", Account: "123456789012"}},
		AdditionalClusters: []identity.Cluster{{Name: "standby", Region: "us-gov-east-1",
			OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-gov-east-1.amazonaws.com/id/B2"}}},
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"team-a", "team-b", "team-c"}, Match: "mxp-*-system", Discover: true,
			Names: map[string]identity.ControlPlaneName{"team-c": {Group: "default", Name: "ctp1"}}},
		Components: []identity.Component{{
			Name:           "vector",
			ServiceAccount: "vector",
			Values: identity.ValuesPaths{
				Component:   []string{"controlPlanes", "vector"},
				Annotations: []string{"serviceAccount", "customAnnotations"},
				PodLabels:   []string{"pod", "customLabels"},
			},
			Mode:   identity.Both,
			Role:   identity.RoleARN{Partition: "aws-us-gov", Account: "123456789012", Name: "teams/billing/vector"},
			Bucket: "spaces-billing",
			Prefix: "usage",
			KMSKey: identity.KMSKeyARN{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "210987654321", ID: "mrk-1234"},
			ExtraAnnotations: map[string]string{
				"eks.amazonaws.com/sts-regional-endpoints": "true", "example.com/owner": "the billing team"},
			PodLabels:           map[string]string{"example.com/identity": "yes"},
			PermissionsBoundary: identity.PolicyARN{Partition: "aws-us-gov", Account: "123456789012", Name: "limits/teams"},
			MaxSessionDuration:  7200,
			ManagedPolicies: []identity.PolicyARN{{Partition: "aws-us-gov", Account: "aws", Name: "ReadOnlyAccess"},
				{Partition: "aws-us-gov", Account: "123456789012", Name: "extra"}},
			Settings: []identity.Setting{{Path: []string{"billing", "storage", "secretRef", "name"}}},
		}, {
			Name:           "my-operator",
			ServiceAccount: "operator",
			Values:         identity.ValuesPaths{Component: []string{"extras", "my.operator"}, Annotations: []string{"sa.v2", "annotations"}, PodLabels: []string{"pod", "labels"}},
			Mode:           identity.PodIdentity,
			Secrets: []identity.Stored{{Kind: identity.SecretKind, Name: "db/password"},
				{Kind: identity.SecretKind, Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012", Name: "token-AbC123"}},
			Parameters: []identity.Stored{{Kind: identity.ParameterKind, Name: "/prod/url"}, {Kind: identity.ParameterKind, Name: "plain"}},
			Permissions: iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{{Sid: "Table", Effect: iam.Allow, Action: iam.Values{"dynamodb:GetItem"},
				Resource: iam.Values{"arn:aws-us-gov:dynamodb:*:012345678901:table/t"}, Condition: iam.Condition{"Bool": {"aws:SecureTransport": {"true"}}}}}},
			PodIdentity: identity.PodIdentitySettings{
				Tags:               map[string]string{"team": "platform"},
				TargetRole:         identity.RoleARN{Partition: "aws-us-gov", Account: "210987654321", Name: "target"},
				DisableSessionTags: true,
				Policy:             `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}`,
				SourceAccount:      true,
				SourceOrgID:        "o-a1b2c3d4e5",
				SourceARNs:         []string{"arn:aws-us-gov:eks:*:123456789012:*"},
			},
		}, scopedComponent(), {
			Name:       "provider-s3",
			Namespace:  "mxp-prod",
			SyncedFrom: identity.SyncedFrom{Namespace: "crossplane-system", ServiceAccount: "provider-s3", VCluster: "ctp"},
			Mode:       identity.IRSA,
		}},
		Places: []identity.Place{
			{Kind: "ConfigMap", Name: "spaces-settings", Path: pathOf(`data["values.yaml"]`), Encoding: "yaml", Component: "vector", Holds: "values"},
			{Kind: "Deployment", Name: "spaces-controller", Path: pathOf("spec.template.spec.containers[0].args[3]"), Component: "my-operator"},
		},
		AdmissionPolicy:    identity.NativeAdmissionPolicy,
		FailurePolicy:      identity.FailureFails,
		Tags:               map[string]string{"cost-center": "42"},
		Then:               [][]string{{"kustomize", "build", "overlay"}, {"./label.sh"}},
		TrustPolicyQuota:   4096,
		SharedBackupConfig: identity.SharedBackupConfig{Name: "s3", Namespace: "default", Endpoint: "s3.us-gov-west-1.amazonaws.com"},
		ArtifactsDir:       identity.NoArtifacts,
	}
}

func scopedComponent() identity.Component {
	return identity.Component{
		Name:           "mxp-controller",
		ServiceAccount: "mxp-controller",
		Values: identity.ValuesPaths{
			Component:   []string{"controlPlanes", "mxpController"},
			Annotations: []string{"serviceAccount", "annotations"},
			PodLabels:   []string{"pod", "customLabels"},
		},
		Mode:   identity.PodIdentity,
		Role:   identity.RoleARN{Partition: "aws-us-gov", Account: "123456789012", Name: "backup"},
		Bucket: "spaces-backups",
		PodIdentity: identity.PodIdentitySettings{
			DisableSessionTags: true, // follows from the scope
			Scope:              identity.ControlPlaneScope,
			ReadFrom: []identity.ReadAccess{
				{From: identity.ControlPlaneName{Group: "default", Name: "ctp1"}, Into: identity.ControlPlaneName{Group: "team", Name: "ctp2"}},
				{From: identity.ControlPlaneName{Group: "default", Name: "ctp3"}},
			},
		},
	}
}

// A permissions policy can be in the config, in JSON, or in a file that the config names.
func TestPermissionsPolicyHasThreeForms(t *testing.T) {
	const policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"NumericLessThan": {"s3:max-keys": 10}}}]}`
	t.Chdir(t.TempDir())
	if err := os.WriteFile("policy.json", []byte(policy+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{{Effect: iam.Allow, Action: iam.Values{"a:b"}, Resource: iam.Values{"*"},
		Condition: iam.Condition{"NumericLessThan": {"s3:max-keys": {"10"}}}}}}
	for name, value := range map[string]string{"file": "policy.json", "JSON": "'" + policy + "'", "mapping": policy,
		"block": "\n    Version: 2012-10-17\n    Statement:\n    - {Effect: Allow, Action: a:b, Resource: '*', Condition: {NumericLessThan: {s3:max-keys: 10}}}"} {
		spec, err := config.Decode("f.yaml", []byte(header+"components:\n- name: crossplane\n  permissionsPolicy: "+value))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, spec.Components[0].Permissions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

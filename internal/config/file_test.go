package config_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
)

func TestRead(t *testing.T) {
	for file, want := range map[string]identity.Spec{
		"complete.yaml":      complete(),
		"every-setting.yaml": everySetting(),
	} {
		t.Run(file, func(t *testing.T) {
			got, err := config.Read(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func complete() identity.Spec {
	return identity.Spec{
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
		TrustPolicyQuota: 2048,
		ArtifactsDir:     "identity-artifacts",
	}
}

func everySetting() identity.Spec {
	return identity.Spec{
		Cluster: identity.Cluster{Name: "prod-space", Region: "us-gov-west-1", OIDC: identity.OIDCProvider{
			HostPath: "oidc.eks.us-gov-west-1.amazonaws.com/id/A1", Partition: "aws-us-gov", Account: "123456789012"}},
		AdditionalClusters: []identity.Cluster{{Name: "standby", Region: "us-gov-east-1",
			OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-gov-east-1.amazonaws.com/id/B2"}}},
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"team-a", "team-b"}, Match: "mxp-*-system", Discover: true},
		Components: []identity.Component{{
			Name:           "vector",
			ServiceAccount: "vector",
			Values: identity.ValuesPaths{
				Component:   []string{"controlPlanes", "vector"},
				Annotations: []string{"serviceAccount", "customAnnotations"},
				PodLabels:   []string{"pod", "customLabels"},
			},
			Mode:      identity.Both,
			Role:      identity.RoleARN{Partition: "aws-us-gov", Account: "123456789012", Name: "teams/billing/vector"},
			Bucket:    "spaces-billing",
			Prefix:    "usage",
			KMSKeyARN: "arn:aws-us-gov:kms:us-gov-west-1:210987654321:key/mrk-1234",
			Annotations: map[string]string{
				"eks.amazonaws.com/sts-regional-endpoints": "true", "example.com/owner": "the billing team"},
			PodLabels: map[string]string{"example.com/identity": "yes"},
			Settings:  []identity.Setting{{Path: []string{"billing", "storage", "secretRef", "name"}}},
		}, {
			Name:           "my-operator",
			ServiceAccount: "operator",
			Values:         identity.ValuesPaths{Component: []string{"extras", "my.operator"}, Annotations: []string{"sa.v2", "annotations"}},
			Mode:           identity.PodIdentity,
		}},
		Places: []identity.Place{
			{Kind: "ConfigMap", Name: "spaces-settings", Path: `data["values.yaml"]`, Encoding: "yaml", Component: "vector", Holds: "values"},
			{Kind: "Deployment", Name: "spaces-controller", Path: "spec.template.spec.containers[0].args[3]", Component: "my-operator"},
		},
		AdmissionPolicy:    true,
		FailurePolicy:      identity.FailureFails,
		TrustPolicyQuota:   4096,
		SharedBackupConfig: identity.SharedBackupConfig{Name: "s3", Namespace: "default", Endpoint: "s3.us-gov-west-1.amazonaws.com"},
		ArtifactsDir:       identity.NoArtifacts,
	}
}

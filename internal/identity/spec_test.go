package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

func TestDefaultsOfKnownComponents(t *testing.T) {
	want := []identity.Component{
		of("mxp-controller", "controlPlanes.mxpController", "serviceAccount.annotations", "pod.customLabels"),
		of("vector", "controlPlanes.vector", "serviceAccount.customAnnotations", "pod.customLabels"),
		of("external-secrets-controller", "controlPlanes.sharedSecrets", "serviceAccount.customAnnotations", "pod.customLabels"),
		of("crossplane", "controlPlanes.uxp", "serviceAccount.customAnnotations", ""),
	}
	var named identity.Spec
	for _, name := range identity.KnownNames() {
		named.Components = append(named.Components, identity.Component{Name: name})
	}
	got := named.WithDefaults()
	if diff := cmp.Diff(want, got.Components); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func of(name, path, annotations, podLabels string) identity.Component {
	c := identity.Component{Name: name, ServiceAccount: name, Mode: identity.IRSA}
	c.Values.Component = strings.Split(path, ".")
	c.Values.Annotations = strings.Split(annotations, ".")
	if podLabels != "" {
		c.Values.PodLabels = strings.Split(podLabels, ".")
	}
	if name == "vector" {
		c.Settings = []identity.Setting{{Path: []string{"billing", "storage", "secretRef", "name"}}}
	}
	return c
}

// What the user says of a known component wins over the chart.
func TestDefaultsLeaveWhatIsSet(t *testing.T) {
	set := of("vector", "billing.vector", "sa.annotations", "pod.labels")
	set.ServiceAccount, set.Mode = "billing", identity.PodIdentity
	got := identity.Spec{Components: []identity.Component{set}}.WithDefaults()
	if diff := cmp.Diff([]identity.Component{set}, got.Components); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDefaultsDoNotTouchTheSpecTheyAreMadeFrom(t *testing.T) {
	spec := identity.Spec{
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"b", "a", "b"}},
		Components:    []identity.Component{{Name: "vector"}},
		Places:        []identity.Place{{Kind: "ConfigMap"}},
	}
	got := spec.WithDefaults()
	if diff := cmp.Diff([]string{"a", "b"}, got.ControlPlanes.Namespaces); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("vector", got.Places[0].Component); diff != "" {
		t.Error(diff)
	}
	want := identity.Spec{
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"b", "a", "b"}},
		Components:    []identity.Component{{Name: "vector"}},
		Places:        []identity.Place{{Kind: "ConfigMap"}},
	}
	if diff := cmp.Diff(want, spec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequire(t *testing.T) {
	spec := identity.Spec{
		Cluster:            identity.Cluster{Name: "prod"},
		AdditionalClusters: []identity.Cluster{{Region: "us-west-2"}},
		Components: []identity.Component{
			{Name: "mxp-controller", Bucket: "spaces"},
			{Name: "vector", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}},
		},
	}
	role := identity.Missing{What: "the role's ARN", Key: "components[0].roleARN", Flag: "--role-arn"}
	for name, c := range map[string]struct {
		component string
		needs     []identity.Need
		want      []identity.Missing
	}{
		"nothing":       {"mxp-controller", nil, nil},
		"what is there": {"mxp-controller", []identity.Need{identity.NeedBucket}, nil},
		"the role once": {"mxp-controller", []identity.Need{identity.NeedRole, identity.NeedAccount}, []identity.Missing{role}},
		"of another":    {"vector", []identity.Need{identity.NeedRole, identity.NeedBucket}, []identity.Missing{{What: "the bucket", Key: "components[1].bucket", Flag: "--component vector --bucket"}}},
		"of none":       {"crossplane", []identity.Need{identity.NeedRole}, []identity.Missing{{What: "the role's ARN", Key: "components[2].roleARN", Flag: "--component crossplane --role-arn"}}},
		"of every cluster": {"vector", []identity.Need{identity.NeedClusterName, identity.NeedRegion, identity.NeedOIDCProvider}, []identity.Missing{
			{What: "the cluster's name", Key: "additionalClusters[0].name"},
			{What: "the cluster's region", Key: "cluster.region", Flag: "--region"},
			{What: "the OIDC provider", Key: "cluster.oidcProvider", Flag: "--oidc-provider"},
			{What: "the OIDC provider", Key: "additionalClusters[0].oidcProvider"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := spec.Require(c.component, c.needs...)
			var got []identity.Missing
			if missing, ok := errors.AsType[*identity.MissingError](err); ok {
				got = missing.Missing
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMissingErrorSaysWhatToDo(t *testing.T) {
	spec := identity.Spec{AdditionalClusters: []identity.Cluster{{}}}.WithDefaults()
	err := spec.Require("mxp-controller", identity.NeedRole, identity.NeedClusterName)
	want := `component mxp-controller lacks what this needs:
  the role's ARN: set components[0].roleARN in the config, or give --role-arn
  the cluster's name: set cluster.name in the config, or give --cluster
  the cluster's name: set additionalClusters[0].name in the config`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A Spec that was not read from a config is checked as strictly.
func TestValidateChecksEveryValue(t *testing.T) {
	spec := identity.Spec{
		Cluster:       identity.Cluster{Name: "*", Region: "x", OIDC: identity.OIDCProvider{HostPath: "a.b/*"}},
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"*"}, Match: "*"},
		Components: []identity.Component{{
			Name: "a/b", ServiceAccount: "*", Mode: "x", Bucket: "*", Prefix: "*", KMSKeyARN: "*",
			Role:        identity.RoleARN{Partition: "aws", Account: "*", Name: "*"},
			Annotations: map[string]string{"b": " ", "a.b/c": " "}, PodLabels: map[string]string{"a": " "},
		}},
		Places:             []identity.Place{{Kind: "x", Path: "..", Encoding: "x", Component: "x", Holds: "x"}},
		SharedBackupConfig: identity.SharedBackupConfig{Name: "*", Namespace: "*", Endpoint: "*"},
		TrustPolicyQuota:   -1,
		ArtifactsDir:       " ",
	}
	want := []string{
		"cluster.name", "cluster.region", "cluster.oidcProvider", "controlPlanes.namespaces[0]", "controlPlanes.match",
		"components[0].name", "components[0].serviceAccount", "components[0].mode", "components[0].roleARN",
		"components[0].bucket", "components[0].prefix", "components[0].kmsKeyARN",
		`components[0].serviceAccountAnnotations["a.b/c"]`, "components[0].serviceAccountAnnotations.b", "components[0].podLabels.a",
		"places[0].kind", "places[0].name", "places[0].path", "places[0].encoding", "places[0].holds", "places[0].component",
		"sharedBackupConfig.name", "sharedBackupConfig.namespace", "sharedBackupConfig.endpoint", "trustPolicy.quota", "artifacts.dir",
	}
	var got []string
	for _, p := range spec.Problems() {
		got = append(got, p.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := spec.Validate(); err == nil || strings.Count(err.Error(), "\n") < len(want)-1 {
		t.Errorf("Validate = %v", err)
	}
}

func TestNearest(t *testing.T) {
	choices := []string{"name", "roleARN", "serviceAccount", "serviceAccountAnnotations"}
	for word, want := range map[string]string{
		"naem": "name", "role_arn": "roleARN", "role-arn": "roleARN", "rolARN": "roleARN", "serviceaccount": "serviceAccount",
		"serviceAccountAnotations": "serviceAccountAnnotations", "speed": "", "": "", strings.Repeat("x", 10000): "",
	} {
		if diff := cmp.Diff(want, identity.Nearest(word, choices)); diff != "" {
			t.Errorf("%s: %s", word, diff)
		}
	}
}

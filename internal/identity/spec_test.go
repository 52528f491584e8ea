package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

func TestNewFillsInDefaultsOfKnownComponents(t *testing.T) {
	want := []identity.Component{
		of("mxp-controller", "controlPlanes.mxpController", "serviceAccount.annotations", "pod.customLabels"),
		of("vector", "controlPlanes.vector", "serviceAccount.customAnnotations", "pod.customLabels"),
		of("external-secrets-controller", "controlPlanes.sharedSecrets", "serviceAccount.customAnnotations", "pod.customLabels"),
		of("crossplane", "controlPlanes.uxp", "serviceAccount.customAnnotations", ""),
		of("spaces-controller", "controller", "serviceAccount.annotations", ""),
	}
	want[3].ServiceAccount = ""
	want[3].SyncedFrom = identity.SyncedFrom{ServiceAccount: "crossplane", VCluster: "vcluster", Candidates: []string{"upbound-system", "crossplane-system"}}
	want[4].Namespace, want[4].Values.Beside = "upbound-system", "controlPlanes"
	var named identity.Settings
	for _, name := range identity.KnownNames() {
		named.Components = append(named.Components, identity.Component{Name: name})
	}
	if diff := cmp.Diff(want, fixture.Spec(t, named).Components); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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

func TestUserSettingsWinOverChartDefaults(t *testing.T) {
	set := of("vector", "billing.vector", "sa.annotations", "pod.labels")
	set.ServiceAccount, set.Mode = "billing", identity.PodIdentity
	got := fixture.Spec(t, identity.Settings{Components: []identity.Component{set}})
	if diff := cmp.Diff([]identity.Component{set}, got.Components); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewDoesNotChangeTheSettings(t *testing.T) {
	settings := func() identity.Settings {
		return identity.Settings{
			ControlPlanes: identity.ControlPlanes{Namespaces: []string{"b", "a", "b"}},
			Components:    []identity.Component{{Name: "vector", Prefix: "p/"}},
			Places:        []identity.Place{{Kind: "ConfigMap", Name: "a", Path: identity.Path{{Key: "data"}}}},
		}
	}
	given := settings()
	got := fixture.Spec(t, given)
	if diff := cmp.Diff([]string{"a", "b"}, got.ControlPlanes.Namespaces); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"vector", "p"}, []string{got.Places[0].Component, got.Components[0].Prefix}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(settings(), given); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// New also checks settings that do not come from a config file.
func TestNewChecksEveryValue(t *testing.T) {
	got := problemsOf(identity.Settings{
		Cluster:       identity.Cluster{Name: "*", Region: "x", OIDC: identity.OIDCProvider{HostPath: "a.b/*"}},
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"*"}, Match: "*"},
		Components: []identity.Component{{
			Name: "a/b", ServiceAccount: "*", Mode: "x", Bucket: "*", Prefix: "*",
			Role:             identity.RoleARN{Partition: "aws", Account: "*", Name: "*"},
			KMSKey:           identity.KMSKeyARN{Partition: "aws", Region: "us-west-2", Account: "123456789012", ID: "*"},
			ExtraAnnotations: map[string]string{"b": " ", "a.b/c": " "}, PodLabels: map[string]string{"a": " "},
			PodIdentity: identity.PodIdentitySettings{
				Tags: map[string]string{"a*": ""}, TargetRole: identity.RoleARN{Name: "r"}, Policy: "{", SourceARNs: []string{"*"}},
		}},
		Places:             []identity.Place{{Kind: "x", Encoding: "x", Component: "x", Holds: "x"}},
		AdmissionPolicy:    "x",
		FailurePolicy:      "x",
		SharedBackupConfig: identity.SharedBackupConfig{Name: "*", Namespace: "*", Endpoint: "*"},
		TrustPolicyQuota:   -1,
		ArtifactsDir:       " ",
	})
	want := []string{
		"cluster.name", "cluster.region", "cluster.oidcProvider", "controlPlanes.namespaces[0]", "controlPlanes.match",
		"components[0].name", "components[0].serviceAccount", "components[0].mode", "components[0].roleARN",
		"components[0].bucket", "components[0].prefix", "components[0].kmsKeyARN",
		`components[0].serviceAccountAnnotations["a.b/c"]`, "components[0].serviceAccountAnnotations.b", "components[0].podLabels.a",
		"components[0].podIdentity.tags.a*", "components[0].podIdentity.targetRoleARN", "components[0].podIdentity.policy",
		"components[0].podIdentity.sourceARNs[0]",
		"places[0].kind", "places[0].name", "places[0].path", "places[0].encoding", "places[0].holds", "places[0].component",
		"delivery.admissionPolicy", "delivery.failurePolicy",
		"sharedBackupConfig.name", "sharedBackupConfig.namespace", "sharedBackupConfig.endpoint", "trustPolicy.quota", "artifacts.dir",
	}
	var paths []string
	for _, line := range got {
		path, _, _ := strings.Cut(line, ": ")
		paths = append(paths, path)
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func problemsOf(settings identity.Settings) []string {
	_, problems := identity.New(settings)
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	return all
}

// Each rule has a case that it rejects, and the nearest one that it allows.
func TestNewRejectsSettingsThatDoNotFitEachOther(t *testing.T) {
	role := func(partition, account string) identity.RoleARN {
		return identity.RoleARN{Partition: partition, Account: account, Name: "r"}
	}
	one := func(c identity.Component) identity.Settings {
		c.Name = "vector"
		return identity.Settings{Components: []identity.Component{c}}
	}
	pod := func(s identity.PodIdentitySettings) identity.Settings {
		return one(identity.Component{Role: role("aws", "111111111111"), PodIdentity: s})
	}
	roles := func(names ...string) identity.Settings {
		s := identity.Settings{Components: []identity.Component{{Name: "vector"}, {Name: "crossplane"}}}
		for i, name := range names {
			s.Components[i].Role = role("aws", "123456789012")
			s.Components[i].Role.Name = name
		}
		return s
	}
	clusters := func(a, b identity.Cluster) identity.Settings {
		return identity.Settings{Cluster: a, AdditionalClusters: []identity.Cluster{b}}
	}
	provider := func(hostPath, partition, account string) identity.OIDCProvider {
		return identity.OIDCProvider{HostPath: hostPath, Partition: partition, Account: account}
	}
	key := func(partition string) identity.KMSKeyARN {
		return identity.KMSKeyARN{Partition: partition, Region: "us-west-2", Account: "222222222222", ID: "k"}
	}
	tags := func(n int) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprint("tag", i)] = ""
		}
		return all
	}
	place := func(component string, components ...string) identity.Settings {
		s := identity.Settings{Places: []identity.Place{{Kind: "ConfigMap", Name: "a", Path: identity.Path{{Key: "data"}}, Component: component}}}
		for _, name := range components {
			s.Components = append(s.Components, identity.Component{Name: name})
		}
		return s
	}
	for name, c := range map[string]struct {
		settings identity.Settings
		want     string // empty if the settings are valid
	}{
		"cluster twice":                    {clusters(identity.Cluster{Name: "a", Region: "us-west-2"}, identity.Cluster{Name: "a", Region: "us-west-2"}), `additionalClusters[0].name: "a in us-west-2" is already listed as cluster`},
		"clusters of two regions":          {clusters(identity.Cluster{Name: "a", Region: "us-west-2"}, identity.Cluster{Name: "a", Region: "us-west-1"}), ""},
		"clusters of unknown regions":      {clusters(identity.Cluster{Name: "a"}, identity.Cluster{Name: "a"}), ""},
		"provider twice":                   {clusters(identity.Cluster{OIDC: provider("a.b/c", "", "")}, identity.Cluster{OIDC: provider("a.b/c", "", "")}), `additionalClusters[0].oidcProvider: "a.b/c" is already listed as cluster.oidcProvider`},
		"provider twice, once as an ARN":   {clusters(identity.Cluster{Name: "a", OIDC: provider("a.b/c", "aws", "111111111111")}, identity.Cluster{Name: "b", OIDC: provider("a.b/c", "", "")}), `additionalClusters[0].oidcProvider: "a.b/c" is already listed as cluster.oidcProvider`},
		"two providers":                    {clusters(identity.Cluster{OIDC: provider("a.b/c", "", "")}, identity.Cluster{OIDC: provider("a.b/d", "", "")}), ""},
		"empty cluster":                    {clusters(identity.Cluster{}, identity.Cluster{}), "additionalClusters[0]: is empty"},
		"provider of another account":      {identity.Settings{Cluster: identity.Cluster{OIDC: provider("a.b/c", "aws", "222222222222")}, Components: one(identity.Component{Role: role("aws", "111111111111")}).Components}, `cluster.oidcProvider: "arn:aws:iam::222222222222:oidc-provider/a.b/c" is in account 222222222222 (aws), but the role arn:aws:iam::111111111111:role/r is in 111111111111 (aws): IAM accepts only providers of the role's account`},
		"provider of another partition":    {identity.Settings{Cluster: identity.Cluster{OIDC: provider("a.b/c", "aws-cn", "111111111111")}, Components: one(identity.Component{Role: role("aws", "111111111111")}).Components}, `cluster.oidcProvider: "arn:aws-cn:iam::111111111111:oidc-provider/a.b/c" is in account 111111111111 (aws-cn), but the role arn:aws:iam::111111111111:role/r is in 111111111111 (aws): IAM accepts only providers of the role's account`},
		"provider of the role's account":   {identity.Settings{Cluster: identity.Cluster{OIDC: provider("a.b/c", "aws", "111111111111")}, Components: one(identity.Component{Role: role("aws", "111111111111")}).Components}, ""},
		"key of another partition":         {one(identity.Component{Role: role("aws-cn", "111111111111"), KMSKey: key("aws")}), `components[0].kmsKeyARN: "arn:aws:kms:us-west-2:222222222222:key/k" is in partition aws, but the role is in aws-cn: a role has no access to another partition`},
		"key of another account":           {one(identity.Component{Role: role("aws", "111111111111"), KMSKey: key("aws")}), ""},
		"target of another partition":      {pod(identity.PodIdentitySettings{TargetRole: role("aws-cn", "111111111111")}), `components[0].podIdentity.targetRoleARN: "arn:aws-cn:iam::111111111111:role/r" is in partition aws-cn, but the role is in aws: a role has no access to another partition`},
		"target of another account":        {pod(identity.PodIdentitySettings{TargetRole: role("aws", "222222222222")}), ""},
		"policy that is not JSON":          {pod(identity.PodIdentitySettings{Policy: "{", DisableSessionTags: true}), "components[0].podIdentity.policy: is not JSON"},
		"policy with session tags":         {pod(identity.PodIdentitySettings{Policy: "{}"}), "components[0].podIdentity.policy: is allowed only without session tags"},
		"policy without session tags":      {pod(identity.PodIdentitySettings{Policy: `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, DisableSessionTags: true}), ""},
		"long session policy":              {pod(identity.PodIdentitySettings{Policy: `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"` + long(2048, "x") + `"}}`, DisableSessionTags: true}), "components[0].podIdentity.policy: has 2110 characters: EKS allows 2048"},
		"policy that IAM refuses":          {pod(identity.PodIdentitySettings{Policy: `{"Statement":{"Effect":"allow"}}`, DisableSessionTags: true}), `components[0].podIdentity.policy: is not a policy: line 1, column 24: Effect: expected Allow or Deny, not "allow"`},
		"fifty tags":                       {pod(identity.PodIdentitySettings{Tags: tags(50)}), "components[0].podIdentity.tags: has 50 tags: AWS allows 50, and the program adds one of them"},
		"forty-nine tags":                  {pod(identity.PodIdentitySettings{Tags: tags(49)}), ""},
		"tag of AWS":                       {pod(identity.PodIdentitySettings{Tags: map[string]string{"AWS:x": ""}}), `components[0].podIdentity.tags.AWS:x: the key "AWS:x" is not allowed: keys that begin with aws: belong to AWS`},
		"tag in other letters":             {pod(identity.PodIdentitySettings{Tags: map[string]string{"équipe 1": "a+b@c"}}), ""},
		"long tag":                         {pod(identity.PodIdentitySettings{Tags: map[string]string{"a": long(257, "x")}}), `components[0].podIdentity.tags.a: the value of "a" is not allowed: AWS allows up to 256 letters, digits, spaces and _.:/=+@-`},
		"source that is not an ARN":        {pod(identity.PodIdentitySettings{SourceARNs: []string{"arn:aws:eks"}}), `components[0].podIdentity.sourceARNs[0]: "arn:aws:eks" is not a pattern of ARNs`},
		"source with a variable":           {pod(identity.PodIdentitySettings{SourceARNs: []string{"arn:aws:eks:*:*:${x}"}}), `components[0].podIdentity.sourceARNs[0]: "arn:aws:eks:*:*:${x}" is not a pattern of ARNs`},
		"source with wildcards":            {pod(identity.PodIdentitySettings{SourceARNs: []string{"arn:aws:eks:*:111111111111:podidentityassociation/prod/a-?"}}), ""},
		"place of none of several":         {place("", "vector", "crossplane"), "places[0].component: is missing, and the config has several components"},
		"place of one of several":          {place("vector", "vector", "crossplane"), ""},
		"place of the only component":      {place("", "vector"), ""},
		"place of another component":       {place("vektor", "vector", "crossplane"), `places[0].component: "vektor" is not a component of this config, which has vector, crossplane`},
		"component twice":                  {identity.Settings{Components: []identity.Component{{Name: "vector"}, {Name: "vector", ServiceAccount: "v"}}}, `components[1].name: "vector" is already the name of components[0]`},
		"service account twice":            {identity.Settings{Components: []identity.Component{{Name: "vector"}, {Name: "v", ServiceAccount: "vector"}}}, `components[1].serviceAccount: "vector" is already the service account of "vector": a service account has only one role`},
		"role with two paths":              {roles("a/x", "b/X"), "components[1].roleARN: arn:aws:iam::123456789012:role/b/X and arn:aws:iam::123456789012:role/a/x cannot both exist: in an account a role's name is unique, whatever its path and case"},
		"role that is shared":              {roles("a/x", "a/x"), ""},
		"two roles":                        {roles("a/x", "a/y"), ""},
		"native admission policy":          {identity.Settings{AdmissionPolicy: identity.NativeAdmissionPolicy, FailurePolicy: identity.FailureFails}, ""},
		"admission policy for Kyverno":     {identity.Settings{AdmissionPolicy: identity.KyvernoAdmissionPolicy}, ""},
		"admission policy of another name": {identity.Settings{AdmissionPolicy: "natve"}, `delivery.admissionPolicy: "natve" is not native or kyverno`},
		"quota too small":                  {identity.Settings{TrustPolicyQuota: 255}, "trustPolicy.quota: 255 characters is not a possible quota"},
		"smallest quota":                   {identity.Settings{TrustPolicyQuota: 256}, ""},
		"largest quota":                    {identity.Settings{TrustPolicyQuota: 65536}, ""},
		"quota too large":                  {identity.Settings{TrustPolicyQuota: 65537}, "trustPolicy.quota: 65537 characters is not a possible quota"},
		"role without an account":          {one(identity.Component{Role: role("aws", "")}), `components[0].roleARN: "arn:aws:iam:::role/r" has no account`},
		"role of no partition":             {one(identity.Component{Role: role("aws-gov", "111111111111")}), `components[0].roleARN: "arn:aws-gov:iam::111111111111:role/r" has an unknown partition: AWS has aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f`},
		"provider of a partition alone":    {identity.Settings{Cluster: identity.Cluster{OIDC: provider("a.b/c", "aws", "")}}, `cluster.oidcProvider: "arn:aws:iam:::oidc-provider/a.b/c" has no account`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, strings.Join(problemsOf(c.settings), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A session policy may be long and confidential.
func TestProblemsNeverShowASessionPolicy(t *testing.T) {
	for _, policy := range []string{`{"secret`, `{"secret": 1}`} {
		got := problemsOf(identity.Settings{Components: []identity.Component{{Name: "vector", PodIdentity: identity.PodIdentitySettings{Policy: policy}}}})
		if len(got) != 1 || strings.Contains(got[0], "secret") {
			t.Errorf("%q", got)
		}
	}
}

func TestNearestFindsMisspeltWords(t *testing.T) {
	choices := []string{"name", "roleARN", "serviceAccount", "serviceAccountAnnotations"}
	for word, want := range map[string]string{
		"naem": "name", "role_arn": "roleARN", "role-arn": "roleARN", "rolARN": "roleARN", "serviceaccount": "serviceAccount",
		"role": "roleARN", "service": "", "serviceAccountAnotations": "serviceAccountAnnotations", "speed": "", "": "", strings.Repeat("x", 10000): "",
	} {
		if diff := cmp.Diff(want, identity.Nearest(word, choices)); diff != "" {
			t.Errorf("%s: %s", word, diff)
		}
	}
}

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

func TestResolveReadsFlagsAndEnvironmentWithoutAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	got, err := resolve(t, nil, "--mode=both", "--role-arn=arn:aws:iam::123456789012:role/r", "--cluster=prod", "--region=us-west-2",
		"--oidc-provider=https://oidc.eks.us-west-2.amazonaws.com/id/A", "--host-namespace=b,c", "--host-namespace=a", "--match=uuid",
		"--bucket=spaces", "--prefix=p/", "--annotation=a=b=c", "--annotation=d=", "--pod-label=x/y=z", "--artifacts-dir=none")
	if err != nil {
		t.Fatal(err)
	}
	controller, _ := identity.Known("mxp-controller")
	controller.Mode = identity.Both
	controller.Role = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}
	controller.Bucket, controller.Prefix = "spaces", "p"
	controller.ExtraAnnotations = map[string]string{"a": "b=c", "d": ""}
	controller.PodLabels = map[string]string{"x/y": "z"}
	want := fixture.Spec(t, identity.Settings{
		Cluster: identity.Cluster{Name: "prod", Region: "us-west-2",
			OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/A"}},
		ControlPlanes:    identity.ControlPlanes{Namespaces: []string{"a", "b", "c"}, Match: identity.MatchUUID},
		Components:       []identity.Component{controller},
		TrustPolicyQuota: 2048,
		ArtifactsDir:     identity.NoArtifacts,
	})
	if diff := cmp.Diff(want, got, allOfSpec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResolveWithoutSettingsReturnsDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	got, err := resolve(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fixture.Spec(t, identity.Settings{}), got, allOfSpec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each later source wins over the earlier ones.
func TestFlagsWinOverEnvironmentAndFile(t *testing.T) {
	const file = header + "cluster: {name: of-file, region: us-west-1}\ncontrolPlanes: {namespaces: [of-file], match: of-file}\n" +
		"components:\n- name: mxp-controller\n  bucket: of-file\n  prefix: of-file\n  serviceAccountAnnotations: {a: of-file, b: of-file}\n"
	env := map[string]string{
		"SPACES_IDENTITY_CLUSTER": "of-env", "SPACES_IDENTITY_BUCKET": "of-env",
		"SPACES_IDENTITY_HOST_NAMESPACE": "env-a,env-b", "SPACES_IDENTITY_ANNOTATION": "b=of-env,c=of-env",
		"SPACES_IDENTITY_REGION": "",
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want summary
	}{
		"file": {nil, nil, summary{"of-file", "us-west-1", "of-file", "of-file", "of-file", "of-file", "a=of-file b=of-file"}},
		"environment": {env, nil,
			summary{"of-env", "us-west-1", "env-a env-b", "of-file", "of-env", "of-file", "a=of-file b=of-env c=of-env"}},
		"flags": {env, []string{"--cluster=of-flag", "--host-namespace=of-flag", "--annotation=a=of-flag", "--bucket=one", "--bucket=of-flag"},
			summary{"of-flag", "us-west-1", "of-flag", "of-file", "of-flag", "of-file", "a=of-flag b=of-file"}},
		"empty flags clear": {nil, []string{"--match=", "--prefix="},
			summary{"of-file", "us-west-1", "of-file", "", "of-file", "", "a=of-file b=of-file"}},
	} {
		t.Run(name, func(t *testing.T) {
			chdirWith(t, file)
			got, err := resolve(t, c.env, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, summarise(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// summary has the settings that the test of precedence varies.
type summary struct{ Cluster, Region, Namespaces, Match, Bucket, Prefix, Annotations string }

func summarise(s identity.Spec) summary {
	c := s.Components[0]
	var pairs []string
	for _, key := range []string{"a", "b", "c"} {
		if value, ok := c.ExtraAnnotations[key]; ok {
			pairs = append(pairs, key+"="+value)
		}
	}
	return summary{s.Cluster.Name, s.Cluster.Region, strings.Join(s.ControlPlanes.Namespaces, " "),
		string(s.ControlPlanes.Match), c.Bucket, c.Prefix, strings.Join(pairs, " ")}
}

func TestResolveReadsTheNamedFile(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"the one of the working directory":    {nil, nil, "default"},
		"the environment's":                   {map[string]string{"SPACES_IDENTITY_CONFIG": "env.yaml"}, nil, "env"},
		"the flag's over the environment's":   {map[string]string{"SPACES_IDENTITY_CONFIG": "env.yaml"}, []string{"--config=flag.yaml"}, "flag"},
		"the flag's over one that is missing": {map[string]string{"SPACES_IDENTITY_CONFIG": "none.yaml"}, []string{"--config=flag.yaml"}, "flag"},
	} {
		t.Run(name, func(t *testing.T) {
			chdirWith(t, header+"cluster: {name: default}")
			write(t, "env.yaml", header+"cluster: {name: env}")
			write(t, "flag.yaml", header+"cluster: {name: flag}")
			got, err := resolve(t, c.env, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Cluster.Name); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFlagsApplyToTheChosenComponent(t *testing.T) {
	const role = "--role-arn=arn:aws:iam::123456789012:role/r"
	for name, c := range map[string]struct {
		components string
		args       []string
		want       []string // name and role of each
	}{
		"the default one":                 {"", []string{role}, []string{"mxp-controller r"}},
		"the default one of several":      {"[{name: vector}, {name: mxp-controller}]", []string{role}, []string{"vector ", "mxp-controller r"}},
		"the one named":                   {"[{name: vector}, {name: mxp-controller}]", []string{role, "--component=vector"}, []string{"vector r", "mxp-controller "}},
		"one that is not listed":          {"[{name: vector}]", []string{role, "--component=crossplane"}, []string{"vector ", "crossplane r"}},
		"one alone":                       {"", []string{role, "--component=vector"}, []string{"vector r"}},
		"one named and nothing else":      {"[{name: vector}]", []string{"--component=vector"}, []string{"vector "}},
		"one not listed and nothing else": {"[]", []string{"--component=vector"}, []string{"vector "}},
	} {
		t.Run(name, func(t *testing.T) {
			chdirWith(t, header+"components: "+c.components)
			spec, err := resolve(t, nil, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, component := range spec.Components {
				got = append(got, component.Name+" "+component.Role.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolveReportsProblemsWithTheirSource(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		env  map[string]string
		args []string
		want []string
	}{
		"values, each with its source": {"cluster: {region: us_west}",
			map[string]string{"SPACES_IDENTITY_BUCKET": "*", "SPACES_IDENTITY_HOST_NAMESPACE": "a, b"},
			[]string{"--role-arn=r", "--annotation=x", "--annotation=eks.amazonaws.com/role-arn=y"},
			[]string{
				`spaces-identity.yaml:3:19: cluster.region: "us_west" is not a region: write its code, like us-west-2`,
				`--annotation: "x" has no =: write KEY=VALUE`,
				`--annotation: eks.amazonaws.com/role-arn is written by the program: set roleARN instead`,
				`--role-arn: "r" is not an ARN: write it like arn:aws:iam::123456789012:role/NAME`,
				`SPACES_IDENTITY_BUCKET: "*" has *, and the permissions would include other buckets: write the name itself`,
				`SPACES_IDENTITY_HOST_NAMESPACE: " b" has space around it: write "b"`,
			}},
		"no component of that name": {"components: [{name: vector}]", nil, []string{"--bucket=spaces"},
			[]string{`--bucket: needs a component, but the config has only vector: add --component NAME`}},
		"a component that nothing describes": {"", nil, []string{"--component=vektor"},
			[]string{`--component: "vektor" is not a component that the program knows: it knows mxp-controller, vector, external-secrets-controller, crossplane, spaces-controller: did you mean "vector"? Otherwise describe it with serviceAccount, and with values: {path, annotations, podLabels} if the chart has settings for it`}},
		"a component with an invalid name": {"", nil, []string{"--component=../x"},
			[]string{`--component: "../x" is not the name of a component: it does not begin and end with a letter or digit`}},
		"an empty role": {"", nil, []string{"--role-arn="},
			[]string{`--role-arn: is empty: give a value, or leave the flag out`}},
		"a role of another account than the file's provider": {
			"cluster: {oidcProvider: 'arn:aws:iam::111111111111:oidc-provider/a.b/c'}", nil, []string{"--role-arn=arn:aws:iam::222222222222:role/r"},
			[]string{`spaces-identity.yaml:3:25: cluster.oidcProvider: "arn:aws:iam::111111111111:oidc-provider/a.b/c" is in account 111111111111 (aws), but the role arn:aws:iam::222222222222:role/r is in 222222222222 (aws): IAM accepts only providers of the role's account`}},
		"a file that is not there": {"", nil, []string{"--config=none.yaml"},
			[]string{`--config: cannot read the config: open none.yaml: no such file or directory: ` + "`spaces-identity init` writes a config"}},
		"a variable's file that is not there": {"", map[string]string{"SPACES_IDENTITY_CONFIG": "none.yaml"}, nil,
			[]string{`SPACES_IDENTITY_CONFIG: cannot read the config: open none.yaml: no such file or directory: ` + "`spaces-identity init` writes a config"}},
		"a directory for a file": {"", nil, []string{"--config=."},
			[]string{`--config: cannot read the config: read .: is a directory: name the file in the directory`}},
		"no file named": {"", nil, []string{"--config="},
			[]string{`--config: is empty: give a value, or leave the flag out`}},
	} {
		t.Run(name, func(t *testing.T) {
			chdirWith(t, header+c.file)
			_, err := resolve(t, c.env, c.args...)
			wantProblems(t, err, c.want)
		})
	}
}

func TestFlagsReplaceBadValuesOfTheFile(t *testing.T) {
	chdirWith(t, header+"controlPlanes: {namespaces: [A, 3]}\ncomponents:\n- name: mxp-controller\n  roleARN: r\n  bucket: B\n  podLabels: {a: b c}\n")
	spec, err := resolve(t, nil, "--host-namespace=a", "--role-arn=arn:aws:iam::123456789012:role/r", "--bucket=spaces", "--pod-label=a=b")
	if err != nil {
		t.Fatal(err)
	}
	c := spec.Components[0]
	got := []string{spec.ControlPlanes.Namespaces[0], c.Role.Name, c.Bucket, c.PodLabels["a"]}
	if diff := cmp.Diff([]string{"a", "r", "spaces", "b"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagForReturnsTheFlagOfAPath(t *testing.T) {
	for _, c := range []struct{ path, component, want string }{
		{"components[0].bucket", "mxp-controller", "--bucket"},
		{"components[12].bucket", "vector", "--component vector --bucket"},
		{"components[0].kmsKeyARN", "vector", ""},
		{"components[0].name", "vector", "--component"},
		{"components[0].podIdentity.tags", "vector", ""},
		{"cluster.region", "vector", "--region"},
		{"additionalClusters[0].region", "mxp-controller", ""},
		{"trustPolicy.quota", "mxp-controller", "--quota"},
		{"places[0].name", "mxp-controller", ""},
		{"", "", ""},
	} {
		if diff := cmp.Diff(c.want, config.FlagFor(c.path, c.component)); diff != "" {
			t.Errorf("%s: %s", c.path, diff)
		}
	}
}

func TestUnknownVariablesWarnsOfMisspeltNames(t *testing.T) {
	got := config.UnknownVariables([]string{
		"PATH=/bin", "SPACES_IDENTITY_ROLE=secret", "SPACES_IDENTITY_BUCKET=b", "SPACES_IDENTITY_CONFIG=f",
		"SPACES_IDENTITY_ON_MISSING=warn", "SPACES_IDENTITY_BUKET=b", "SPACES_IDENTITY_COLOUR_OF_THE_SKY=blue",
	}, "on-missing")
	want := []string{
		"no setting has the environment variable SPACES_IDENTITY_BUKET; did you mean SPACES_IDENTITY_BUCKET?",
		"no setting has the environment variable SPACES_IDENTITY_COLOUR_OF_THE_SKY",
		"no setting has the environment variable SPACES_IDENTITY_ROLE; did you mean SPACES_IDENTITY_ROLE_ARN?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChoicesOfFlags(t *testing.T) {
	for flag, want := range map[string][]string{
		"mode": {"irsa", "pod-identity", "both"}, "match": {"uuid", "mxp-*-system"}, "component": identity.KnownNames(), "bucket": nil, "x": nil,
	} {
		if diff := cmp.Diff(want, config.Choices(flag)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", flag, diff)
		}
	}
}

// Completion and the report of an early failure read one setting of a file whose others may
// be invalid.
func TestNamesAndDirectoryAreReadFromAnInvalidFile(t *testing.T) {
	env := func(string) string { return "" }
	for name, c := range map[string]struct {
		content string
		flags   config.Flags
		names   []string
		dir     string
	}{
		"wrong elsewhere":     {"x: 1\ncluster: []\ncomponents: [{name: vector, mode: x}, {name: [a]}, b, {name: my-operator}]\nartifacts: {dir: out}", nil, []string{"vector", "my-operator"}, "out"},
		"wrong itself":        {"components: {name: vector}\nartifacts: {dir: ' out'}", nil, nil, "identity-artifacts"},
		"not YAML":            {"components: [{name: vector}", nil, nil, "identity-artifacts"},
		"nothing":             {"", nil, nil, "identity-artifacts"},
		"the flag's":          {"artifacts: {dir: out}", config.Flags{"artifacts-dir": {"none"}}, nil, "none"},
		"another file's":      {"artifacts: {dir: out}", config.Flags{"config": {"missing.yaml"}}, nil, "identity-artifacts"},
		"an alias for a name": {"x: &x out\ncomponents: [*x]\nartifacts: {dir: *x}", nil, nil, "identity-artifacts"},
	} {
		t.Run(name, func(t *testing.T) {
			chdirWith(t, c.content)
			if diff := cmp.Diff(c.names, c.flags.ComponentNames(env)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.dir, c.flags.ArtifactsDir(env)); diff != "" {
				t.Errorf("directory (-want +got):\n%s", diff)
			}
		})
	}
}

func resolve(t *testing.T, env map[string]string, args ...string) (identity.Spec, error) {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := config.Flags{}
	flags.Register(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags.Resolve(func(name string) string { return env[name] })
}

// chdirWith changes to a new directory with the config.
func chdirWith(t *testing.T, content string) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, config.DefaultFile, content)
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Clean(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

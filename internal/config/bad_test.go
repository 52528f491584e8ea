package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/config"
)

const header = "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n"

// badConfig is a config that the program rejects, without the header, and its problems.
type badConfig struct {
	content string
	want    []string
}

// badConfigs returns bad configs by what is wrong. The header has two lines, so the content
// begins in line 3.
func badConfigs() map[string]badConfig {
	return map[string]badConfig{
		"unknown key": {"cluster: {regoin: x}",
			[]string{`f.yaml:3:11: cluster: unknown key "regoin": did you mean "region"?`}},
		"unknown key like nothing": {"delivery: {speed: fast}",
			[]string{`f.yaml:3:12: delivery: unknown key "speed": the keys here are admissionPolicy, failurePolicy`}},
		"key in another case": {"components:\n- name: vector\n  role_arn: x",
			[]string{`f.yaml:5:3: components[0]: unknown key "role_arn": did you mean "roleARN"?`}},
		"key twice": {"cluster:\n  region: us-west-2\n  region: us-west-2",
			[]string{`f.yaml:5:3: cluster: the key "region" occurs twice, first in line 4: keep one`}},
		"key of no name": {"? [a]\n: b",
			[]string{`f.yaml:3:3: a key is a list (- item), but must be a string`}},
		"string for a list": {"components: vector",
			[]string{`f.yaml:3:13: components: is a string, but must be a list (- item)`}},
		"list for a mapping": {"cluster: [a]",
			[]string{`f.yaml:3:10: cluster: is a list (- item), but must be a mapping (key: value)`}},
		"number for a string": {"cluster: {name: 12}",
			[]string{`f.yaml:3:17: cluster.name: is a whole number, but must be a string: write "12"`}},
		"label values that YAML reads as something else": {"components:\n- name: vector\n  podLabels: {a: true, b: 1.5, c: 2024-01-01, d: }",
			[]string{
				`f.yaml:5:18: components[0].podLabels.a: is a boolean, but must be a string: write "true"`,
				`f.yaml:5:27: components[0].podLabels.b: is a number with a fraction, but must be a string: write "1.5"`,
				`f.yaml:5:35: components[0].podLabels.c: is a date, but must be a string: write "2024-01-01"`,
				`f.yaml:5:50: components[0].podLabels.d: is without a value, but must be a string: write ""`,
			}},
		"word for a boolean": {"controlPlanes: {discover: yes}",
			[]string{`f.yaml:3:27: controlPlanes.discover: is a string, but must be true or false`}},
		"boolean for an admission policy": {"delivery: {admissionPolicy: true}",
			[]string{`f.yaml:3:29: delivery.admissionPolicy: is a boolean, but must be a string: write native or kyverno`}},
		"admission policy of no kind": {"delivery: {admissionPolicy: natve, failurePolicy: fail}", []string{
			`f.yaml:3:29: delivery.admissionPolicy: "natve" is not native or kyverno: did you mean "native"?`,
			`f.yaml:3:51: delivery.failurePolicy: "fail" is not Ignore or Fail: did you mean "Fail"?`,
		}},
		"dotted key": {"cluster.name: prod",
			[]string{`f.yaml:3:1: unknown key "cluster.name": the keys here are apiVersion, kind, metadata, cluster, additionalClusters, controlPlanes, components, places, delivery, then, trustPolicy, tags, sharedBackupConfig, artifacts`}},
		"namespaces as mappings": {"controlPlanes:\n  namespaces:\n  - {name: f, group: g}\n  - {name: b, grup: g}\n  - {group: g, controlPlane: c}\n" +
			"  - {name: d, group: g, controlPlane: 1}\n  - [e]\n  - {name: x, group: g, controlPlane: x}\n  - {name: x, group: h, controlPlane: c}\n  - {}", []string{
			`f.yaml:5:5: controlPlanes.namespaces[0].controlPlane: is missing`,
			`f.yaml:6:15: controlPlanes.namespaces[1]: unknown key "grup": did you mean "group"?`,
			`f.yaml:7:5: controlPlanes.namespaces[2]: has no name: write name: and the host namespace`,
			`f.yaml:8:39: controlPlanes.namespaces[3].controlPlane: is a whole number, but must be a string: write "1"`,
			`f.yaml:9:5: controlPlanes.namespaces[4]: is a list (- item), but must be a string`,
			`f.yaml:11:5: controlPlanes.namespaces[6]: "x" is already the host namespace of g/x: list each host namespace once`,
			`f.yaml:12:5: controlPlanes.namespaces[7]: has no name: write name: and the host namespace`,
		}},
		"secrets and parameters": {"components:\n- name: vector\n  secrets: [db, \"db*\", 3]\n  parameters: [a//b, /a, a]", []string{
			`f.yaml:5:17: components[0].secrets[1]: "db*" has *, and the role could read other values: write the name itself`,
			`f.yaml:5:24: components[0].secrets[2]: is a whole number, but must be a string: write "3"`,
			`f.yaml:6:16: components[0].parameters[0]: "a//b" is not the name of a parameter: it has a part without a name: write one slash between two parts, and none at the end`,
			`f.yaml:6:26: components[0].parameters[2]: "a" is already listed as components[0].parameters[1]: list each parameter once`,
		}},
		"permissions policies": {"components:\n- name: vector\n  permissionsPolicy: no-such-file.json\n- name: crossplane\n  permissionsPolicy: '{\"Statement\": 1}'\n" +
			"- name: mxp-controller\n  permissionsPolicy: {Version: 2012-10-17, Statement: {Effect: Allow, Action: [a:b, null], Resource: &x '*'}}\n" +
			"- name: external-secrets-controller\n  permissionsPolicy: {Version: 2012-10-17, Statement: {Effect: Allow, Actoin: a:b}}", []string{
			`f.yaml:5:22: components[0].permissionsPolicy: cannot read the policy: open no-such-file.json: no such file or directory: write the name of a file in the working directory or below it, or the policy itself`,
			`f.yaml:7:22: components[1].permissionsPolicy: is not a policy: line 1, column 15: a statement: expected an object, not the number 1`,
			`f.yaml:9:85: components[2].permissionsPolicy.Statement.Action[1]: has no value: write it, or remove the key`,
			`f.yaml:11:22: components[3].permissionsPolicy: is not a policy: line 1, column 15: unknown element "Actoin": expected one of Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition`,
		}},
		"namespaces keep their position": {"controlPlanes:\n  namespaces:\n  - b\n  - 3\n  - a b\n  - a", []string{
			`f.yaml:6:5: controlPlanes.namespaces[1]: is a whole number, but must be a string: write "3"`,
			`f.yaml:7:5: controlPlanes.namespaces[2]: "a b" is not a namespace: it has ' ', only lower-case letters, digits and - are allowed`,
		}},
		"settings of EKS Pod Identity": {"components:\n- name: vector\n  podIdentity:\n    tags: {'a*': x}\n    targetRoleARN: r\n    disableSessionTags: 'true'\n    policy: '{'\n    sourceARNs: ['arn:aws:eks:*:*:*', x]", []string{
			`f.yaml:6:12: components[0].podIdentity.tags.a*: the key "a*" is not allowed: AWS allows 1 to 128 letters, digits, spaces and _.:/=+@-`,
			`f.yaml:7:20: components[0].podIdentity.targetRoleARN: "r" is not an ARN: write it like arn:aws:iam::123456789012:role/NAME`,
			`f.yaml:8:25: components[0].podIdentity.disableSessionTags: is a string, but must be true or false`,
			`f.yaml:9:13: components[0].podIdentity.policy: is not JSON`,
			`f.yaml:10:39: components[0].podIdentity.sourceARNs[1]: "x" is not a pattern of ARNs: write arn:partition:service:region:account:resource, with * and ? for any characters`,
		}},
		"place of none of several components": {"components: [{name: vector}, {name: crossplane}]\nplaces: [{kind: ConfigMap, name: a, path: data}]",
			[]string{`f.yaml:4:10: places[0].component: is missing, and the config has several components: write the component that the place belongs to: vector or crossplane`}},
		"post-renderers that are no commands": {"then:\n- kustomize\n- []\n- [sed, 1]\n- ['', x]\n- [\"a\\0b\"]\n-\n- {run: x}", []string{
			`f.yaml:4:3: then[0]: is a string, but must be a list (- item)`,
			`f.yaml:5:3: then[1]: names no program: write a list such as [program, argument], or remove the item`,
			`f.yaml:6:9: then[2][1]: is a whole number, but must be a string: write "1"`,
			`f.yaml:7:3: then[3]: names no program: write a list such as [program, argument], or remove the item`,
			`f.yaml:8:4: then[4][0]: contains a NUL character, which no argument of a program can`,
			`f.yaml:9:2: then[5]: names no program: write a list such as [program, argument], or remove the item`,
			`f.yaml:10:3: then[6]: is a mapping (key: value), but must be a list (- item)`,
		}},
		"tag": {"controlPlanes: {discover: !!bool x}",
			[]string{`f.yaml:3:27: controlPlanes.discover: has the tag !!bool, which a config does not need: remove it`}},
		"number in another base": {"trustPolicy: {quota: 0x800}",
			[]string{`f.yaml:3:22: trustPolicy.quota: "0x800" is not a whole number: write it in decimal digits`}},
		"quota out of range": {"trustPolicy: {quota: 20}",
			[]string{`f.yaml:3:22: trustPolicy.quota: 20 characters is not a possible quota: write 256 to 65536 (AWS starts at 2048)`}},
		"alias": {"cluster: &a {name: x}\nadditionalClusters: [*a]",
			[]string{`f.yaml:4:22: additionalClusters[0]: aliases (*name) are not allowed in a config: write the value out`}},
		"alias of nothing": {"cluster: {name: x}\nadditionalClusters: [*a]",
			[]string{`f.yaml:4:23: is not valid YAML: unknown anchor is referenced`}},
		"alias bomb": {bomb(), []string{
			`f.yaml:3:1: unknown key "a": the keys here are apiVersion, kind, metadata, cluster, additionalClusters, controlPlanes, components, places, delivery, then, trustPolicy, tags, sharedBackupConfig, artifacts`,
			`f.yaml:14:13: components: aliases (*name) are not allowed in a config: write the value out`,
		}},
		"merge key": {"cluster: {<<: {name: x}}",
			[]string{`f.yaml:3:11: cluster: merge keys (<<) are not allowed in a config: write the settings out`}},
		"two documents": {"---\ncluster: {}",
			[]string{`f.yaml:3:1: another document begins here: a config is one document`}},
		"broken second document": {"--- [",
			[]string{`f.yaml:3:5: is not valid YAML: did not find expected node content`}},
		"broken YAML": {"\n  bad: indent",
			[]string{`f.yaml:4:6: is not valid YAML: mapping values are not allowed in this context`}},
		"control character": {"clus\x01ter: x",
			[]string{`f.yaml:3:5: is not valid YAML: control characters are not allowed`}},
		"not UTF-8": {"# ä \xe4",
			[]string{`f.yaml:3:5: is not valid YAML: the text is not valid UTF-8: save the file as UTF-8`}},
		"100,000 levels": {"cluster: " + strings.Repeat("[", 100000),
			[]string{`f.yaml:3:10010: is not valid YAML: its values are nested more than 1,000 levels deep`}},
		"too large": {strings.Repeat("# comment\n", 200000),
			[]string{`f.yaml: is larger than 1048576 bytes: this is not a config`}},
		"component without a name": {"components: [{bucket: spaces}]",
			[]string{`f.yaml:3:14: components[0].name: is missing`}},
		"empty items": {"additionalClusters: [~]\ncomponents: [~]", []string{
			`f.yaml:3:22: additionalClusters[0]: is empty: write its name, region and oidcProvider, or remove it`,
			`f.yaml:4:14: components[0].name: is missing`,
		}},
		"unknown component": {"components:\n- name: mxp-controler",
			[]string{`f.yaml:4:3: components[0].serviceAccount: "mxp-controler" is not a component that the program knows: it knows mxp-controller, vector, external-secrets-controller, crossplane, spaces-controller: did you mean "mxp-controller"? Otherwise describe it with serviceAccount, and with values: {path, annotations, podLabels} if the chart has settings for it`}},
		"component described by half": {"components:\n- {name: a, serviceAccount: a, values: {path: x}}\n- {name: b, serviceAccount: b, values: {annotations: x}}",
			[]string{
				`f.yaml:4:40: components[0].values.annotations: is missing: write the path below values.path at which the chart takes the service account's annotations`,
				`f.yaml:5:40: components[1].values.path: is missing: write the component's path in the chart's values`,
			}},
		"component twice": {"components:\n- name: vector\n- name: vector",
			[]string{`f.yaml:5:9: components[1].name: "vector" is already the name of components[0]: merge the two into one`}},
		"service account twice": {"components:\n- name: vector\n- {name: v, serviceAccount: vector}",
			[]string{`f.yaml:5:29: components[1].serviceAccount: "vector" is already the service account of "vector": a service account has only one role`}},
		"provider of another account": {"cluster:\n  oidcProvider: arn:aws:iam::111111111111:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A\ncomponents:\n- name: vector\n  roleARN: arn:aws:iam::222222222222:role/r",
			[]string{`f.yaml:4:17: cluster.oidcProvider: "arn:aws:iam::111111111111:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A" is in account 111111111111 (aws), but the role arn:aws:iam::222222222222:role/r is in 222222222222 (aws): IAM accepts only providers of the role's account`}},
		"key of another partition": {"components:\n- name: vector\n  roleARN: arn:aws-cn:iam::222222222222:role/r\n  kmsKeyARN: arn:aws:kms:us-west-2:222222222222:key/k",
			[]string{`f.yaml:6:14: components[0].kmsKeyARN: "arn:aws:kms:us-west-2:222222222222:key/k" is in partition aws, but the role is in aws-cn: a role has no access to another partition`}},
		"provider copied": {"cluster: {oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/A}\nadditionalClusters: [{oidcProvider: https://oidc.eks.us-west-2.amazonaws.com/id/A}]",
			[]string{`f.yaml:4:37: additionalClusters[0].oidcProvider: "oidc.eks.us-west-2.amazonaws.com/id/A" is already listed as cluster.oidcProvider: list each cluster once, with its own name and provider`}},
		"place": {"places: [{kind: configmap, path: 'a..b', encoding: yml, component: vektor, holds: value}]", []string{
			`f.yaml:3:10: places[0].name: is missing`,
			`f.yaml:3:17: places[0].kind: "configmap" is not a kind: write it as manifests do, like ConfigMap`,
			`f.yaml:3:34: places[0].path: "a..b" at character 3: a key is missing`,
			`f.yaml:3:52: places[0].encoding: "yml" is not yaml, json, base64 or none: did you mean "yaml"?`,
			`f.yaml:3:68: places[0].component: "vektor" is not a component of this config, which has mxp-controller`,
			`f.yaml:3:83: places[0].holds: "value" is not values, settings, annotations or podLabels: did you mean "values"?`,
		}},
		"every value with a space": {"cluster: {name: ' a', region: 'us-west-2 ', oidcProvider: ' x'}\ncontrolPlanes: {namespaces: ['a '], match: 'uuid '}\ncomponents:\n- name: vector\n  roleARN: ' arn:'\n  bucket: ' b'\n  serviceAccountAnnotations: {a: ' b'}\n  podLabels: {a: 'b '}",
			[]string{
				`f.yaml:3:17: cluster.name: " a" has space around it: write "a"`,
				`f.yaml:3:31: cluster.region: "us-west-2 " has space around it: write "us-west-2"`,
				`f.yaml:3:59: cluster.oidcProvider: " x" has space around it: write "x"`,
				`f.yaml:4:30: controlPlanes.namespaces[0]: "a " has space around it: write "a"`,
				`f.yaml:4:44: controlPlanes.match: "uuid " has space around it: write "uuid"`,
				`f.yaml:7:12: components[0].roleARN: " arn:" has space around it: write "arn:"`,
				`f.yaml:8:11: components[0].bucket: " b" has space around it: write "b"`,
				`f.yaml:9:31: components[0].serviceAccountAnnotations.a: the value of a: " b" has space around it: write "b"`,
				`f.yaml:10:15: components[0].podLabels.a: the value of a: "b " has space around it: write "b"`,
			}},
		"the guide's annotation key": {"components:\n- name: vector\n  serviceAccountAnnotations: {eks.amazon.aws/role-arn: x}",
			[]string{`f.yaml:5:31: components[0].serviceAccountAnnotations["eks.amazon.aws/role-arn"]: "eks.amazon.aws/role-arn" is not the key that EKS reads, which is eks.amazonaws.com/role-arn: set roleARN, and the program writes it`}},
	}
}

func TestDecodeReportsEveryProblemWithItsPosition(t *testing.T) {
	for name, c := range badConfigs() {
		t.Run(name, func(t *testing.T) {
			_, err := config.Decode("f.yaml", []byte(header+c.content))
			wantProblems(t, err, c.want)
		})
	}
}

func TestDecodeRequiresVersionAndKind(t *testing.T) {
	empty := "f.yaml: is empty: begin it with apiVersion: spaces-identity.dev/v1alpha1 and kind: SpacesIdentity"
	for content, want := range map[string][]string{
		"":            {empty},
		"# comment\n": {empty},
		"---\n":       {empty},
		"null":        {empty},
		"text":        {"f.yaml:1:1: is a string, but must be a mapping (key: value)"},
		"cluster: {}": {
			"f.yaml:1:1: apiVersion: is missing: write apiVersion: spaces-identity.dev/v1alpha1",
			"f.yaml:1:1: kind: is missing: write kind: SpacesIdentity",
		},
		"apiVersion: v1\nkind:": {
			"f.yaml:1:1: kind: is missing: write kind: SpacesIdentity",
			`f.yaml:1:13: apiVersion: this version of the program does not read "v1": write spaces-identity.dev/v1alpha1`,
		},
		"apiVersion: spaces-identity.dev/v1\nkind: SpacesIdentity\nnews: [x]": {
			"f.yaml:1:13: the file has the format spaces-identity.dev/v1, but this version of the program reads spaces-identity.dev/v1alpha1: use the version of the program that the file was written for",
		},
		"\tapiVersion: v1": {"f.yaml:1:1: is not valid YAML: found character that cannot start any token: indent with spaces, because YAML allows no tabs there"},
	} {
		t.Run(content, func(t *testing.T) {
			_, err := config.Decode("f.yaml", []byte(content))
			wantProblems(t, err, want)
		})
	}
}

func TestDecodeAcceptsAByteOrderMark(t *testing.T) {
	if _, err := config.Decode("f.yaml", []byte("\ufeff"+header)); err != nil {
		t.Error(err)
	}
}

// bomb returns a file that expands to a billion nodes if a parser follows aliases.
func bomb() string {
	const line = "- &%s [*%[2]s, *%[2]s, *%[2]s, *%[2]s, *%[2]s, *%[2]s, *%[2]s, *%[2]s, *%[2]s, *%[2]s]\n"
	var b strings.Builder
	b.WriteString("a:\n- &a [x]\n")
	for c := 'b'; c <= 'j'; c++ {
		fmt.Fprintf(&b, line, string(c), string(c-1))
	}
	return b.String() + "components: *j"
}

// withHint returns the message of an error, with its hint after a colon.
func withHint(err error) string {
	if hinter, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && hinter.Hint() != "" {
		return err.Error() + ": " + hinter.Hint()
	}
	return err.Error()
}

// The program exits with the status of bad input.
var _ interface{ BadInput() } = (*config.Error)(nil)

// wantProblems compares the messages of an error, which is a *config.Error.
func wantProblems(t *testing.T, err error, want []string) {
	t.Helper()
	var got []string
	if e, ok := errors.AsType[*config.Error](err); ok {
		for _, p := range e.Problems {
			got = append(got, withHint(p))
		}
	} else if err != nil {
		t.Errorf("%T is not a *config.Error", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

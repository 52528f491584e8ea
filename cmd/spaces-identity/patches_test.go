package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
)

const twoNamespaces = `apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: a}
data: {v: "controlPlanes: {mxpController: {}}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: values}
data: {v: "controlPlanes: {mxpController: {x: y}}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: b}
data: {v: "something else"}
`

func TestPatchesOfOneNameInSeveralNamespaces(t *testing.T) {
	for _, in := range []string{twoNamespaces, reversed(twoNamespaces)} {
		comparePatches(t, golden{args: identityFlags, in: in})
	}
}

func reversed(stream string) string {
	parts := strings.Split(stream, "---\n")
	return parts[2] + "---\n" + parts[1] + "---\n" + parts[0]
}

// TestPatchesOfNulls has values that strategic-merge patches would remove, and mappings on
// the path that are null or missing.
func TestPatchesOfNulls(t *testing.T) {
	for _, account := range []string{
		"metadata: {name: mxp-controller, namespace: mxp-a-system, annotations: }\nsecrets: null\n",
		"metadata: {name: mxp-controller, namespace: mxp-a-system, labels: {a: b}}\nimagePullSecrets: ~\n",
		"metadata: {name: mxp-controller, namespace: mxp-a-system, annotations: {a~b/c: null}}\n",
	} {
		comparePatches(t, golden{args: identityFlags, in: "apiVersion: v1\nkind: ServiceAccount\n" + account})
	}
}

// comparePatches compares the patched manifests with those of post-render.
func comparePatches(t *testing.T, g golden) {
	t.Helper()
	want, err := build(t, g.run(t, g.in).out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := g.kustomized(t)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("objects (-post-render +patches), error %v:\n%s", err, d)
	}
}

// TestPatchesFailAfterAChange applies patches to the manifests of a later chart.
func TestPatchesFailAfterAChange(t *testing.T) {
	const in = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: a}\ndata: {v: \"controlPlanes: {mxpController: {}}\"}\n"
	const item = "apiVersion: example.com/v1\nkind: Composition\nmetadata: {name: c}\nspec: {resources: [{name: one}, {name: two, values: {controlPlanes: {mxpController: {x: y}}}}]}\n"
	for name, test := range map[string]struct{ in, old, now, want string }{
		"another text":       {in, "mxpController: {}", "mxpController: {new: value}", "testing value /data/v failed"},
		"the object is gone": {in, "name: values", "name: others", "no matches for Id"},
		"another order":      {item, "name: one}, {name: two", "name: two}, {name: one", "testing value /spec/resources/1/name failed"},
		"a mapping is new":   {item, "x: y", "x: y, serviceAccount: {annotations: {a: b}}", "testing value /spec/resources/1/values/controlPlanes/mxpController/serviceAccount failed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := golden{args: identityFlags, in: test.in}
			comparePatches(t, g)
			g.in = strings.Replace(test.in, test.old, test.now, 1)
			text, _ := g.export(t, test.in)
			if err := g.patched(t, text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
		})
	}
}

// TestPatchesKeepNewAnnotations applies patches to a later chart that has annotations where
// there were none.
func TestPatchesKeepNewAnnotations(t *testing.T) {
	const in = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mxp-controller, namespace: mxp-a-system}\n"
	g := golden{args: identityFlags, in: strings.Replace(in, "system}", "system, annotations: {a: b}}", 1)}
	want, err := build(t, g.run(t, g.in).out)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := g.export(t, in)
	dir := t.TempDir()
	got, err := buildDir(t, dir, g.in, kustomization(t, text))
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("objects (-want +got), error %v:\n%s", err, d)
	}
}

// patched applies printed patches to the manifests.
func (g golden) patched(t *testing.T, text string) error {
	t.Helper()
	_, err := buildDir(t, t.TempDir(), g.in, kustomization(t, text))
	return err
}

// kustomization decodes a printed Kustomization, and adds the manifests.
func kustomization(t *testing.T, text string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all["resources"] != nil {
		t.Errorf("it has resources:\n%s", text)
	}
	all["resources"] = []string{"in.yaml"}
	return all
}

func TestPatchesLeaveSecretsOut(t *testing.T) {
	data := base64.StdEncoding.EncodeToString([]byte("controlPlanes: {mxpController: {password: " + marker + "}}"))
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: values, namespace: a}\n"
	for name, in := range map[string]string{
		"data":         secret + "data: {v: " + data + "}\n",
		"stringData":   secret + "stringData: {v: \"controlPlanes: {mxpController: {password: " + marker + "}}\"}\n",
		"in a List":    "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: values}, data: {v: " + data + "}}]\n",
		"in a text":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata:\n  v: |\n    kind: Secret\n    stringData: {p: " + marker + "}\n    controlPlanes: {mxpController: {}}\n",
		"last applied": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: values\n  annotations: {last: '{\"kind\":\"Secret\",\"stringData\":{\"p\":\"" + marker + "\"},\"controlPlanes\":{\"mxpController\":{}}}'}\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := golden{args: identityFlags}
			for _, form := range []string{"kustomization", "component", "flux"} {
				out, messages := g.export(t, in, "--output="+form)
				if strings.Contains(out+messages, marker) || strings.Contains(out, data) {
					t.Errorf("%s contains the value:\n%s%s", form, out, messages)
				}
				if !strings.Contains(messages, "its edits are left out") {
					t.Errorf("no warning: %s", messages)
				}
			}
			if out, messages := g.export(t, in, "--include-secrets"); !strings.Contains(out, "op: replace") || strings.Contains(messages, "left out") {
				t.Errorf("--include-secrets leaves them out:\n%s%s", out, messages)
			}
		})
	}
}

const admissionConfig = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
cluster: {name: prod, region: us-west-2, oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E}
controlPlanes: {match: uuid}
components: [{name: mxp-controller, roleARN: "arn:aws:iam::123456789012:role/spaces-backup"}]
delivery: {admissionPolicy: native}
`

func TestNewObjectsAreFiles(t *testing.T) {
	const in = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mxp-controller, namespace: mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system}\n"
	g := golden{config: admissionConfig, in: in}
	comparePatches(t, g)
	if _, messages := g.export(t, in); !strings.Contains(messages, "--output-dir writes it to a file") {
		t.Errorf("no warning without --output-dir: %s", messages)
	}
	dir := t.TempDir()
	_, messages := g.export(t, in, "--output=flux", "--output-dir="+dir)
	for _, file := range []string{"post-renderers.yaml", "admission-policy.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(messages, "apply that file, too") {
		t.Errorf("no warning of Flux: %s", messages)
	}
}

// TestFnReportsErrors runs the function on input that post-render refuses.
func TestFnReportsErrors(t *testing.T) {
	const account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: mxp-controller, namespace: mxp-a-system, annotations: {eks.amazonaws.com/role-arn: other}}}"
	list := func(items, config string) string {
		return "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [" + items + "]\n" + config
	}
	for name, test := range map[string]struct {
		in     string
		args   []string
		status int
		want   string
	}{
		"no place":          {list("{apiVersion: v1, kind: Namespace, metadata: {name: a}}", ""), nil, 1, "severity: error"},
		"an empty list":     {list("", ""), nil, 1, "severity: error"},
		"a conflict":        {list(account, ""), []string{"--on-conflict=fail"}, 2, "name: mxp-controller"},
		"a replaced value":  {list(account, ""), nil, 0, "severity: warning"},
		"a bad config":      {list(account, "functionConfig: {apiVersion: spaces-identity.dev/v1alpha1, kind: SpacesIdentity, metadata: {name: x}, rolearn: x}\n"), nil, 2, "unknown key"},
		"another config":    {list(account, "functionConfig: {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n"), nil, 2, "SpacesIdentity"},
		"no resource list":  {"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", nil, 2, "not a ResourceList"},
		"nothing":           {"", nil, 2, "not a ResourceList"},
		"without a command": {list(account, ""), []string{"without"}, 0, "role/spaces-backup"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"fn"}, identityFlags...)
			if len(test.args) > 0 && test.args[0] == "without" {
				args = identityFlags
			} else {
				args = append(args, test.args...)
			}
			var out, messages bytes.Buffer
			status := cli.Run(t.Context(), cli.Env{In: strings.NewReader(test.in), Out: &out, Err: &messages, Live: live.Run,
				Getenv: func(string) string { return "" }, Terminal: func(any) bool { return false }}, args)
			if int(status) != test.status || !strings.Contains(out.String()+messages.String(), test.want) {
				t.Errorf("exit status %d, want %d and %q:\n%s%s", status, test.status, test.want, out.String(), messages.String())
			}
			if status != 0 && strings.Contains(out.String(), "role/spaces-backup") {
				t.Errorf("edits after an error:\n%s", out.String())
			}
		})
	}
}

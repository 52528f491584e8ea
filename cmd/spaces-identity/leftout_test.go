package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
)

// exportKustomize runs export kustomize with a config, and returns what it prints.
func exportKustomize(t *testing.T, config, in string, args ...string) (stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "spaces-identity.yaml")
	write(t, file, "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n"+config)
	var out, messages bytes.Buffer
	status := cli.Run(t.Context(), cli.Env{In: strings.NewReader(in), Out: &out, Err: &messages, Live: live.Run,
		Getenv: func(name string) string { return map[string]string{"SPACES_IDENTITY_CONFIG": file}[name] }, Terminal: func(any) bool { return false }},
		append([]string{"export", "kustomize"}, args...))
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, messages.String())
	}
	return out.String(), messages.String()
}

// TestKustomizeDoesNotRestartReadersOfObjectsLeftOut has a Secret, a ConfigMap and a hook with
// embedded values, and pods that read some of them.
func TestKustomizeDoesNotRestartReadersOfObjectsLeftOut(t *testing.T) {
	const values = `{"controlPlanes": {"mxpController": {"serviceAccount": {"annotations": {}}}}}`
	objects := "apiVersion: v1\nkind: Secret\nmetadata: {name: secret-values, namespace: n}\nstringData:\n  values.yaml: '" + values + "'\n---\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: n}\ndata:\n  values.yaml: '" + values + "'\n---\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hook, namespace: n, annotations: {helm.sh/hook: pre-install}}\ndata:\n  values.yaml: '" + values + "'\n"
	deployment := func(name, account, volumes string) string {
		return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: n}\nspec:\n  selector: {matchLabels: {app: x}}\n  template:\n    metadata: {labels: {app: x}}\n" +
			"    spec: {serviceAccountName: " + account + ", containers: [{name: main, image: x}], volumes: [" + volumes + "]}\n"
	}
	const secret, configMap, hook = "{name: a, secret: {secretName: secret-values}}", "{name: b, configMap: {name: values}}", "{name: c, configMap: {name: hook}}"
	in := objects + deployment("reads-secret", "router", secret) + deployment("reads-config", "router", configMap) + deployment("reads-both", "router", secret+", "+configMap) +
		deployment("reads-hook", "router", hook) + deployment("own", "mxp-controller", secret)
	config := "components: [{name: mxp-controller, roleARN: \"arn:aws:iam::123456789012:role/r\"}]\n"
	for name, tt := range map[string]struct {
		args     []string
		restarts string
	}{
		"without Secrets":          {nil, "reads-config reads-both reads-hook own"},
		"with Secrets":             {[]string{"--include-secrets"}, "reads-secret reads-config reads-both reads-hook own"},
		"Flux, without hooks":      {[]string{"--output", "flux"}, "reads-config reads-both own"},
		"Flux, with Secrets alone": {[]string{"--output", "flux", "--include-secrets"}, "reads-secret reads-config reads-both own"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := exportKustomize(t, config, in, tt.args...)
			var restarts []string
			for _, deployment := range []string{"reads-secret", "reads-config", "reads-both", "reads-hook", "own"} {
				if strings.Contains(out, "name: "+deployment+"\n") {
					restarts = append(restarts, deployment)
				}
			}
			if got := strings.Join(restarts, " "); got != tt.restarts {
				t.Errorf("got %s, want %s:\n%s", got, tt.restarts, out)
			}
		})
	}
}

// TestKustomizeWarnsOfPoliciesOfAnEarlierRun writes into one directory several times.
func TestKustomizeWarnsOfPoliciesOfAnEarlierRun(t *testing.T) {
	const in = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mxp-controller, namespace: n}\n"
	const config = "controlPlanes: {namespaces: [n]}\ncomponents: [{name: mxp-controller, roleARN: \"arn:aws:iam::123456789012:role/r\"}]\n"
	dir := t.TempDir()
	run := func(more string, args ...string) string {
		_, messages := exportKustomize(t, config+more, in, append(args, "--output-dir="+dir)...)
		return messages
	}
	stale := func(messages string) bool {
		return strings.Contains(messages, "has files of an earlier run that no longer apply: admission-policy.yaml; remove them")
	}
	if messages := run("delivery: {admissionPolicy: native}\n"); stale(messages) {
		t.Errorf("the first run: %s", messages)
	}
	for _, form := range []string{"kustomization", "component", "flux"} {
		if messages := run("", "--output", form); !stale(messages) || strings.Contains(messages, "kustomization.yaml") {
			t.Errorf("%s: %s", form, messages)
		}
	}
	if messages := run("delivery: {admissionPolicy: kyverno}\n"); stale(messages) {
		t.Errorf("another policy: %s", messages)
	}
	if err := os.Remove(filepath.Join(dir, "admission-policy.yaml")); err != nil {
		t.Fatal(err)
	}
	if messages := run(""); stale(messages) {
		t.Errorf("after the file was removed: %s", messages)
	}
}

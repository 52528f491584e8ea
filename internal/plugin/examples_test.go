package plugin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestArgoCDPluginOfTheExample runs the commands of the config management plugin as the
// repository server does: with the variables of Argo CD, and a home directory that nobody
// may write to.
func TestArgoCDPluginOfTheExample(t *testing.T) {
	for _, h := range findHelms(t) {
		t.Run(h.name, func(t *testing.T) { runArgoCDPlugin(t, h) })
	}
}

func runArgoCDPlugin(t *testing.T, h helm) {
	t.Helper()
	dependOnFiles(t)
	var plugin struct {
		Metadata struct{ Name string }
		Spec     struct {
			Version        string
			Init, Generate struct{ Command, Args []string }
		}
	}
	decodeExample(t, "argocd/config-management-plugin.yaml", &plugin)
	var patch struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Env []struct{ Name, Value string }
					}
				}
			}
		}
	}
	decodeExample(t, "argocd/repo-server-patch.yaml", &patch)
	var target application
	decodeExample(t, "argocd/application-plugin.yaml", &target)
	if want := plugin.Metadata.Name + "-" + plugin.Spec.Version; target.Spec.Source.Plugin.Name != want {
		t.Errorf("the Application names the plugin %q, and Argo CD calls it %q", target.Spec.Source.Plugin.Name, want)
	}

	work := t.TempDir()
	w, app := &pipeline{t: t, dir: work}, filepath.Join(work, "app")
	if err := os.CopyFS(app, os.DirFS(filepath.Join(repository(), "testdata", "chart"))); err != nil {
		t.Fatal(err)
	}
	w.put(app, "spaces-identity.yaml", pipelineConfig)
	w.put(app, "templates/capabilities.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: capabilities}\ndata:\n"+
		"  version: {{ .Capabilities.KubeVersion.Version }}\n  served: {{ .Capabilities.APIVersions.Has \"spaces.upbound.io/v1beta1\" | quote }}\n")
	for _, p := range []helm{h, {"spaces-identity", binary()}} {
		if err := os.MkdirAll(filepath.Join(work, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(p.path, filepath.Join(work, "bin", strings.TrimRight(p.name, "34"))); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{"HOME=/dev/null", "PATH=" + filepath.Join(work, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"ARGOCD_APP_NAME=" + target.Metadata.Name, "ARGOCD_APP_NAMESPACE=" + target.Spec.Destination.Namespace, "KUBE_VERSION=1.36", "KUBE_API_VERSIONS=v1,apps/v1,spaces.upbound.io/v1beta1"}
	for _, v := range patch.Spec.Template.Spec.Containers[0].Env {
		w.env = append(w.env, v.Name+"="+strings.ReplaceAll(v.Value, "/tmp/", work+"/tmp/"))
	}

	for _, command := range [][]string{plugin.Spec.Init.Command, append(plugin.Spec.Generate.Command, plugin.Spec.Generate.Args...)} {
		out := w.run(app, command[0], command[1:]...)
		if command[0] == "helm" {
			continue
		}
		for _, want := range []string{"role/spaces-backup", "version: v1.36", `served: "true"`, "namespace: upbound-system"} {
			if !strings.Contains(out, want) {
				t.Errorf("the output lacks %s:\n%s", want, out)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(app, "identity-artifacts")); err == nil {
		t.Error("it wrote artifacts")
	}
}

// TestActionsArePinned checks that each action of the examples and of the release is named by
// a commit, with its tag in a comment.
func TestActionsArePinned(t *testing.T) {
	files, err := filepath.Glob("../../examples/github-actions/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflow: %v", err)
	}
	files = append(files, "../../.github/workflows/release.yml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^.*\buses:.*$`).FindAllString(string(text), -1) {
			if !regexp.MustCompile(`uses: [\w-]+/[\w-]+(/[\w-]+)*@[0-9a-f]{40} # v\d+\.\d+\.\d+`).MatchString(line) {
				t.Errorf("%s: not pinned by commit: %s", file, line)
			}
		}
	}
}

package plugin_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestWorkflowOfTheExample runs the shell steps of the GitHub Actions example with a real
// Helm, a real git, and a gh that only writes down what it is asked for. The login to a
// registry is left out: the chart is a directory.
func TestWorkflowOfTheExample(t *testing.T) {
	w := newWorkflow(t)
	w.write("spaces-identity.yaml", workflowConfig)
	w.write("values.yaml", "{}\n")
	w.git("add", ".")
	w.git("commit", "--quiet", "--message", "Start")
	w.git("push", "--quiet", "origin", "main")

	w.run("Install the plugin")
	w.renders("the first run", "pr list", "pr create")
	if text := w.git("show", "origin/rendered:rendered/manifests.yaml"); !strings.Contains(text, "role/spaces-backup") {
		t.Errorf("the branch lacks the identity:\n%s", text)
	}
	if text := w.git("show", "origin/rendered:rendered/chart-version.yaml"); !strings.Contains(text, "\nversion: ") {
		t.Errorf("the branch lacks the version of the chart:\n%s", text)
	}

	w.write("spaces-identity.yaml", strings.ReplaceAll(workflowConfig, "spaces-backup", "another-role"))
	w.git("commit", "--quiet", "--all", "--message", "Change the role")
	w.write("../open", "1\n")
	w.renders("a change while the pull request is open", "pr list")
	if n := strings.Count(w.git("log", "--format=%s", "main..origin/rendered"), "\n"); n != 1 {
		t.Errorf("the branch has %d commits, want 1", n)
	}
	if text := w.git("show", "origin/rendered:rendered/manifests.yaml"); !strings.Contains(text, "role/another-role") {
		t.Errorf("the branch lacks the change:\n%s", text)
	}

	w.git("merge", "--quiet", "--ff-only", "rendered")
	w.renders("nothing has changed")
}

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
		Spec struct {
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

	work := t.TempDir()
	w := &workflow{t: t, dir: filepath.Join(work, "app")}
	if err := os.CopyFS(w.dir, os.DirFS(filepath.Join(repository(), "testdata", "chart"))); err != nil {
		t.Fatal(err)
	}
	w.write("spaces-identity.yaml", workflowConfig)
	w.write("templates/capabilities.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: capabilities}\ndata:\n"+
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
		"ARGOCD_APP_NAME=spaces", "ARGOCD_APP_NAMESPACE=upbound-system", "KUBE_VERSION=1.36", "KUBE_API_VERSIONS=v1,apps/v1,spaces.upbound.io/v1beta1"}
	for _, v := range patch.Spec.Template.Spec.Containers[0].Env {
		w.env = append(w.env, v.Name+"="+strings.ReplaceAll(v.Value, "/tmp/", work+"/tmp/"))
	}

	for _, command := range [][]string{plugin.Spec.Init.Command, append(plugin.Spec.Generate.Command, plugin.Spec.Generate.Args...)} {
		out := w.command(command[0], command[1:]...)
		if command[0] == "helm" {
			continue
		}
		for _, want := range []string{"role/spaces-backup", "version: v1.36", `served: "true"`, "namespace: upbound-system"} {
			if !strings.Contains(out, want) {
				t.Errorf("the output lacks %s:\n%s", want, out)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "identity-artifacts")); err == nil {
		t.Error("it wrote artifacts")
	}
}

// TestFluxAppliesCommittedManifests renders the chart into the directory of the Flux example,
// and builds it with the real kustomize, as Flux does. Flux must get the manifests with the
// identity, and nothing else that CI commits.
func TestFluxAppliesCommittedManifests(t *testing.T) {
	helms := findHelms(t)
	dependOnFiles(t)
	w := &workflow{t: t, dir: t.TempDir()}
	w.env = append(append(os.Environ(), helmHome(t.TempDir())...), "HELM_BIN="+helms[0].path)
	if err := os.CopyFS(w.dir, os.DirFS(filepath.Join(repository(), "examples", "flux", "committed"))); err != nil {
		t.Fatal(err)
	}
	w.write("spaces-identity.yaml", workflowConfig)
	w.command(binary(), "template", "spaces", filepath.Join(repository(), "testdata", "chart"), "--namespace=upbound-system", "--output-dir=rendered")
	w.write("rendered/chart-version.yaml", "version: 0.1.0\n") // as the workflow does
	manifests, err := os.ReadFile(filepath.Join(w.dir, "rendered", "manifests.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	built := w.command(filepath.Join(repository(), "bin", "tools", "kustomize"), "build", "rendered")
	if !strings.Contains(built, "role/spaces-backup") || strings.Contains(built, "SharedBackupConfig") {
		t.Errorf("Flux applies:\n%s", built)
	}
	want, got := strings.Count("\n"+string(manifests), "\nkind: ")+strings.Count("\n"+string(manifests), "\n'kind': "), strings.Count("\n"+built, "\nkind: ")
	if want != got || got == 0 {
		t.Errorf("Flux applies %d objects of %d", got, want)
	}
}

// decodeExample decodes a YAML file of the examples.
func decodeExample(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), "examples", file))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
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
			if !regexp.MustCompile(`uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+`).MatchString(line) {
				t.Errorf("%s: not pinned by commit: %s", file, line)
			}
		}
	}
}

const workflowConfig = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
cluster: {oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E}
controlPlanes: {match: uuid}
components: [{name: mxp-controller, roleARN: "arn:aws:iam::123456789012:role/spaces-backup"}]
`

// workflow is a clone of a repository whose remote is a directory.
type workflow struct {
	t     *testing.T
	dir   string            // of the clone
	steps map[string]string // the shell of each step by its name
	env   []string
}

func newWorkflow(t *testing.T) *workflow {
	t.Helper()
	helms := findHelms(t)
	dependOnFiles(t)
	var file struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	decodeExample(t, "github-actions/render.yaml", &file)
	work := t.TempDir()
	w := &workflow{t: t, dir: filepath.Join(work, "clone"), steps: map[string]string{}}
	for _, step := range file.Jobs["render"].Steps {
		w.steps[step.Name] = step.Run
	}
	bin := filepath.Join(work, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(helms[0].path, filepath.Join(bin, "helm")); err != nil {
		t.Fatal(err)
	}
	gh := fmt.Sprintf("#!/bin/sh\necho \"$1 $2\" >>%[1]s/asked\n[ \"$2\" = create ] || cat %[1]s/open\n", work)
	if err := os.WriteFile(filepath.Join(bin, "gh"), []byte(gh), 0o700); err != nil { //nolint:gosec // it is to run
		t.Fatal(err)
	}
	w.env = append(append(os.Environ(), helmHome(work)...), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PLUGIN="+repository(), "CHART="+filepath.Join(repository(), "testdata", "chart"), "VERSION=", "BASE=main",
		"GIT_CONFIG_GLOBAL="+filepath.Join(work, "gitconfig"), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	w.write("../open", "0\n")
	w.command("git", "init", "--quiet", "--bare", "--initial-branch=main", "../remote.git")
	w.git("init", "--quiet", "--initial-branch=main")
	w.git("remote", "add", "origin", "../remote.git")
	return w
}

func (w *workflow) write(file, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// command runs a program in the clone and returns its output.
func (w *workflow) command(name string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("env", append([]string{name}, args...)...) // env looks the name up on the PATH of w.env
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (w *workflow) git(args ...string) string {
	w.t.Helper()
	return w.command("git", args...)
}

// run runs a step with the shell options of GitHub Actions.
func (w *workflow) run(step string) {
	w.t.Helper()
	if w.steps[step] == "" {
		w.t.Fatalf("there is no step %q", step)
	}
	w.command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", w.steps[step])
}

// renders runs the other steps on the branch main, without the branch of an earlier run, and
// compares what gh was asked for.
func (w *workflow) renders(when string, asked ...string) {
	w.t.Helper()
	w.write("../asked", "")
	if w.git("branch", "--list", "rendered") != "" {
		w.git("branch", "--quiet", "-D", "rendered")
	}
	w.run("Render")
	w.run("Propose what changed")
	w.git("switch", "--quiet", "main")
	got, err := os.ReadFile(filepath.Join(w.dir, "..", "asked"))
	if err != nil {
		w.t.Fatal(err)
	}
	want := ""
	for _, a := range asked {
		want += a + "\n"
	}
	if string(got) != want {
		w.t.Errorf("%s: gh was asked for %q, want %q", when, got, want)
	}
}

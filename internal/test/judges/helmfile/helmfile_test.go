// Package helmfile_test runs the helmfile example with the real helmfile. make judge-helmfile
// builds helmfile and runs the tests.
package helmfile_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/test/kubetest"
)

const (
	helmfileVariable = "SPACES_IDENTITY_HELMFILE" // the path of helmfile
	repository       = "../../../.."
	role             = "arn:aws:iam::123456789012:role/spaces-backup"
	config           = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
cluster: {oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E}
controlPlanes: {match: uuid}
components:
- {name: mxp-controller, bucket: spaces-backups, roleARN: "` + role + `"}
`
)

// project is a directory with the example, a config and values, a Helm with the plugin, and
// helmfile.
type project struct {
	t     *testing.T
	dir   string
	chart string
	env   []string
}

// eachHelm runs a test with both Helms.
func eachHelm(t *testing.T, run func(*project)) {
	t.Helper()
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) { run(newProject(t, name)) })
	}
}

func newProject(t *testing.T, helm string) *project {
	t.Helper()
	helmfile, program := os.Getenv(helmfileVariable), os.Getenv("SPACES_IDENTITY_"+strings.ToUpper(helm))
	if helmfile == "" || program == "" {
		t.Skip("it needs helmfile and the Helms: run make judge-helmfile")
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	p := &project{t: t, dir: filepath.Join(home, "project"), chart: filepath.Join(root, "testdata", "chart")}
	if err := errors.Join(os.CopyFS(p.dir, os.DirFS(filepath.Join(root, "examples", "helmfile"))), os.Mkdir(filepath.Join(home, "bin"), 0o755),
		os.Symlink(program, filepath.Join(home, "bin", "helm")), os.Symlink(helmfile, filepath.Join(home, "bin", "helmfile"))); err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SPACES_IDENTITY_") && !strings.HasPrefix(v, "HELM") {
			p.env = append(p.env, v)
		}
	}
	p.env = append(p.env, "PATH="+filepath.Join(home, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"), "KUBECONFIG=/dev/null",
		"HELM_DATA_HOME="+filepath.Join(home, "data"), "HELM_CONFIG_HOME="+filepath.Join(home, "config"), "HELM_CACHE_HOME="+filepath.Join(home, "cache"))
	p.write("spaces-identity.yaml", config)
	p.write("values.yaml", "{}\n")
	p.run("", "helm", "plugin", "install", root)
	return p
}

func (p *project) write(file, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, file), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// try runs a program in the project, and returns its standard output and its messages.
func (p *project) try(stdin, name string, args ...string) (out, messages string, err error) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "env", append([]string{name}, args...)...) // env looks the name up on the PATH of p.env
	cmd.Dir, cmd.Env, cmd.Stdin = p.dir, p.env, strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

func (p *project) run(stdin, name string, args ...string) string {
	p.t.Helper()
	out, messages, err := p.try(stdin, name, args...)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, messages)
	}
	return out
}

// helmfile runs a command of helmfile with the stand-in chart in place of the example's.
func (p *project) helmfile(args ...string) (out, messages string, err error) {
	p.t.Helper()
	return p.try("", "helmfile", append([]string{"--state-values-set", "chart=" + p.chart}, args...)...)
}

// postRendered returns the objects that the post-renderer makes of the chart.
func (p *project) postRendered() []map[string]any {
	p.t.Helper()
	rendered := p.run("", "helm", "template", "spaces", p.chart, "--namespace=upbound-system", "--values=values.yaml", "--include-crds")
	plain := p.objects(rendered)
	edited := p.objects(p.run(rendered, filepath.Join(p.root(), "bin", "spaces-identity"), "post-render", "--artifacts-dir=none"))
	if cmp.Equal(plain, edited) {
		p.t.Fatal("the post-renderer changes nothing in this chart")
	}
	return edited
}

func (p *project) root() string { return filepath.Dir(filepath.Dir(p.chart)) }

func (p *project) objects(stream string) (objects []map[string]any) {
	p.t.Helper()
	for decoder := yaml.NewDecoder(strings.NewReader(stream)); ; {
		var object map[string]any
		switch err := decoder.Decode(&object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			p.t.Fatal(err)
		case object != nil:
			objects = append(objects, object)
		}
	}
}

// TestHelmfileTemplateEqualsPostRender compares what helmfile prints with what the
// post-renderer makes of helm template.
func TestHelmfileTemplateEqualsPostRender(t *testing.T) {
	eachHelm(t, func(p *project) {
		out, messages, err := p.helmfile("template", "--include-crds")
		if err != nil {
			p.t.Fatalf("helmfile template: %v\n%s", err, messages)
		}
		if d := cmp.Diff(p.postRendered(), p.objects(out)); d != "" {
			p.t.Errorf("objects (-post-render +helmfile):\n%s", d)
		}
		policy, err := os.ReadFile(filepath.Join(p.dir, "identity-artifacts", "mxp-controller.trust-policy.json"))
		if want := p.run("", filepath.Join(p.root(), "bin", "spaces-identity"), "policy", "trust"); err != nil || string(policy) != want {
			p.t.Errorf("the policy beside the helmfile is %s, want %s (error %v)", policy, want, err)
		}
	})
}

// TestHelmfileFailsIfThePostRendererFails checks that helmfile prints no manifests if a
// component has no place in the chart, and if the plugin is missing.
func TestHelmfileFailsIfThePostRendererFails(t *testing.T) {
	eachHelm(t, func(p *project) {
		p.write("spaces-identity.yaml", config+"- {name: my-operator, serviceAccount: my-operator, roleARN: "+role+"}\n")
		if out, messages, err := p.helmfile("template"); err == nil || strings.Contains(out, "kind:") {
			p.t.Errorf("a component without a place: error %v\n%s\n%s", err, out, messages)
		}
		p.write("spaces-identity.yaml", config)
		p.run("", "helm", "plugin", "uninstall", "spaces-identity")
		if out, messages, err := p.helmfile("template"); err == nil || strings.Contains(out, "kind:") {
			p.t.Errorf("without the plugin: error %v\n%s\n%s", err, out, messages)
		}
	})
}

// TestHelmfileSyncInstallsWhatPostRenderWrites installs and upgrades the release in a real API
// server.
func TestHelmfileSyncInstallsWhatPostRenderWrites(t *testing.T) {
	eachHelm(t, func(p *project) {
		cluster := kubetest.Start(p.t, true)
		p.env = append(p.env, "KUBECONFIG="+cluster.Kubeconfig(p.t, kubetest.AdminToken))
		for _, when := range []string{"install", "upgrade"} {
			if out, messages, err := p.helmfile("sync"); err != nil {
				p.t.Fatalf("helmfile sync to %s: %v\n%s%s", when, err, out, messages)
			}
			manifest := p.run("", "helm", "get", "manifest", "spaces", "--namespace=upbound-system")
			if !strings.Contains(manifest, role) {
				p.t.Errorf("%s: the release lacks the identity:\n%s", when, manifest)
			}
			if d := cmp.Diff(p.installed(), p.objects(manifest)); d != "" {
				p.t.Errorf("%s: objects of the release (-post-render +helmfile):\n%s", when, d)
			}
		}
	})
}

// installed returns the objects that post-render writes for the cluster's version, without
// those that Helm keeps out of a release: hooks.
func (p *project) installed() (objects []map[string]any) {
	p.t.Helper()
	rendered := p.run("", "helm", "template", "spaces", p.chart, "--namespace=upbound-system", "--values=values.yaml", "--validate", "--is-upgrade")
	for _, object := range p.objects(p.run(rendered, filepath.Join(p.root(), "bin", "spaces-identity"), "post-render", "--artifacts-dir=none")) {
		metadata, _ := object["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		if annotations["helm.sh/hook"] == nil {
			objects = append(objects, object)
		}
	}
	return objects
}

package plugin_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// libraryConfig has two components.
const libraryConfig = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
cluster: {oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E}
controlPlanes: {match: uuid}
artifacts: {dir: none}
components:
- {name: mxp-controller, roleARN: "arn:aws:iam::123456789012:role/spaces-backup"}
- {name: vector, roleARN: "arn:aws:iam::123456789012:role/billing"}
`

// missingComponent is one that the chart does not have.
const missingComponent = `- name: my-operator
  serviceAccount: my-operator
  values: {path: controlPlanes.myOperator, annotations: serviceAccount.annotations}
  roleARN: arn:aws:iam::123456789012:role/my-operator
`

// TestGoLibraryExamples builds the examples with Helm's libraries, and compares the
// manifests that they would install with those of the Helm of the same version. It also
// checks the errors.
func TestGoLibraryExamples(t *testing.T) {
	for _, h := range findHelms(t) {
		t.Run(h.name, func(t *testing.T) {
			dependOnFiles(t)
			l := newLibrary(t, h)
			want := l.run(t, h.path, "template", "spaces", l.chart, "--no-hooks", "--values", "values.yaml", "--post-renderer", l.postRenderer(t, h))
			got := l.run(t, l.program, "-dry-run", "-values", "values.yaml", "spaces", l.chart)
			if d := cmp.Diff(strings.TrimSpace(want.Out), strings.TrimSpace(got.Out)); d != "" || got.Status != 0 || !strings.Contains(got.Out, "role/billing") {
				t.Errorf("(-helm template +library), exit status %d: %s\n%s", got.Status, got.Err, d)
			}
			l.reportsErrors(t)
		})
	}
}

// reportsErrors checks what a user of the library sees.
func (l library) reportsErrors(t *testing.T) {
	l.write(t, "elsewhere/identity.yaml", libraryConfig)
	for name, test := range map[string]struct {
		config, message string
		env             []string
	}{
		"a bad config":                {"apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\ncluser: {}\n", `unknown key "cluser"`, nil},
		"a component that is missing": {libraryConfig + missingComponent, "my-operator", nil},
		"a config in another place":   {"nonsense", "", []string{"SPACES_IDENTITY_CONFIG=" + filepath.Join(l.dir, "elsewhere", "identity.yaml")}},
		"no program on PATH":          {libraryConfig, "executable file not found", []string{"PATH=" + t.TempDir()}},
	} {
		l.write(t, "spaces-identity.yaml", test.config)
		with := l
		with.env = slices.Concat(l.env, test.env)
		got := with.run(t, l.program, "-dry-run", "-values", "values.yaml", "spaces", l.chart)
		if failed := got.Status != 0; failed != (test.message != "") || !strings.Contains(got.Err, test.message) || failed && got.Out != "" {
			t.Errorf("%s: %+v, want %q", name, got, test.message)
		}
	}
}

// library is an example with one of Helm's libraries, and the directory that it runs in.
type library struct {
	program, dir, chart string
	env                 []string
}

func newLibrary(t *testing.T, h helm) library {
	t.Helper()
	l := library{filepath.Join(t.TempDir(), "install"), t.TempDir(), filepath.Join(repository(), "testdata", "chart"), nil}
	build := exec.Command("go", "build", "-trimpath", "-o", l.program, ".")
	build.Dir = filepath.Join(repository(), "examples", "helm-go-library", h.name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the Makefile builds Helm
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.env = append(slices.DeleteFunc(os.Environ(), isSetting), helmHome(l.dir)...)
	l.env = append(l.env, "PATH="+filepath.Dir(binary())+string(os.PathListSeparator)+os.Getenv("PATH"), "HELM_NAMESPACE=upbound-system", "KUBECONFIG="+os.DevNull)
	l.write(t, "spaces-identity.yaml", libraryConfig)
	l.write(t, "values.yaml", "standIn: {hostNamespaces: [mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system]}\n")
	return l
}

func (l library) write(t *testing.T, file, text string) {
	t.Helper()
	path := filepath.Join(l.dir, file)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// postRenderer returns what Helm needs as --post-renderer: a plugin in Helm 4.
func (l library) postRenderer(t *testing.T, h helm) string {
	t.Helper()
	if h.name == "helm3" {
		return binary()
	}
	if got := l.run(t, h.path, "plugin", "install", repository()); got.Status != 0 {
		t.Fatal(got)
	}
	return "spaces-identity-post-renderer"
}

// run runs a program in the directory of the example.
func (l library) run(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	var out, messages bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.dir, l.env, &out, &messages
	_ = cmd.Run() // the exit status is a part of the outcome
	if cmd.ProcessState == nil {
		t.Fatalf("%s did not start", program)
	}
	return outcome{out.String(), messages.String(), cmd.ProcessState.ExitCode()}
}

package plugin_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files of testdata/diff")

// embeddedForms are the forms of embedded values that the stand-in chart can render.
var embeddedForms = []string{
	"configmap-yaml", "configmap-json", "secret", "args", "env",
	"crossplane-release", "flux", "argocd", "custom-resource",
}

// TestStandInChart renders the stand-in for the Spaces chart with each form of embedded
// values in each Helm. testdata/diff has what the post-renderer changed.
func TestStandInChart(t *testing.T) {
	helms := findHelms(t)
	dependOnFiles(t)
	for _, h := range helms {
		for _, form := range embeddedForms {
			t.Run(h.name+"/"+form, func(t *testing.T) {
				t.Parallel()
				r := newRendering(t, h, filepath.Join(repository(), "testdata", "chart"),
					"--set", "standIn.carrier="+form,
					"--set", "standIn.hostNamespaces={mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system}")
				compareGolden(t, filepath.Join("testdata", "diff", h.name, form+".diff"), r.check(t, r.template(t, r.unchanging())))
			})
		}
	}
}

// TestGivenChart runs the same checks with the chart of make check-chart. It logs what
// changed. If a check fails, it logs what inspect finds.
func TestGivenChart(t *testing.T) {
	chart := os.Getenv("SPACES_IDENTITY_CHART")
	if chart == "" {
		t.Skip("run make check-chart CHART=…")
	}
	var flags []string
	if values := os.Getenv("SPACES_IDENTITY_VALUES"); values != "" {
		flags = append(flags, "--values", values)
	}
	for _, h := range findHelms(t) {
		t.Run(h.name, func(t *testing.T) {
			r := newRendering(t, h, chart, flags...)
			r.env = append(r.env, h.registry(t)...)
			given := r.template(t, r.unchanging())
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("what spaces-identity inspect sees:\n%s", r.output(t, given, binary(), "inspect"))
				}
			})
			t.Logf("what changed:\n%s", r.check(t, given))
		})
	}
}

// rendering renders one chart with one Helm, in its own directory.
type rendering struct {
	helm  helm
	dir   string
	env   []string
	chart string
	flags []string
}

func newRendering(t *testing.T, h helm, chart string, flags ...string) rendering {
	t.Helper()
	dir := t.TempDir()
	r := rendering{helm: h, dir: dir, env: helmHome(dir), chart: chart, flags: flags}
	copyFile(t, filepath.Join("testdata", "chart.yaml"), filepath.Join(dir, "spaces-identity.yaml"))
	r.output(t, nil, h.path, "plugin", "install", repository())
	if h.name == "helm4" {
		unchanged := filepath.Join(dir, "helm", "data", "plugins", "unchanged")
		copyFile(t, filepath.Join("testdata", "unchanged.yaml"), filepath.Join(unchanged, "plugin.yaml"))
	}
	return r
}

// check renders the chart through the post-renderer and returns the difference from the
// given manifests as a unified diff.
func (r rendering) check(t *testing.T, given []byte) string {
	t.Helper()
	got := r.template(t, r.postRenderer(t))
	again := r.output(t, got, binary(), "post-render", "--artifacts-dir", "none")
	if d := cmp.Diff(string(got), string(again)); d != "" {
		t.Errorf("post-rendering the output again changed it (-once +twice):\n%s", d)
	}
	r.checkReport(t, given, got)
	r.checkTrustPolicy(t)
	return r.diff(t, given, got)
}

func (r rendering) diff(t *testing.T, given, got []byte) string {
	t.Helper()
	files := []string{filepath.Join(r.dir, "given.yaml"), filepath.Join(r.dir, "post-rendered.yaml")}
	for i, text := range [][]byte{given, got} {
		if err := os.WriteFile(files[i], text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("diff", "-u", "--label", "given", "--label", "post-rendered", files[0], files[1])
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("diff: %v", err)
	}
	return string(out)
}

func (r rendering) template(t *testing.T, postRenderer string) []byte {
	t.Helper()
	args := []string{"template", "spaces", r.chart, "--namespace", "upbound-system", "--post-renderer", postRenderer}
	return r.output(t, nil, r.helm.path, append(args, r.flags...)...)
}

// unchanging returns a post-renderer that changes nothing. Helm 4 formats manifests
// differently if there is a post-renderer.
func (r rendering) unchanging() string {
	if r.helm.name == "helm3" {
		return "cat"
	}
	return "unchanged"
}

func (r rendering) postRenderer(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(string(r.output(t, nil, r.helm.path, "spaces-identity", "post-renderer")))
}

// checkReport checks that the report names exactly the objects that changed.
func (r rendering) checkReport(t *testing.T, given, got []byte) {
	t.Helper()
	var report struct {
		Changes []struct{ Kind, Name string }
	}
	text := r.artifact(t, "report.json")
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatalf("report.json: %v\n%s", err, text)
	}
	var reported []string
	for _, c := range report.Changes {
		reported = append(reported, c.Kind+" "+c.Name)
	}
	slices.Sort(reported)
	if d := cmp.Diff(changedObjects(t, given, got), slices.Compact(reported)); d != "" {
		t.Errorf("the objects that changed and those that the report names differ (-changed +reported):\n%s", d)
	}
}

// checkTrustPolicy checks that the trust policy has an action and subjects of this mode.
func (r rendering) checkTrustPolicy(t *testing.T) {
	t.Helper()
	policy := r.artifact(t, "mxp-controller.trust-policy.json")
	for _, want := range []string{`"sts:AssumeRoleWithWebIdentity"`, `"system:serviceaccount:mxp-`, `:mxp-controller"`} {
		if !bytes.Contains(policy, []byte(want)) {
			t.Errorf("the trust policy has no %s:\n%s", want, policy)
		}
	}
}

func (r rendering) artifact(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "identity-artifacts", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// output runs a program in the rendering's directory.
func (r rendering) output(t *testing.T, stdin []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = r.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isSetting), r.env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		report, _ := os.ReadFile(filepath.Join(r.dir, "identity-artifacts", "report.json"))
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(args, " "), err, &stderr, report)
	}
	return out
}

// isSetting reports whether an environment variable configures Helm or the program.
func isSetting(variable string) bool {
	return strings.HasPrefix(variable, "HELM_") || strings.HasPrefix(variable, "SPACES_IDENTITY_")
}

// registry returns the environment variables with which Helm uses the user's logins to
// registries and repositories.
func (h helm) registry(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, name := range []string{"HELM_REGISTRY_CONFIG", "HELM_REPOSITORY_CONFIG", "HELM_REPOSITORY_CACHE"} {
		value, err := exec.Command(h.path, "env", name).Output()
		if err != nil {
			t.Fatalf("%s env %s: %v", h.name, name, err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return env
}

// changedObjects returns the objects whose documents differ, sorted.
func changedObjects(t *testing.T, given, got []byte) []string {
	t.Helper()
	a, b := documents(given), documents(got)
	if len(a) != len(b) {
		t.Fatalf("the chart has %d documents, the output has %d", len(a), len(b))
	}
	var objects []string
	for i := range a {
		if a[i] != b[i] {
			objects = append(objects, object(t, a[i]))
		}
	}
	slices.Sort(objects)
	return slices.Compact(objects)
}

// documents splits the output of helm template, which starts every document with a line
// of three dashes.
func documents(stream []byte) []string {
	return strings.Split("\n"+string(stream), "\n---\n")
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./internal/plugin -update writes it; make test sets the paths of the Helms)", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("the change differs from %s (-want +got):\n%s", path, d)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// object returns the kind and name of the document's object.
func object(t *testing.T, document string) string {
	t.Helper()
	var o struct {
		Kind     string
		Metadata struct{ Name string }
	}
	if err := yaml.Unmarshal([]byte(document), &o); err != nil {
		t.Fatalf("%v in:\n%s", err, document)
	}
	return o.Kind + " " + o.Metadata.Name
}

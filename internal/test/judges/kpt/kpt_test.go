// Package kpt runs the example for kpt with kpt's own command fn. `make judge-kpt` builds it
// and runs the test. kpt as a whole cannot be built from Go modules alone.
package kpt

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const (
	repository = "../../../.."
	// programVariable is the environment variable with the path of kpt's command fn.
	programVariable = "SPACES_IDENTITY_KPT_FN"
)

// fakeDocker takes the place of docker, which needs a daemon. It records its arguments, and
// runs the program in the place of the image.
const fakeDocker = `#!/bin/sh
printf '%s\n' "$@" >>"$ASKED"
[ "$1" = run ] || { echo 28.0.0; exit; }
exec env -i "$PROGRAM"
`

// TestKptRunsTheExampleInAContainer renders the example as it is. Without docker, it shows that
// kpt accepts the Kptfile and the config, and how it would run the image.
func TestKptRunsTheExampleInAContainer(t *testing.T) {
	p := newPackage(t)
	if out, err := p.render(t); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.expect(t)
	asked := strings.Join(strings.Fields(p.read(t, "../asked")), " ")
	for _, part := range []string{" --network none ", " --user nobody "} {
		if !strings.Contains(asked, part) {
			t.Errorf("kpt runs docker %s, without %q", asked, part)
		}
	}
	if !strings.HasSuffix(asked, " "+p.image(t)) {
		t.Errorf("kpt gives arguments to the image: docker %s", asked)
	}
}

// TestKptRunsTheExampleAsAProgram renders the example with the line that its comment names.
func TestKptRunsTheExampleAsAProgram(t *testing.T) {
	p := newPackage(t)
	p.change(t, "Kptfile", "- image: "+p.image(t), `- exec: "spaces-identity fn"`)
	if out, err := p.render(t, "--allow-exec"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.expect(t)
}

// TestKptReportsErrors renders the example with mistakes. kpt must show the message, and leave
// the manifests as they are.
func TestKptReportsErrors(t *testing.T) {
	for name, mistake := range map[string][4]string{
		"a bad config":               {"spaces-identity.yaml", "match: uuid", "match: '*'", "match"},
		"a key that kpt lacks":       {"Kptfile", "configPath:", "configFile:", "configFile"},
		"a kind that kpt lacks":      {"Kptfile", "kpt.dev/v1", "kpt.dev/v9", "v9"},
		"a missing component":        {"spaces-identity.yaml", "components:\n", "components:\n" + missingComponent, "my-operator"},
		"a config that is not there": {"Kptfile", "configPath: spaces-identity.yaml", "configPath: other.yaml", "other.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPackage(t)
			before := p.read(t, "rendered.yaml")
			p.change(t, mistake[0], mistake[1], mistake[2])
			out, err := p.render(t)
			if err == nil || !strings.Contains(out, mistake[3]) {
				t.Errorf("error %v, want one with %q:\n%s", err, mistake[3], out)
			}
			if d := cmp.Diff(before, p.read(t, "rendered.yaml")); d != "" {
				t.Errorf("the manifests have changed:\n%s", d)
			}
		})
	}
}

// missingComponent is one that the chart does not have.
const missingComponent = `- name: my-operator
  serviceAccount: my-operator
  values: {path: controlPlanes.myOperator, annotations: serviceAccount.annotations}
  roleARN: arn:aws:iam::123456789012:role/my-operator
`

// kptPackage is a copy of the example with the render of the stand-in chart.
type kptPackage struct {
	dir string
	env []string
}

func newPackage(t *testing.T) kptPackage {
	t.Helper()
	if os.Getenv(programVariable) == "" {
		t.Skip("it needs kpt's command fn: run make judge-kpt")
	}
	work := t.TempDir()
	p := kptPackage{dir: filepath.Join(work, "package")}
	if err := os.CopyFS(p.dir, os.DirFS(filepath.Join(repository, "examples", "kpt"))); err != nil {
		t.Fatal(err)
	}
	// Helm's hooks and CustomResourceDefinitions are in it, too.
	rendered, err := os.ReadFile(filepath.Join(repository, "examples", "demo", "rendered.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "rendered.yaml", string(rendered), 0o600)
	p.write(t, "../docker", fakeDocker, 0o700)
	programs, err := filepath.Abs(filepath.Join(repository, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SPACES_IDENTITY_") }),
		"PATH="+strings.Join([]string{work, programs, os.Getenv("PATH")}, string(os.PathListSeparator)),
		"PROGRAM="+filepath.Join(programs, "spaces-identity"), "ASKED="+filepath.Join(work, "asked"))
	return p
}

func (p kptPackage) render(t *testing.T, flags ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv(programVariable), append([]string{"render", p.dir}, flags...)...)
	cmd.Env = p.env
	text, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return string(text), err
}

// expect compares the objects of the package with those of post-render.
func (p kptPackage) expect(t *testing.T) {
	t.Helper()
	rendered, err := os.Open(filepath.Join(repository, "examples", "demo", "rendered.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer rendered.Close() //nolint:errcheck // it was only read
	cmd := exec.CommandContext(t.Context(), filepath.Join(repository, "bin", "spaces-identity"), "post-render",
		"--config", filepath.Join(p.dir, "spaces-identity.yaml"), "--artifacts-dir", "none")
	cmd.Stdin = rendered
	edited, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(objectsOf(t, string(edited)), objectsOf(t, p.read(t, "rendered.yaml"))); d != "" {
		t.Errorf("objects (-post-render +kpt):\n%s", d)
	}
}

// objectsOf returns the objects of a stream by kind, namespace and name.
func objectsOf(t *testing.T, stream string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for decoder := yaml.NewDecoder(bytes.NewReader([]byte(stream))); ; {
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			return all
		}
		if metadata, ok := object["metadata"].(map[string]any); ok {
			all[strings.Join([]string{text(object["kind"]), text(metadata["namespace"]), text(metadata["name"])}, " ")] = object
		}
	}
}

// image returns the image that the Kptfile names.
func (p kptPackage) image(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(p.read(t, "Kptfile"), "- image: ")
	image, _, found := strings.Cut(rest, "\n")
	if !found {
		t.Fatal("the Kptfile names no image")
	}
	return image
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func (p kptPackage) read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func (p kptPackage) write(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, file), []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func (p kptPackage) change(t *testing.T, file, old, now string) {
	t.Helper()
	content := p.read(t, file)
	if !strings.Contains(content, old) {
		t.Fatalf("%s lacks %q", file, old)
	}
	p.write(t, file, strings.Replace(content, old, now, 1), 0o600)
}

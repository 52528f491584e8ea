package plugin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDemo runs the demo with each Helm on PATH. The stored render must equal what Helm 3
// renders.
func TestDemo(t *testing.T) {
	dependOnFiles(t)
	for _, h := range findHelms(t) {
		t.Run(h.name, func(t *testing.T) {
			d := newDemo(t, h)
			link(t, h.path, filepath.Join(d.path, "helm"))
			out := d.run(t)
			inOrder(t, out, "== Build spaces-identity", "install the plugin", "+", "role/spaces-backup", "== The trust policy", "AssumeRoleWithWebIdentity", "== The files")
			if strings.Contains(out, "== Build Helm") {
				t.Errorf("it built another Helm:\n%s", out)
			}
			if h.name == "helm3" {
				compareGolden(t, filepath.Join(repository(), "examples", "demo", "rendered.yaml"), d.file(t, "bin/demo/helm/before.yaml"))
			}
		})
	}
}

// TestDemoWithoutHelmShowsAChangeFirst has no Helm on PATH, or one that the demo cannot use.
func TestDemoWithoutHelmShowsAChangeFirst(t *testing.T) {
	dependOnFiles(t)
	helm3 := findHelms(t)[0]
	for name, script := range map[string]string{
		"none":   "",
		"helm2":  "#!/bin/sh\necho 'Error: unknown flag: --template' >&2\nexit 1\n",
		"helm20": "#!/bin/sh\necho v20.0.0\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDemo(t, helm3)
			if script != "" {
				writeProgram(t, filepath.Join(d.path, "helm"), script)
			}
			out := d.run(t)
			inOrder(t, out, "== Build spaces-identity", "post-render <before.yaml", "role/spaces-backup", "There is no Helm that",
				"== Build Helm 3", "install the plugin", "role/spaces-backup", "== The files")
			if refused := strings.Contains(out, "neither Helm 3 nor Helm 4"); refused != (script != "") {
				t.Errorf("it printed:\n%s", out)
			}
			if before, after := d.file(t, "bin/demo/without-helm/after.yaml"), d.file(t, "bin/demo/helm/after.yaml"); before != after {
				t.Error("the stored render leads to another result than Helm")
			}
		})
	}
}

// demo is a copy of what the demo uses.
type demo struct{ root, path string }

// demoPrograms are the programs that the demo, the install hook and Helm run.
var demoPrograms = []string{"bash", "sh", "sed", "grep", "dirname", "basename", "cp", "ln", "rm", "mkdir", "uname", "cat", "diff", "env"}

func newDemo(t *testing.T, builds helm) demo {
	t.Helper()
	root := t.TempDir()
	d := demo{root, filepath.Join(root, "path")}
	for _, dir := range []string{"testdata/chart", "examples/demo", "internal/plugin"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join(repository(), dir))); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, filepath.Join(repository(), "plugin.yaml"), filepath.Join(root, "plugin.yaml"))
	link(t, binary(), filepath.Join(root, "bin", "spaces-identity"))
	for _, name := range demoPrograms {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		link(t, path, filepath.Join(d.path, name))
	}
	// This fake make builds nothing. It puts the Helm of the test where the Makefile builds it.
	writeProgram(t, filepath.Join(d.path, "make"), "#!/bin/sh\ncase $2 in */helm3) mkdir -p \"$(dirname \"$2\")\" && ln -s '"+builds.path+"' \"$2\" ;; esac\n")
	return d
}

func (d demo) run(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(d.root, "examples", "demo", "run.sh"))
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isSetting), "PATH="+d.path, "HOME="+filepath.Join(d.root, "home"), "MAKE=make")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func (d demo) file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inOrder checks that the text has all parts, each after the one before.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("%q is missing, or not in its place, in:\n%s", part, text)
		}
		rest = after
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
	"spaces-identity.dev/internal/test/shared"
)

// notLoaded are the goldens that kustomize cannot load, with the reason.
var notLoaded = map[string]string{
	"conflict-keep":            "two objects have the same name",
	"immutable":                "a Job has only generateName",
	"immutable-edit":           "a Job has only generateName",
	"invalid-yaml-elsewhere":   "a document is not YAML",
	"mode-pod-identity":        "two objects have the same name",
	"service-account-block":    "two objects have the same name",
	"service-account-conflict": "two objects have the same name",
	"service-account-flow":     "two objects have the same name",
	"service-account-json":     "two objects have the same name",
	"stream":                   "a document is no object",
	"typed-lists":              "an item of a ServiceAccountList has no kind",
}

// notPatched are the goldens whose patches kustomize refuses, with a part of its message.
// kustomize adds line breaks to a folded text with indented lines each time it converts it:
// before a JSON patch, so the test of the old text fails, and before a function.
var notPatched = map[string]string{"embedded-folded": "testing value /data/lines.yaml failed"}

// patchedGoldens is how many goldens are compared.
const patchedGoldens = 59

// TestKustomizeEqualsPostRender applies the patches to the manifests of each golden that
// succeeds, with the real kustomize, and lets it run the function. The objects must equal
// those of post-render, as kustomize writes them.
func TestKustomizeEqualsPostRender(t *testing.T) {
	program := buildPrograms(t)
	compared, failed := 0, map[string]string{}
	for _, file := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		g := newGolden(archive)
		got := g.run(t, g.in)
		if got.status != 0 {
			continue
		}
		if _, err := build(t, g.in); err != nil {
			failed[name] = err.Error()
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) { g.compare(t, name, got.out, program) })
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(notLoaded)), slices.Sorted(maps.Keys(failed))); d != "" {
		t.Errorf("goldens that kustomize cannot load (-want +got):\n%s%v", d, failed)
	}
	if compared != patchedGoldens {
		t.Errorf("compared %d goldens, want %d", compared, patchedGoldens)
	}
}

func (g golden) compare(t *testing.T, name, edited, program string) {
	t.Helper()
	want, err := build(t, edited)
	if err != nil {
		t.Fatalf("kustomize loads the manifests before, but not after post-render: %v", err)
	}
	patched, err := g.kustomized(t)
	if message := notPatched[name]; message != "" {
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("the error is %v, want %s", err, message)
		}
	} else if d := cmp.Diff(want, patched); d != "" || err != nil {
		t.Errorf("objects (-post-render +patches), error %v:\n%s", err, d)
	}
	if d := cmp.Diff(want, g.transformed(t, program)); (d != "") != (notPatched[name] != "") {
		t.Errorf("objects (-post-render +fn):\n%s", d)
	}
}

// kustomized returns the manifests with the patches.
func (g golden) kustomized(t *testing.T) ([]any, error) {
	t.Helper()
	dir := t.TempDir()
	g.export(t, g.in, "--include-secrets", "--output-dir="+dir)
	text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var kustomization map[string]any
	if err := yaml.Unmarshal(text, &kustomization); err != nil {
		t.Fatal(err)
	}
	resources := []any{"in.yaml"}
	if more, ok := kustomization["resources"].([]any); ok {
		resources = append(resources, more...)
	}
	kustomization["resources"] = resources
	return buildDir(t, dir, g.in, kustomization)
}

// transformed returns the manifests as the function edits them.
func (g golden) transformed(t *testing.T, program string) []any {
	t.Helper()
	dir := t.TempDir()
	var config map[string]any
	if err := yaml.Unmarshal([]byte(g.config), &config); err != nil {
		t.Fatal(err)
	}
	if config == nil {
		config = map[string]any{"apiVersion": "spaces-identity.dev/v1alpha1", "kind": "SpacesIdentity"}
	}
	delete(config, "then")
	run := map[string]any{"path": program, "args": append([]string{"fn"}, g.args...)}
	function, err := yaml.Marshal(map[string]any{"exec": run})
	if err != nil {
		t.Fatal(err)
	}
	config["metadata"] = map[string]any{"name": "identity", "annotations": map[string]string{"config.kubernetes.io/function": string(function)}}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "fn.yaml"), string(text))
	objects, err := buildDir(t, dir, g.in, map[string]any{"resources": []string{"in.yaml"}, "transformers": []string{"fn.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// export runs export kustomize, and returns what it prints.
func (g golden) export(t *testing.T, in string, args ...string) (stdout, stderr string) {
	t.Helper()
	env := map[string]string{"SPACES_IDENTITY_CONFIG": g.writeConfig(t, t.TempDir())}
	var out, messages bytes.Buffer
	status := cli.Run(t.Context(), cli.Env{In: strings.NewReader(in), Out: &out, Err: &messages, Live: live.Run,
		Getenv: func(name string) string { return env[name] }, Terminal: func(any) bool { return false }},
		slices.Concat([]string{"export", "kustomize"}, g.args, args))
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, messages.String())
	}
	return out.String(), messages.String()
}

// build returns the objects of a stream as kustomize writes them.
func build(t *testing.T, in string) ([]any, error) {
	t.Helper()
	return buildDir(t, t.TempDir(), in, map[string]any{"resources": []string{"in.yaml"}})
}

func buildDir(t *testing.T, dir, in string, kustomization map[string]any) ([]any, error) {
	t.Helper()
	text, err := yaml.Marshal(kustomization)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), string(text))
	write(t, filepath.Join(dir, "in.yaml"), in)
	out, err := runKustomize(t, dir)
	if err != nil {
		return nil, err
	}
	return objectsOf(t, out), nil
}

func objectsOf(t *testing.T, stream []byte) (objects []any) {
	t.Helper()
	for decoder := yaml.NewDecoder(bytes.NewReader(stream)); ; {
		var object any
		switch err := decoder.Decode(&object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runKustomize runs the real kustomize, which may run functions.
func runKustomize(t *testing.T, dir string) ([]byte, error) {
	t.Helper()
	tool, err := filepath.Abs("../../bin/tools/kustomize")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool, "build", "--enable-alpha-plugins", "--enable-exec", dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(strings.TrimSpace(stderr.String()) + " " + err.Error())
	}
	return out, nil
}

// buildPrograms builds both programs, and returns the path of the small one.
func buildPrograms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"spaces-identity", "spaces-identity-live"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, name), "../"+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return filepath.Join(dir, "spaces-identity")
}

// TestSharedKustomizePatchesEqualPostRender applies the patches to renders of public charts.
func TestSharedKustomizePatchesEqualPostRender(t *testing.T) {
	for file, component := range map[string]string{"vector.yaml": "vector", "external-secrets.yaml": "external-secrets-controller",
		"crossplane.yaml": "", "vcluster.yaml": ""} {
		t.Run(file, func(t *testing.T) {
			g := golden{in: shared.Read(t, "corpus/"+file), args: append([]string{"--pod-label=example.com/identity=x", "--on-missing=warn"}, identityFlags...)}
			if component != "" {
				g.args = append(g.args, "--component="+component)
			}
			want, err := build(t, g.run(t, g.in).out)
			if err != nil {
				t.Fatal(err)
			}
			patched, err := g.kustomized(t)
			if d := cmp.Diff(want, patched); d != "" || err != nil {
				t.Errorf("objects (-post-render +patches), error %v:\n%s", err, d)
			}
		})
	}
}

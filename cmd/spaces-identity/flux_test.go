package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

const fluxExamples = "../../examples/flux"

// TestFlux builds the program in testdata/flux, which has the types of Flux's controllers
// and applies post-renderers as the helm-controller does.
func TestFlux(t *testing.T) {
	f := flux{filepath.Join(t.TempDir(), "flux")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../../testdata/flux", "-o", f.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("the example equals post-render", f.example)
	t.Run("every golden equals post-render", f.goldens)
	t.Run("the controllers know every field of the examples", f.fields)
	t.Run("a chart that has changed is an error", f.laterChart)
}

type flux struct{ program string }

// run runs the program and returns what it prints.
func (f flux) run(t *testing.T, stdin string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), f.program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(strings.TrimSpace(stderr.String()) + " " + err.Error())
	}
	return out, nil
}

// install returns the objects that the helm-controller gives to Helm.
func (f flux) install(t *testing.T, release, manifests string) ([]any, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "release.yaml")
	write(t, file, release)
	out, err := f.run(t, manifests, "-release", file)
	if err != nil {
		return nil, err
	}
	return sortedByName(objectsOf(t, out)), nil
}

// sortedByName sorts objects. The program kustomize sorts them, the helm-controller does not.
func sortedByName(objects []any) []any {
	name := func(object any) string {
		o, _ := object.(map[string]any)
		metadata, _ := o["metadata"].(map[string]any)
		return fmt.Sprint(o["apiVersion"], o["kind"], metadata["namespace"], metadata["name"])
	}
	slices.SortStableFunc(objects, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	return objects
}

// exampleOfFlux is the config of the example, with the render of the stand-in chart.
func exampleOfFlux(t *testing.T) golden {
	t.Helper()
	return golden{config: read(t, filepath.Join(fluxExamples, "spaces-identity.yaml")), in: read(t, "../../examples/demo/rendered.yaml")}
}

// example exports the patches of the example and compares them with the committed ones. It
// then builds the directory as Flux does, and installs the release.
func (f flux) example(t *testing.T) {
	g := exampleOfFlux(t)
	dir := t.TempDir()
	g.export(t, g.in, "--output=flux", "--output-dir="+dir)
	compareFiles(t, fluxExamples, dir)
	release, err := runKustomize(t, fluxExamples)
	if err != nil {
		t.Fatal(err)
	}
	f.compare(t, g, string(release), g.run(t, g.in).out)
}

// compare compares what Flux installs with what post-render prints.
func (f flux) compare(t *testing.T, g golden, release, edited string) {
	t.Helper()
	want, err := build(t, edited)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.install(t, release, g.in)
	if d := cmp.Diff(sortedByName(want), got); d != "" || err != nil {
		t.Errorf("objects (-post-render +Flux), error %v:\n%s", err, d)
	}
}

// goldens compares each golden that succeeds and that kustomize can load. The form has no
// patches for hooks and for new objects, and none for a golden without edits.
func (f flux) goldens(t *testing.T) {
	compared := 0
	for _, file := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		g := newGolden(archive)
		got := g.run(t, g.in)
		if got.status != 0 || notLoaded[name] != "" || notPatched[name] != "" {
			continue
		}
		renderers, messages := g.export(t, g.in, "--include-secrets", "--output=flux")
		if strings.Contains(messages, "Helm hook") || strings.Contains(messages, "no patch creates an object") || !strings.Contains(renderers, "patch: ") {
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			f.compare(t, g, "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\n"+renderers, got.out)
		})
	}
	if compared != fluxGoldens {
		t.Errorf("compared %d goldens, want %d", compared, fluxGoldens)
	}
}

// fluxGoldens is how many goldens are compared.
const fluxGoldens = 51

// fields decodes every object of the examples strictly. A misspelt field must be an error.
func (f flux) fields(t *testing.T) {
	for file, field := range map[string]string{"helmrelease.yaml": "releaseName:", "post-renderers.yaml": "kustomize:", "kustomization.yaml": "target:",
		"committed/flux.yaml": "sourceRef:"} {
		file := filepath.Join(fluxExamples, file)
		if _, err := f.run(t, "", file); err != nil {
			t.Error(err)
		}
		broken := filepath.Join(t.TempDir(), "broken.yaml")
		write(t, broken, strings.Replace(read(t, file), field, "x"+field, 1))
		if _, err := f.run(t, "", broken); err == nil || !strings.Contains(err.Error(), "unknown field") {
			t.Errorf("%s with the field x%s: %v", file, field, err)
		}
	}
}

// laterChart gives the committed patches to manifests that have changed since.
func (f flux) laterChart(t *testing.T) {
	release, err := runKustomize(t, fluxExamples)
	if err != nil {
		t.Fatal(err)
	}
	in := exampleOfFlux(t).in
	for change, want := range map[[2]string]string{
		{"account: notdemo", "account: another"}:                                                                      "testing value /data/values.yaml failed",
		{"name: spaces-control-plane-values", "name: control-plane-values"}:                                           "spaces-control-plane-values",
		{"kind: ServiceAccount\nmetadata:\n  name: mxp-controller", "kind: ServiceAccount\nmetadata:\n  name: other"}: "mxp-controller",
	} {
		changed := strings.ReplaceAll(in, change[0], change[1])
		if changed == in {
			t.Fatalf("the render has no %q", change[0])
		}
		if _, err := f.install(t, string(release), changed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q in place of %q: the error is %v, want %s", change[1], change[0], err, want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// copyExample copies the files of an example to a new directory.
func copyExample(t *testing.T, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../examples", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exampleConfig returns a golden with the config of the example with the function.
func exampleConfig(t *testing.T) golden {
	t.Helper()
	config, err := os.ReadFile("../../examples/kustomize/spaces-identity.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return golden{config: string(config), in: exampleRender}
}

// exampleRender has the kinds of places that the chart of Spaces has.
const exampleRender = `apiVersion: v1
kind: ConfigMap
metadata: {name: controller-values, namespace: upbound-system}
data:
  values.yaml: |
    controlPlanes:
      mxpController:
        resources: {}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: spaces-controller, namespace: upbound-system}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers: [{name: a, image: a}]
      volumes: [{name: values, configMap: {name: controller-values}}]
`

// TestKustomizeExample runs the example with the real kustomize, which finds the program on
// PATH.
func TestKustomizeExample(t *testing.T) {
	program := buildPrograms(t)
	t.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
	g := exampleConfig(t)
	want, err := build(t, g.run(t, g.in).out)
	if err != nil {
		t.Fatal(err)
	}
	dir := copyExample(t, "kustomize")
	write(t, filepath.Join(dir, "rendered.yaml"), g.in)
	out, err := runKustomize(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, objectsOf(t, out)); d != "" {
		t.Errorf("objects (-post-render +the example):\n%s", d)
	}
}

// fakeDocker takes the place of docker, which needs a daemon. It records its arguments in the
// file $ASKED, and runs the program in the place of the image. TestImageRunsAsNobody of
// package release runs the image itself in this way.
const fakeDocker = `#!/bin/sh
printf '%s\n' "$@" >>"$ASKED"
[ "$1" = run ] || { echo 28.0.0; exit; }
exec env -i "$PROGRAM"
`

// TestKustomizeContainerExample runs the example with the real kustomize. Without docker, it
// shows that kustomize accepts the example, how it would run the image, and that the program
// runs as function without arguments and variables.
func TestKustomizeContainerExample(t *testing.T) {
	program, bin := buildPrograms(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(fakeDocker), 0o700); err != nil { //nolint:gosec // it is to run
		t.Fatal(err)
	}
	asked := filepath.Join(bin, "asked")
	t.Setenv("PROGRAM", program)
	t.Setenv("ASKED", asked)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	g := exampleConfig(t)
	want, err := build(t, g.run(t, g.in).out)
	if err != nil {
		t.Fatal(err)
	}
	dir := copyExample(t, "kustomize/container")
	write(t, filepath.Join(dir, "rendered.yaml"), g.in)
	out, err := runKustomize(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, objectsOf(t, out)); d != "" {
		t.Errorf("objects (-post-render +the example):\n%s", d)
	}
	line := strings.Join(strings.Fields(read(t, asked)), " ")
	for _, part := range []string{"run ", " --network none ", " --user nobody ", "/spaces-identity:0.1.0"} {
		if !strings.Contains(line, part) {
			t.Errorf("kustomize runs docker %s, without %q", line, part)
		}
	}
	if !strings.HasSuffix(line, "/spaces-identity:0.1.0") {
		t.Errorf("kustomize gives arguments to the image: docker %s", line)
	}
}

package plugin_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// application is what the tests read of an Application of Argo CD.
type application struct {
	Metadata struct{ Name string }
	Spec     struct {
		Source struct {
			Path           string
			TargetRevision string `yaml:"targetRevision"`
			Plugin         struct{ Name string }
		}
		Destination struct{ Namespace string }
	}
}

// fluxKustomization is what the tests read of a Kustomization of Flux.
type fluxKustomization struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Path      string
		SourceRef struct{ Kind, Name string } `yaml:"sourceRef"`
		Ref       struct{ Branch string }
		Patches   []map[string]any
	}
}

// compareCommitted compares the branch that a CI job proposes with what post-render makes of
// the same chart: as Argo CD and Flux read it with the examples, and the policies.
func compareCommitted(t *testing.T, p *pipeline, role string) {
	t.Helper()
	branch := p.clone("rendered")
	want := p.postRendered(branch)
	if !strings.Contains(want, role) {
		t.Fatalf("post-render writes no %s", role)
	}
	compareArgoCD(t, branch, want)
	compareFlux(t, p, branch, want)

	policy := p.run(branch, binary(), "policy", "trust")
	committed, err := os.ReadFile(filepath.Join(branch, "rendered", "identity", "mxp-controller.trust-policy.json"))
	if err != nil || string(committed) != policy {
		t.Errorf("the committed policy is %s, want %s (error %v)", committed, policy, err)
	}
	if text := p.show("rendered/chart-version.yaml"); !strings.Contains(text, "\nversion: 0.1.0") {
		t.Errorf("the branch lacks the version of the chart:\n%s", text)
	}
}

// postRendered returns what the post-renderer makes of the chart.
func (p *pipeline) postRendered(dir string) string {
	p.t.Helper()
	rendered := p.run(dir, "helm", "template", "spaces", filepath.Join(repository(), "testdata", "chart"), "--namespace=upbound-system",
		"--values=values.yaml", "--include-crds", "--kube-version=1.36")
	out, messages, status := p.try(dir, nil, rendered, binary(), "post-render", "--artifacts-dir=none")
	if status != 0 {
		p.t.Fatalf("post-render: %s", messages)
	}
	return out
}

// compareArgoCD reads the directory of the Application as Argo CD does: each YAML and JSON
// file in it, without its directories.
func compareArgoCD(t *testing.T, branch, want string) {
	t.Helper()
	var app application
	decodeExample(t, "argocd/application.yaml", &app)
	var stream bytes.Buffer
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
		files, err := filepath.Glob(filepath.Join(branch, app.Spec.Source.Path, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			stream.WriteString("---\n" + string(text))
		}
	}
	if d := cmp.Diff(objectsOf(t, want), objectsOf(t, stream.String())); d != "" {
		t.Errorf("objects (-post-render +Argo CD):\n%s", d)
	}
	if app.Spec.Source.TargetRevision != "main" || app.Metadata.Name != "spaces" || app.Spec.Destination.Namespace != "upbound-system" {
		t.Errorf("the Application reads another branch, or has another release or namespace, than the jobs: %+v", app)
	}
}

// compareFlux builds the path of the Kustomization with the real kustomize, as Flux does: if
// there is no kustomization.yaml, with each YAML file in the path and its directories.
//
// Source: Flux documentation, "Kustomization", on generated kustomization.yaml files.
func compareFlux(t *testing.T, p *pipeline, branch, want string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), "examples", "flux", "committed", "flux.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	source, flux := decodeFlux(t, text)
	if ref := flux.Spec.SourceRef; ref.Kind != source.Kind || ref.Name != source.Metadata.Name || source.Spec.Ref.Branch != "main" {
		t.Errorf("the Kustomization reads %+v, which is not the branch main of %s %s", ref, source.Kind, source.Metadata.Name)
	}
	path := filepath.Join(branch, flux.Spec.Path)
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if extension := filepath.Ext(file); err == nil && !entry.IsDir() && (extension == ".yaml" || extension == ".yml") {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	committed := kustomized(t, p, flux, files)
	single := filepath.Join(t.TempDir(), "want.yaml")
	if err := os.WriteFile(single, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(kustomized(t, p, flux, []string{single}), committed); d != "" {
		t.Errorf("objects (-post-render +Flux):\n%s", d)
	}
	if !strings.Contains(committed, "kustomize.toolkit.fluxcd.io/force: Enabled") {
		t.Error("Flux would not recreate the chart's hook")
	}
	for _, object := range objectsOf(t, committed) {
		metadata, _ := object["metadata"].(map[string]any)
		if kind, _ := object["kind"].(string); metadata["namespace"] == nil && !slices.Contains([]string{"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Namespace"}, kind) {
			t.Errorf("%s %v has no namespace, which Flux needs", kind, metadata["name"])
		}
	}
}

func decodeFlux(t *testing.T, text []byte) (source, flux fluxKustomization) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := errors.Join(decoder.Decode(&source), decoder.Decode(&flux)); err != nil {
		t.Fatal(err)
	}
	return source, flux
}

// kustomized builds files with the patches of the Kustomization.
func kustomized(t *testing.T, p *pipeline, flux fluxKustomization, files []string) string {
	t.Helper()
	dir := t.TempDir()
	var resources []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		resources = append(resources, filepath.Base(file))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := yaml.Marshal(map[string]any{"resources": resources, "patches": flux.Spec.Patches})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return p.run(dir, filepath.Join(repository(), "bin", "tools", "kustomize"), "build", dir)
}

// objectsOf returns the objects of a stream. Each must be an object of Kubernetes.
func objectsOf(t *testing.T, stream string) (objects []map[string]any) {
	t.Helper()
	for decoder := yaml.NewDecoder(strings.NewReader(stream)); ; {
		var object map[string]any
		switch err := decoder.Decode(&object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatal(err)
		}
		if object == nil {
			continue
		}
		if object["apiVersion"] == nil || object["kind"] == nil {
			t.Errorf("not an object: %v", object)
		}
		objects = append(objects, object)
	}
}

// Command flux decodes Flux's objects strictly, with the types of Flux's controllers:
//
//	flux FILE...                      checks that each field of each object exists
//	flux -release FILE <manifests     runs the post-renderers of a HelmRelease
//
// The post-renderers of the helm-controller are not importable. This program builds the
// same Kustomization for the same library of kustomize, in memory and without plugins.
//
// Source: https://github.com/fluxcd/helm-controller/blob/main/internal/postrender/kustomize.go
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomization "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	source "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

func main() {
	release := flag.String("release", "", "the `FILE` with a HelmRelease, whose post-renderers edit standard input")
	flag.Parse()
	if err := run(*release, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(release string, files []string) error {
	for _, file := range files {
		if err := check(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if release == "" {
		return nil
	}
	object := &helm.HelmRelease{}
	content, err := os.ReadFile(release)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(content, object); err != nil {
		return fmt.Errorf("%s: %w", release, err)
	}
	manifests, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	for _, renderer := range object.Spec.PostRenderers {
		if renderer.Kustomize == nil {
			continue
		}
		if manifests, err = patched(manifests, renderer.Kustomize.Patches); err != nil {
			return err
		}
	}
	_, err = os.Stdout.Write(manifests)
	return err
}

// objects are the kinds that a file may have, by apiVersion and kind.
var objects = map[string]func() any{
	helm.GroupVersion.String() + " HelmRelease":            func() any { return &helm.HelmRelease{} },
	kustomization.GroupVersion.String() + " Kustomization": func() any { return &kustomization.Kustomization{} },
	source.GroupVersion.String() + " GitRepository":        func() any { return &source.GitRepository{} },
	source.GroupVersion.String() + " HelmRepository":       func() any { return &source.HelmRepository{} },
	source.GroupVersion.String() + " OCIRepository":        func() any { return &source.OCIRepository{} },
	types.KustomizationVersion + " Kustomization":          func() any { return &types.Kustomization{} },
}

// check decodes each document of a file.
func check(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			return err
		}
		object, known := objects[head.APIVersion+" "+head.Kind]
		if !known {
			return fmt.Errorf("no controller of Flux has the kind %s %s", head.APIVersion, head.Kind)
		}
		if err := yaml.UnmarshalStrict(document, object()); err != nil {
			return err
		}
	}
	return nil
}

// patched returns the manifests with the patches.
func patched(manifests []byte, patches []kustomize.Patch) ([]byte, error) {
	k := types.Kustomization{Resources: []string{"helm-output.yaml"}}
	k.APIVersion, k.Kind = types.KustomizationVersion, types.KustomizationKind
	for _, p := range patches {
		k.Patches = append(k.Patches, types.Patch{Patch: p.Patch, Target: selector(p.Target)})
	}
	text, err := yaml.Marshal(k)
	if err != nil {
		return nil, err
	}
	files := filesys.MakeFsInMemory()
	for name, content := range map[string][]byte{"helm-output.yaml": manifests, "kustomization.yaml": text} {
		if err := files.WriteFile(name, content); err != nil {
			return nil, err
		}
	}
	built, err := krusty.MakeKustomizer(&krusty.Options{LoadRestrictions: types.LoadRestrictionsNone, PluginConfig: types.DisabledPluginConfig()}).Run(files, ".")
	if err != nil {
		return nil, err
	}
	return built.AsYaml()
}

func selector(s *kustomize.Selector) *types.Selector {
	if s == nil {
		return nil
	}
	t := &types.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
	t.Group, t.Version, t.Kind, t.Name, t.Namespace = s.Group, s.Version, s.Kind, s.Name, s.Namespace
	return t
}

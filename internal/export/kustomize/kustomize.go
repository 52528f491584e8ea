// Package kustomize writes the edits of manifests as patches of kustomize, for tools that
// run no programs, such as Flux.
//
// Annotations and labels become strategic-merge patches, which keep what a later chart adds
// beside them. kustomize fails if the object of such a patch is missing. A string with a
// document inside is replaced as a whole by a JSON patch, which first tests the old string:
// if a later chart changes it, kustomize fails.
//
// Sources: kustomize documentation, "patches"; RFC 6902; Flux documentation, HelmRelease
// "Post renderers".
package kustomize

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

// Form is a way to write the patches.
type Form string

// The forms.
const (
	Kustomization Form = "kustomization" // a Kustomization without resources
	Component     Form = "component"     // a kustomize Component, which other Kustomizations can include
	Flux          Form = "flux"          // spec.postRenderers of a Flux HelmRelease
)

// Patch is an item of the patches of a Kustomization, and of those of a Flux HelmRelease.
type Patch struct {
	Target *Target `yaml:"target,omitempty"` // nil: the patch names its object itself
	Patch  string  `yaml:"patch"`
}

// Target selects an object. Name and Namespace are regular expressions for the whole text.
type Target struct {
	Group     string `yaml:"group,omitempty"`
	Version   string `yaml:"version"`
	Kind      string `yaml:"kind"`
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace,omitempty"`
}

// Write writes the patches in a form as a YAML document. The resources are names of files
// beside it, which Flux cannot have.
func Write(form Form, patches []Patch, resources ...string) []byte {
	if patches == nil {
		patches = []Patch{}
	}
	type kustomization struct {
		APIVersion string   `yaml:"apiVersion"`
		Kind       string   `yaml:"kind"`
		Resources  []string `yaml:"resources,omitempty"`
		Patches    []Patch  `yaml:"patches"`
	}
	switch form {
	case Flux:
		renderer := map[string]any{"kustomize": map[string][]Patch{"patches": patches}}
		return encode(map[string]any{"spec": map[string]any{"postRenderers": []any{renderer}}})
	case Component:
		return encode(kustomization{"kustomize.config.k8s.io/v1alpha1", "Component", resources, patches})
	}
	return encode(kustomization{"kustomize.config.k8s.io/v1beta1", "Kustomization", resources, patches})
}

// FluxPatchHeader makes the Flux form a patch of a HelmRelease for kustomize, which needs a
// name in it. The target in the Kustomization selects the release.
const FluxPatchHeader = `# A patch for the HelmRelease that the target in the Kustomization selects.
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: any
`

// Patches returns the patches of one object.
func Patches(e rewrite.ObjectEdits) []Patch {
	var patches []Patch
	if !e.Nulls {
		patches = append(patches, Patch{Patch: string(encode(mergePatch(e)))})
	}
	if operations := jsonPatch(e); len(operations) > 0 {
		patches = append(patches, Patch{target(e), string(encode(operations))})
	}
	return patches
}

// mergePatch returns the strategic-merge patch of an object. It has at least the object's
// name, because kustomize says nothing if the target of a JSON patch is missing.
func mergePatch(e rewrite.ObjectEdits) *yaml.Node {
	root := &yaml.Node{Kind: yaml.MappingNode}
	set(root, e.APIVersion, "apiVersion")
	set(root, e.Kind, "kind")
	set(root, e.Name, "metadata", "name")
	if e.Namespace != "" {
		set(root, e.Namespace, "metadata", "namespace")
	}
	for _, s := range e.Sets {
		if merges(e, s.Path) {
			set(root, s.Value, keys(s.Path)...)
		}
	}
	return root
}

// operation is an operation of a JSON patch. Its last key is never a value in several
// lines, because kustomize removes line breaks from the end of a patch.
type operation struct {
	Path  string     `yaml:"path"`
	Value *yaml.Node `yaml:"value"`
	Op    string     `yaml:"op"`
}

// jsonPatch returns the operations for values inside strings, and for those that no
// strategic-merge patch can set.
func jsonPatch(e rewrite.ObjectEdits) []operation {
	var all []operation
	test := func(path identity.Path, value *yaml.Node) {
		tested := operation{pointer(path), value, "test"}
		if !slices.ContainsFunc(all, func(o operation) bool { return o.Op == "test" && o.Path == tested.Path }) {
			all = append(all, tested)
		}
	}
	testItems := func(items []rewrite.ItemName) {
		for _, item := range items {
			test(item.Path, text(item.Name))
		}
	}
	added := map[string]*yaml.Node{}
	for _, s := range e.Sets {
		if merges(e, s.Path) {
			continue
		}
		testItems(s.Items)
		if s.Present >= len(s.Path)-1 || isObjectAnnotation(s.Path) {
			all = append(all, operation{pointer(s.Path), text(s.Value), "add"})
			continue
		}
		// A missing mapping is added as a whole. It is tested for null first, because a mapping
		// that a later chart has there would be lost.
		parent := s.Path[:s.Present+1]
		if added[pointer(parent)] == nil {
			added[pointer(parent)] = &yaml.Node{Kind: yaml.MappingNode}
			test(parent, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"})
			all = append(all, operation{pointer(parent), added[pointer(parent)], "add"})
		}
		set(added[pointer(parent)], s.Value, keys(s.Path[s.Present+1:])...)
	}
	for _, t := range e.Texts {
		testItems(t.Items)
		test(t.Path, text(t.Old))
		all = append(all, operation{pointer(t.Path), text(t.New), "replace"})
	}
	return all
}

// target selects the object of a JSON patch. Without a namespace it would select objects
// in every namespace. kustomize takes an object without a namespace for one in default.
func target(e rewrite.ObjectEdits) *Target {
	group, version, versioned := strings.Cut(e.APIVersion, "/")
	if !versioned {
		group, version = "", group
	}
	namespace := e.Namespace
	if namespace == "" && e.Ambiguous {
		namespace = "default"
	}
	return &Target{group, version, e.Kind, regexp.QuoteMeta(e.Name), namespace}
}

// isObjectAnnotation reports whether a path leads to an annotation of the object itself.
// kustomize keeps its own there while it applies patches, so the mapping always exists.
func isObjectAnnotation(path identity.Path) bool {
	return len(path) == 3 && path[0].Key == "metadata" && path[1].Key == "annotations"
}

// merges reports whether a strategic-merge patch sets the value. It would remove the keys
// of the object whose values are null, and replace the lists of kinds that kustomize does
// not know.
func merges(e rewrite.ObjectEdits, path identity.Path) bool {
	return !e.Nulls && !slices.ContainsFunc(path, func(s identity.Step) bool { return s.Kind == identity.ItemStep })
}

func keys(path identity.Path) []string {
	names := make([]string, len(path))
	for i, step := range path {
		names[i] = step.Key
	}
	return names
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

// pointer returns a path as JSON pointer.
//
// Source: RFC 6901.
func pointer(path identity.Path) string {
	var b strings.Builder
	for _, step := range path {
		b.WriteByte('/')
		if step.Kind == identity.ItemStep {
			b.WriteString(strconv.Itoa(step.Item))
		} else {
			b.WriteString(escaper.Replace(step.Key))
		}
	}
	return b.String()
}

// set sets a string at a path of keys.
func set(n *yaml.Node, value string, path ...string) {
	for _, key := range path {
		n.Kind = yaml.MappingNode
		at := 0
		for at < len(n.Content) && n.Content[at].Value != key {
			at += 2
		}
		if at == len(n.Content) {
			n.Content = append(n.Content, text(key), &yaml.Node{})
		}
		n = n.Content[at+1]
	}
	*n = *text(value)
}

// text returns a string as YAML, in quotes if YAML 1.1 takes it for something else.
func text(value string) *yaml.Node {
	n := &yaml.Node{}
	if err := n.Encode(value); err != nil {
		panic(err) // every string can be encoded
	}
	return n
}

func encode(value any) []byte {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		panic(err) // the types of this package can always be encoded
	}
	if err := encoder.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

package check

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// input is what the rules look at.
type input struct {
	specs    []identity.Spec
	values   []values
	objects  []*object
	policies []*policy
	configs  []Finding // mistakes in configs
	syntax   []Finding // documents that are not YAML
	bad      []problem // mistakes in the syntax of arguments
	words    []word    // words of scripts that may be misspelt keys
	checked  []Checked

	components  []identity.Component // that the program knows, and those of the configs
	annotations []annotation         // of manifests and values
	configFile  string               // whose settings are known with those of the flags
}

// object is a Kubernetes object in a document.
type object struct {
	inner
	node  *manifest.Node
	group string
	kind  string
	name  string
}

func newInput(in Input) *input {
	read := &input{configFile: filepath.Clean(in.Config)}
	read.components = read.allComponents()
	if len(in.Spec.Components) > 0 {
		read.specs = append(read.specs, in.Spec)
	}
	for _, ofConfigs := range []bool{true, false} { // a config describes components that other files have
		for _, f := range in.Files {
			if bytes.Contains(f.Text, []byte(config.APIVersion)) == ofConfigs {
				read.file(f)
			}
		}
		read.components = read.allComponents()
	}
	read.arguments(in.Arguments)
	for _, o := range read.objects {
		read.annotations = append(read.annotations, o.annotations()...)
	}
	for _, v := range read.values {
		for _, s := range v.settings {
			read.annotations = append(read.annotations, read.inValues(s)...)
		}
	}
	return read
}

// file reads a file by its content.
func (in *input) file(f File) {
	text := &fileText{name: f.Name, text: f.Text, lines: manifest.NewLines(f.Text)}
	var as []string
	add := func(kind string) {
		if !slices.Contains(as, kind) {
			as = append(as, kind)
		}
	}
	for doc := range manifest.Split(f.Text) {
		d := &document{fileText: text, start: doc.Start, text: f.Text[doc.Start:doc.End]}
		root, err := manifest.Parse(d.text)
		if syntax, ok := errors.AsType[*manifest.SyntaxError](err); ok {
			if isStructured(f) {
				in.syntax = append(in.syntax, Finding{Place: d.atOffset(syntax.Offset).Place, Problem: syntax.Error(), Fix: "correct the syntax; the rules cannot read this document"})
				add("YAML")
			}
			continue
		}
		if d.root = root.Resolve(); d.root != nil && d.root.Kind != manifest.Scalar {
			if kind := in.document(d); kind != "" {
				add(kind)
			}
		}
	}
	if found := in.script(text, len(as) == 0); found {
		add("text")
	}
	in.checked = append(in.checked, Checked{File: f.Name, As: as})
}

// isStructured reports whether a file that is not valid YAML is meant to be: by its name or,
// for standard input, because it has the fields of a manifest. Templates of Helm become YAML
// only when they are rendered.
func isStructured(f File) bool {
	if bytes.Contains(f.Text, []byte("{{")) {
		return false
	}
	switch filepath.Ext(f.Name) {
	case ".yaml", ".yml", ".json":
		return true
	case "":
		return bytes.Contains(f.Text, []byte("apiVersion:")) && bytes.Contains(f.Text, []byte("kind:"))
	}
	return false
}

// document reads a document and returns what it is.
func (in *input) document(d *document) string {
	root := d.root
	group, _, _ := strings.Cut(root.Text("apiVersion"), "/")
	configGroup, _, _ := strings.Cut(config.APIVersion, "/")
	switch {
	case group == configGroup && (root.Text("kind") == config.Kind || root.Text("kind") == ""):
		in.config(d)
		return "config"
	case root.Text("apiVersion") != "" && root.Text("kind") != "":
		in.object(d.itself(), root, d.itself().path)
		return "manifests"
	case isPolicy(root):
		in.policy(d.itself(), root, nil)
		return "policy"
	case root.Kind == manifest.Mapping && isValues(root):
		in.values = append(in.values, values{settings: d.itself().flatten(root), whole: true})
		return "values"
	}
	policies, values := len(in.policies), len(in.values)
	in.search(d.itself(), root, nil)
	switch {
	case len(in.policies) > policies:
		return "policy"
	case len(in.values) > values:
		return "values"
	}
	return ""
}

// isValues reports whether a mapping has values of the Spaces chart.
func isValues(root *manifest.Node) bool {
	var names []string
	for k := range root.Fields {
		if k = k.Resolve(); k != nil {
			names = append(names, k.Value)
		}
	}
	return areSpacesKeys(names)
}

// config reads a config. Its mistakes are errors with a place.
func (in *input) config(d *document) {
	spec, err := config.Decode(d.name, d.fileText.text)
	if err == nil {
		if filepath.Clean(d.name) != in.configFile {
			in.specs = append(in.specs, spec)
		}
		return
	}
	all, ok := errors.AsType[*config.Error](err)
	if !ok {
		all = &config.Error{Problems: []*config.Problem{{Err: err}}}
	}
	for _, p := range all.Problems {
		f := Finding{Place: Place{File: d.name, Line: max(1, p.Origin.Line), Column: max(1, p.Origin.Column)}, Path: p.Path, Problem: p.Err.Error()}
		if f.Fix = identity.HintOf(p.Err); f.Fix == "" {
			f.Fix = "docs/config.md lists what each setting accepts"
		}
		in.configs = append(in.configs, f)
	}
}

// object reads a Kubernetes object, or the items of a List.
func (in *input) object(at inner, n *manifest.Node, path identity.Path) {
	at.path = path
	kind := n.Text("kind")
	if items := n.Field("items").Items(); strings.HasSuffix(kind, "List") && items != nil {
		for i, item := range items {
			in.object(at, item.Resolve(), path.Field("items").Item(i))
		}
		return
	}
	group, _, versioned := strings.Cut(n.Text("apiVersion"), "/")
	if !versioned {
		group = ""
	}
	in.objects = append(in.objects, &object{inner: at, node: n, group: group, kind: kind, name: n.Text("metadata", "name")})
	at.release = slices.Contains([]string{"HelmRelease", "Application", "ApplicationSet", "Release", "HelmChart", "HelmChartConfig"}, kind)
	if kind != "Secret" { // its content never appears in a message
		in.search(at, n, path)
	}
}

// search looks for policies and values of the chart below a node, and in its strings.
func (in *input) search(at inner, n *manifest.Node, path identity.Path) {
	n = n.Resolve()
	if n == nil || len(path) > 64 {
		return
	}
	switch n.Kind {
	case manifest.Mapping:
		in.mapping(at, n, path)
	case manifest.Sequence:
		in.parameters(at, n)
		for i, item := range n.Content() {
			in.search(at, item, path.Item(i))
		}
	case manifest.Scalar:
		for _, found := range at.within(n, path, "Statement", "controlPlanes", "billing", "backup") {
			in.search(found.inner, found.root, found.path)
		}
	}
}

// mapping reads a mapping that may be a policy or values, and searches what is below it.
func (in *input) mapping(at inner, n *manifest.Node, path identity.Path) {
	if isPolicy(n) {
		in.policy(at, n, path)
		return
	}
	if whole := at.release && isValuesKey(path) && isValues(n); whole || hasComponent(n, in.components) {
		below := at
		below.path = path
		in.values = append(in.values, values{settings: below.flatten(n), whole: whole})
	}
	for k, value := range n.Fields {
		if k = k.Resolve(); k != nil && k.Kind == manifest.Scalar && k.Value != lastApplied {
			in.search(at, value, path.Field(k.Value))
		}
	}
}

// isValuesKey reports whether a path ends where the objects of GitOps tools have the values of
// a chart.
func isValuesKey(path identity.Path) bool {
	if len(path) > 0 && path[len(path)-1].Kind == identity.IntoStep {
		path = path[:len(path)-1]
	}
	return len(path) > 0 && slices.Contains([]string{"values", "valuesObject", "valuesContent"}, path[len(path)-1].Key)
}

// lastApplied is kubectl's record of an object, which has no effect.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// parameters reads lists such as Argo CD's helm.parameters and helmfile's set, whose items
// have the name of a value and the value.
func (in *input) parameters(at inner, list *manifest.Node) {
	var v values
	var roots []string
	var problems []problem
	for _, item := range list.Content() {
		name, value := item.Field("name").Resolve(), item.Field("value").Resolve()
		if name == nil || value == nil || name.Kind != manifest.Scalar || value.Kind != manifest.Scalar {
			continue
		}
		first, _, dotted := strings.Cut(name.Value, ".")
		roots = append(roots, first)
		if !dotted || first != guideKey && !isOwnKey(first) {
			continue
		}
		here := func(int) place { return at.locate(name) }
		a := argument{text: name.Value + "=" + strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(value.Value), place: here, isText: item.Field("forceString").IsTrue()}
		settings, wrong := a.settings()
		v.settings, problems = append(v.settings, settings...), append(problems, wrong...)
	}
	if areSpacesKeys(roots) && len(v.settings)+len(problems) > 0 {
		v.whole = true
		v.typed = true
		in.values, in.bad = append(in.values, v), append(in.bad, problems...)
	}
}

// allComponents returns the components that the program knows and those of the configs.
func (in *input) allComponents() []identity.Component {
	var all []identity.Component
	for _, spec := range in.specs {
		all = append(all, spec.Components...)
	}
	for _, name := range identity.KnownNames() {
		if c, _ := identity.Known(name); !slices.ContainsFunc(all, func(other identity.Component) bool { return other.Name == name }) {
			all = append(all, c)
		}
	}
	return all
}

func hasComponent(n *manifest.Node, components []identity.Component) bool {
	return slices.ContainsFunc(components, func(c identity.Component) bool {
		return len(c.Values.Component) > 1 && n.Get(c.Values.Component...) != nil
	})
}

// arguments reads the arguments of the command line.
func (in *input) arguments(arguments []Argument) {
	number := map[string]int{}
	v := values{whole: true, typed: true}
	for _, a := range arguments {
		number[a.Flag]++
		line := number[a.Flag]
		at := func(offset int) place {
			return place{Place: Place{File: a.Flag, Line: line, Column: 1 + len([]rune(a.Text[:offset]))}, argument: true}
		}
		settings, problems := argument{text: a.Text, isText: a.String, place: at}.settings()
		v.settings, in.bad = append(v.settings, settings...), append(in.bad, problems...)
	}
	if len(v.settings) > 0 {
		in.values = append(in.values, v)
	}
}

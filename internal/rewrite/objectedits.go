package rewrite

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// ObjectEdits are the edits of one object, for programs that cannot take the edited stream.
type ObjectEdits struct {
	APIVersion, Kind, Namespace, Name string

	Document, Line int  // the object's place in the stream, from 1
	Secret         bool // the object is a Secret, or a text of its edits seems to contain one
	Ambiguous      bool // the stream has an object of that kind and name in another namespace

	Hook  bool // the object is a Helm hook
	Nulls bool // the object has a key whose value is null

	Sets  []ValueEdit // annotations and labels that are not inside a string
	Texts []TextEdit  // strings with a document inside, which are replaced as a whole
}

// ValueEdit sets an annotation or label.
type ValueEdit struct {
	Path    identity.Path // within the object
	Value   string
	Present int        // how many steps of the path lead to values that are there and not null
	Items   []ItemName // of the lists on the path
}

// TextEdit replaces a string.
type TextEdit struct {
	Path     identity.Path // within the object
	Old, New string
	Items    []ItemName // of the lists on the path
}

// ItemName is the name of an item of a list, by which a later stream can be compared.
type ItemName struct {
	Path identity.Path // of the name
	Name string
}

// ObjectEdits returns the edits of the stream, one value for each object, in the order of
// the stream. It leaves out the program's own objects: see [Result.NewObjects]. The caller
// says which objects keep their values although they have edits. A pod template that reads
// only those does not get the restart annotation, because nothing changes for its pods.
func (r *Result) ObjectEdits(keeps func(ObjectEdits) bool) ([]ObjectEdits, error) {
	all := objectEdits{result: r, index: map[*manifest.Node]int{}, patched: map[*document]*manifest.Node{}}
	add := func(wanted func(place) bool) error {
		for _, p := range r.places {
			if !p.isEdit() || !wanted(p) {
				continue
			}
			if err := all.add(p); err != nil {
				return err
			}
		}
		return nil
	}
	isDependent := func(p place) bool { return p.Place == DependentPlace }
	if err := add(func(p place) bool { return !isDependent(p) }); err != nil {
		return nil, err
	}
	read := all.embedded(keeps)
	if err := add(func(p place) bool { return isDependent(p) && read.changesFor(p) }); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all.edits, func(a, b ObjectEdits) int { return a.Line - b.Line })
	all.markAmbiguous()
	return all.edits, nil
}

// embedded returns the ConfigMaps and Secrets that contain embedded values, without the
// objects that keep their values.
func (all *objectEdits) embedded(keeps func(ObjectEdits) bool) embedded {
	return embeddedIn(slices.DeleteFunc(slices.Clone(all.result.places), func(p place) bool {
		if p.object == nil {
			return false
		}
		i, edited := all.index[p.object.node]
		return edited && keeps(all.edits[i])
	}))
}

// changesFor reports whether the pod template with a place reads something that changes.
func (e embedded) changesFor(p place) bool {
	return slices.ContainsFunc(p.object.podTemplates(), func(t podTemplate) bool {
		within := len(t.path) <= len(p.path) && slices.Equal(t.path, p.path[:len(t.path)])
		return within && e.readBy(t.spec, p.object.namespace).changed
	})
}

// NewObjects returns the program's own objects that the stream lacks, and the names of
// those that it has in another form.
func (r *Result) NewObjects() (missing []Object, outdated []string) {
	for _, p := range r.places {
		if p.Place != AppendedPlace || p.Outcome != Changed {
			continue
		}
		if p.object != nil {
			outdated = append(outdated, p.object.String())
			continue
		}
		for _, wanted := range r.options.Objects {
			if wanted.Kind == p.Kind && wanted.Name == p.Name {
				missing = append(missing, wanted)
			}
		}
	}
	return missing, outdated
}

// objectEdits collects the edits of a stream.
type objectEdits struct {
	result  *Result
	edits   []ObjectEdits
	index   map[*manifest.Node]int       // of an object in edits
	patched map[*document]*manifest.Node // the documents with their edits
}

func (all *objectEdits) add(p place) error {
	o := p.object
	i, ok := all.index[o.node]
	if !ok {
		i = len(all.edits)
		all.index[o.node] = i
		version := o.node.Text("apiVersion")
		if version == "" { // an item of a typed list
			version = o.doc.root.Text("apiVersion")
		}
		all.edits = append(all.edits, ObjectEdits{APIVersion: version, Kind: o.kind, Namespace: o.namespace, Name: o.name,
			Document: o.doc.Number, Line: o.line(o.node), Secret: o.kind == "Secret" && o.group == "",
			Hook: o.node.Get("metadata", "annotations", "helm.sh/hook") != nil, Nulls: hasNull(o.node)})
	}
	edits := &all.edits[i]
	if o.name == "" {
		return o.inputError(o.node.Outer(), "the object has no name, so no patch can select it")
	}
	within := p.path[len(o.path):]
	crossing := within.Crossing()
	if crossing < 0 {
		if !slices.ContainsFunc(edits.Sets, func(s ValueEdit) bool { return slices.Equal(s.Path, within) }) {
			edits.Sets = append(edits.Sets, ValueEdit{within, p.New, present(o.node, within), itemNames(o.node, within)})
		}
		return nil
	}
	within = within[:crossing]
	if slices.ContainsFunc(edits.Texts, func(t TextEdit) bool { return slices.Equal(t.Path, within) }) {
		return nil
	}
	after, err := all.after(o.doc)
	if err != nil {
		return err
	}
	text := TextEdit{Path: within, Items: itemNames(o.node, within)}
	text.Old, text.New = textAt(o.node, within), textAt(walk(after, o.path), within)
	edits.Texts = append(edits.Texts, text)
	edits.Secret = edits.Secret || mayContainSecret(text.Old) || mayContainSecret(text.New)
	return nil
}

// after returns the tree of a document with its edits.
func (all *objectEdits) after(doc *document) (*manifest.Node, error) {
	if root := all.patched[doc]; root != nil {
		return root, nil
	}
	i := slices.IndexFunc(all.result.patches, func(p patched) bool { return p.doc.Number == doc.Number && p.doc.Start == doc.Start })
	if i < 0 {
		return nil, fmt.Errorf("document %d has edits, but no new text", doc.Number)
	}
	root, err := manifest.Parse(all.result.patches[i].text)
	all.patched[doc] = root
	return root, err
}

// walk returns the value at a path without steps into strings, or nil.
func walk(n *manifest.Node, path identity.Path) *manifest.Node {
	for _, step := range path {
		n = n.Resolve().Step(step)
	}
	return n.Resolve()
}

func textAt(n *manifest.Node, path identity.Path) string {
	if n = walk(n, path); n != nil {
		return n.Value
	}
	return ""
}

// hasNull reports whether a mapping in the value has a key whose value is null.
func hasNull(n *manifest.Node) bool {
	n = n.Resolve()
	for i, child := range n.Content() {
		child = child.Resolve()
		if n.Kind == manifest.Mapping && i%2 == 1 && child.IsNull() || hasNull(child) {
			return true
		}
	}
	return false
}

// present counts the steps of a path that lead to values that are there and not null.
func present(n *manifest.Node, path identity.Path) int {
	for i := range path {
		if value := walk(n, path[:i+1]); value == nil || value.IsNull() {
			return i
		}
	}
	return len(path)
}

// itemNames returns the names of the items of lists on a path.
func itemNames(n *manifest.Node, path identity.Path) []ItemName {
	var names []ItemName
	for i, step := range path {
		if step.Kind != identity.ItemStep {
			continue
		}
		if name := walk(n, path[:i+1].Field("name")); name != nil && name.IsString() {
			names = append(names, ItemName{path[:i+1].Field("name"), name.Value})
		}
	}
	return names
}

// objectID is what selectors of patches compare.
type objectID struct{ group, kind, name string }

// markAmbiguous marks the objects that share their kind and name with another object of
// the stream, which may have no edits.
func (all *objectEdits) markAmbiguous() {
	if len(all.edits) == 0 {
		return
	}
	docs, _ := input{stream: all.result.stream}.read(nil, names{}, always) // what is not YAML has no objects
	count := map[objectID]int{}
	for _, doc := range docs {
		for _, o := range doc.objects {
			count[objectID{o.group, o.kind, o.name}]++
		}
	}
	for i := range all.edits {
		e := &all.edits[i]
		e.Ambiguous = count[objectID{groupOf(e.APIVersion), e.Kind, e.Name}] > 1
	}
}

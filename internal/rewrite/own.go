package rewrite

import (
	"bytes"
	"errors"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// Object is an object that this program creates and the stream must contain. It replaces
// an object of that kind and name that differs. If there is none, it is appended.
type Object struct {
	Component string // that needs it
	Group     string // of its API
	Kind      string
	Name      string
	Text      []byte // YAML without a document marker
}

func (wanted Object) is(o *object) bool {
	return o.group == wanted.Group && o.kind == wanted.Kind && o.name == wanted.Name
}

// OwnObjects updates the program's own objects in the stream.
type OwnObjects struct {
	objects  []Object
	extended bool // they may have more fields, and be in a List
}

func (r OwnObjects) searchNames() []string {
	var texts []string
	for _, wanted := range r.objects {
		texts = append(texts, wanted.Name)
	}
	return texts
}

// has reports whether an object is one of the program's own.
func (r OwnObjects) has(o *object) bool {
	return slices.ContainsFunc(r.objects, func(wanted Object) bool { return wanted.is(o) })
}

func (r OwnObjects) find(o *object) found {
	wanted := r.objects[slices.IndexFunc(r.objects, func(wanted Object) bool { return wanted.is(o) })]
	if r.extended && len(o.path) > 0 {
		root, err := manifest.Parse(wanted.Text)
		if err == nil && contains(o.node, root) {
			return found{places: []place{o.found(AppendedPlace, wanted.Component, nil, o.node).because(Unchanged, "")}}
		}
	}
	if len(o.path) > 0 { //mutate:equivalent [1] the path of an item has two steps
		return found{errs: []error{o.inputError(o.node.Outer(), "this object belongs to spaces-identity, which cannot update it inside a List: remove it from the List")}}
	}
	text, root, err := withFilename(wanted.Text, o.node)
	if err != nil {
		return found{errs: []error{o.doc.patchError(o.String(), err)}}
	}
	p := o.found(AppendedPlace, wanted.Component, nil, o.node)
	if manifest.Same(root, o.node) || r.extended && contains(o.node, root) {
		return found{places: []place{p.because(Unchanged, "")}}
	}
	return found{places: []place{p.because(Changed, "replaces another object of that name")},
		patches: []patched{{o.doc.Document, o.replacedBy(text)}}}
}

// filenameAnnotation is the annotation by which Helm 4 finds the template of a document
// after a post-renderer. A document that is replaced keeps it.
const filenameAnnotation = "postrenderer.helm.sh/postrender-filename"

// withFilename returns the text of an own object with the filenameAnnotation of the
// existing object.
func withFilename(text []byte, existing *manifest.Node) ([]byte, *manifest.Node, error) {
	if name := existing.Text("metadata", "annotations", filenameAnnotation); name != "" {
		path := identity.Path{}.Field("metadata", "annotations", filenameAnnotation)
		var err error
		if text, err = manifest.Patch(text, []manifest.Set{{Path: path, Value: name}}); err != nil {
			return nil, nil, err
		}
	}
	root, err := manifest.Parse(text)
	return text, root, err
}

// replacedBy returns the object's document with another object in its place. It keeps
// what is before and after the object.
func (o *object) replacedBy(text []byte) []byte {
	before, after := o.doc.text[:o.node.Outer()], o.doc.text[o.node.End():]
	if len(before) > 0 && before[len(before)-1] != '\n' {
		before = append(slices.Clone(before), '\n')
	}
	_, after, _ = bytes.Cut(after, []byte("\n")) // the rest of the object's last line is a comment on it
	return slices.Concat(before, text, after)
}

// missing appends the own objects that no document contains, each as a document.
func (r OwnObjects) missing(in input, docs []*document) found {
	missing := slices.DeleteFunc(slices.Clone(r.objects), func(wanted Object) bool { return anyObject(docs, wanted.is) })
	if len(missing) == 0 {
		return found{}
	}
	var all found
	last := in.lastDocument()
	number, line, end := last.Number, manifest.Breaks(in.stream)+1, last.End
	for _, wanted := range missing {
		text := slices.Concat([]byte("---\n"), wanted.Text)
		lines := bytes.Count(text, []byte("\n"))
		if len(all.patches) == 0 && in.stream[end-1] != '\n' {
			if !endsWell(in.stream[last.Start:]) {
				all.errs = append(all.errs, errors.New("nothing can be appended to the manifests, because they end inside a text block without a line break: end them with a line break"))
				return all
			}
			text = slices.Concat([]byte("\n"), text)
			line++
		}
		number++
		all.places = append(all.places, place{Finding: Finding{Outcome: Changed, Component: wanted.Component, Place: AppendedPlace,
			Document: number, Line: line + 1, Kind: wanted.Kind, Name: wanted.Name}})
		all.patches = append(all.patches, patched{manifest.Document{Number: number, Start: end, End: end}, text})
		line += lines
	}
	return all
}

func anyObject(docs []*document, is func(*object) bool) bool {
	return slices.ContainsFunc(docs, func(d *document) bool { return slices.ContainsFunc(d.objects, is) })
}

func (in input) lastDocument() manifest.Document {
	var last manifest.Document
	for doc := range manifest.Split(in.stream) {
		last = doc
	}
	return last
}

// endsWell reports whether a document keeps its meaning if a line break is appended.
func endsWell(text []byte) bool {
	root, err := manifest.Parse(text)
	if err != nil {
		return false
	}
	broken, err := manifest.Parse(append(slices.Clone(text), '\n'))
	return err == nil && manifest.Same(root, broken)
}

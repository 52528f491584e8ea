package rewrite

import (
	"bytes"
	"errors"
	"slices"

	"spaces-identity.dev/internal/manifest"
)

// Object is one that the stream is to have: it is appended where the stream has
// none of that kind and name, and replaces one that differs.
type Object struct {
	Component string // for whom it is
	Group     string // of its API
	Kind      string
	Name      string
	Text      []byte // YAML without a document marker
}

// filenameAnnotation is how Helm 4 finds the template of a document again behind
// a post-renderer. A document keeps it.
const filenameAnnotation = "postrenderer.helm.sh/postrender-filename"

// ensure sees to the objects that the stream is to have.
func (r *run) ensure() {
	if blank(r.stream) {
		return // nothing is installed, so nothing is to be reached
	}
	var looked names
	for _, o := range r.options.Objects {
		looked = looked.with(o.Name)
	}
	r.openNaming(looked)
	number, line := r.end()
	for _, wanted := range r.options.Objects {
		found := r.find(wanted)
		for _, there := range found {
			r.replace(wanted, there)
		}
		if len(found) == 0 {
			r.add(wanted, &number, &line)
		}
	}
}

func blank(stream []byte) bool { return len(bytes.TrimSpace(stream)) == 0 }

// isOwn reports whether an object is one that the stream is to have.
func (r *run) isOwn(o object) bool {
	return slices.ContainsFunc(r.options.Objects, func(own Object) bool { return own.is(o) })
}

func (wanted Object) is(o object) bool {
	return o.group == wanted.Group && o.kind == wanted.Kind && o.name == wanted.Name
}

func (r *run) find(wanted Object) []object {
	var found []object
	for _, doc := range r.docs {
		for _, o := range doc.objects {
			if wanted.is(o) {
				found = append(found, o)
			}
		}
	}
	return found
}

// replace puts the wanted object in the place of one that differs.
func (r *run) replace(wanted Object, there object) {
	f := there.finding(AppendedPlace, wanted.Component)
	f.Line = there.line(there.node)
	if len(there.path) > 0 {
		r.fail(there.doc.inputError(there.String(), there.node.Outer,
			"the program's own object stands in a List, where it cannot be brought up to date; take it out"))
		return
	}
	text, root, err := labelled(wanted.Text, there.node)
	if err != nil {
		r.fail(there.doc.patchError(there.String(), err))
		return
	}
	if manifest.Same(root, there.node) {
		f.Outcome = Right
		r.note(f)
		return
	}
	f.Outcome, f.Reason = Changed, "another object of that name stood here and was replaced"
	r.note(f)
	r.own = append(r.own, patch{there.doc.Document, instead(there, text)})
}

// labelled is the text of the wanted object with the annotation by which Helm 4
// knows the one that stands there.
func labelled(text []byte, there *manifest.Node) ([]byte, *manifest.Node, error) {
	if name := there.Text("metadata", "annotations", filenameAnnotation); name != "" {
		path := manifest.Path{}.Field("metadata", "annotations", filenameAnnotation)
		var err error
		if text, err = manifest.Patch(text, []manifest.Set{{Path: path, Value: name}}); err != nil {
			return nil, nil, err
		}
	}
	root, err := manifest.Parse(text)
	return text, root, err
}

// instead is a document with other content: what stands before and behind its
// object stays.
func instead(there object, text []byte) []byte {
	doc := there.doc.text
	before, behind := doc[:there.node.Outer], doc[there.node.End:]
	if len(before) > 0 && before[len(before)-1] != '\n' {
		before = append(slices.Clone(before), '\n')
	}
	_, behind, _ = bytes.Cut(behind, []byte("\n")) // the rest of the object's last line was its comment
	return slices.Concat(before, text, behind)
}

// end is the number of the stream's last document and the line behind it.
func (r *run) end() (number, line int) {
	for doc := range manifest.Split(r.stream) {
		number = doc.Number
	}
	return number, manifest.Breaks(r.stream) + 1
}

// add appends the wanted object as a document of its own.
func (r *run) add(wanted Object, number, line *int) {
	text := slices.Concat([]byte("---\n"), wanted.Text)
	if n := len(r.stream); n > 0 && r.stream[n-1] != '\n' && !r.appended() {
		if !r.endsWell() {
			r.fail(errors.New("the manifests end inside a text block without a line break, so nothing can be appended unnoticed; end them with a line break"))
			return
		}
		text = slices.Concat([]byte("\n"), text)
		*line++
	}
	*number++
	r.note(Finding{Outcome: Changed, Component: wanted.Component, Place: AppendedPlace, Document: *number, Line: *line + 1,
		Kind: wanted.Kind, Name: wanted.Name})
	at := len(r.stream)
	r.own = append(r.own, patch{manifest.Document{Number: *number, Start: at, End: at}, text})
	*line += bytes.Count(text, []byte("\n"))
}

// appended reports whether something was appended already.
func (r *run) appended() bool {
	return slices.ContainsFunc(r.own, func(p patch) bool { return p.doc.Start == len(r.stream) })
}

// endsWell reports whether a line break at the end of the stream changes nothing
// of what it says.
func (r *run) endsWell() bool {
	var last []byte
	for doc := range manifest.Split(r.stream) {
		last = r.stream[doc.Start:doc.End]
	}
	as, err := manifest.Parse(last)
	if err != nil {
		return false
	}
	with, err := manifest.Parse(append(slices.Clone(last), '\n'))
	return err == nil && manifest.Same(as, with)
}

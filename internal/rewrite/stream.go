package rewrite

import (
	"bytes"
	"cmp"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// input is a stream with the caller's options.
type input struct {
	stream  []byte
	own     OwnObjects
	options Options
}

func newInput(stream []byte, options Options) input {
	in := input{stream: stream, options: options}
	if !blank(stream) { // with an empty stream nothing is installed, so nothing is appended
		in.own = OwnObjects{options.Objects, options.Extended}
	}
	return in
}

// document is a parsed document.
type document struct {
	manifest.Document
	text    []byte
	source  string // the chart's template, if Helm names it
	lines   manifest.Lines
	first   int // line of the stream at which it begins, from 1
	root    *manifest.Node
	objects []*object
}

// read returns the documents read before, those that contain a name, and those that may
// hide one, in the order of the stream. It skips documents without content. A document
// that is not valid YAML is an error.
func (in input) read(before []*document, looked names, mayHide func(text []byte) bool) (docs []*document, errs []error) {
	if looked.count() == 0 && mayHide == nil {
		return before, nil
	}
	line, counted := 1, 0
	var parser manifest.Parser
	for doc := range manifest.Split(in.stream) {
		if len(before) > 0 && before[0].Number == doc.Number {
			docs, before = append(docs, before[0]), before[1:]
			continue
		}
		text := in.stream[doc.Start:doc.End]
		if !looked.mayBeIn(text) && (mayHide == nil || !mayHide(text)) {
			continue
		}
		line, counted = line+manifest.Breaks(in.stream[counted:doc.Start]), doc.Start
		d := &document{Document: doc, text: text, source: manifest.Source(text), lines: manifest.NewLines(text), first: line}
		var err error
		if d.root, err = parser.Parse(text); err != nil {
			errs = append(errs, d.patchError("", err))
		} else if d.root != nil {
			d.objects = newObject(d, d.root, nil).listed(maxListDepth)
			docs = append(docs, d)
		}
	}
	return docs, errs
}

// object is a Kubernetes object in a document: the document itself, or an item
// of a List in it.
type object struct {
	doc  *document
	path identity.Path
	node *manifest.Node

	group     string // of the API, empty for the core
	kind      string
	namespace string
	name      string

	templates []podTemplate // once searched is set
	searched  bool
}

// maxListDepth limits how deeply Lists may contain Lists.
const maxListDepth = 8

// listed returns the object, or the items of a List. The items of a ServiceAccountList and
// of other typed lists need no kind of their own.
func (o *object) listed(depth int) []*object {
	items := o.node.Field("items")
	if !strings.HasSuffix(o.kind, "List") || items == nil || depth == 0 {
		return []*object{o}
	}
	var found []*object
	for i, n := range items.Items() {
		item := newObject(o.doc, n, o.path.Field("items").Item(i))
		if item.kind == "" {
			item.group, item.kind = o.group, strings.TrimSuffix(o.kind, "List")
		}
		found = append(found, item.listed(depth-1)...)
	}
	return found
}

func newObject(doc *document, node *manifest.Node, path identity.Path) *object {
	return &object{doc: doc, path: path, node: node, group: groupOf(node.Text("apiVersion")), kind: node.Text("kind"),
		namespace: node.Text("metadata", "namespace"), name: node.Text("metadata", "name")}
}

// groupOf returns the group of an API version, empty for the core.
func groupOf(apiVersion string) string {
	group, _, versioned := strings.Cut(apiVersion, "/")
	if !versioned {
		return ""
	}
	return group
}

// String returns the kind and namespace/name of the object.
func (o *object) String() string {
	switch {
	case o.kind == "":
		return ""
	case o.namespace == "":
		return o.kind + " " + o.name
	}
	return o.kind + " " + o.namespace + "/" + o.name
}

// line returns the line of the stream at which a node of the object begins, from 1.
func (o *object) line(n *manifest.Node) int {
	return o.doc.first + o.doc.lines.Line(n.Outer()) - 1
}

// found returns a place in the object.
func (o *object) found(kind Place, component string, path identity.Path, near *manifest.Node) place {
	return place{object: o, path: path, Finding: Finding{Component: component, Place: kind,
		Document: o.doc.Number, Line: o.line(near), Source: o.doc.source,
		Kind: o.kind, Namespace: o.namespace, Name: o.name, Path: path.String()}}
}

// inputError returns an error about the value at an offset of the object's document.
func (o *object) inputError(offset int, format string, args ...any) *InputError {
	return o.doc.inputError(o.String(), offset, format, args...)
}

// checkEncoding returns an error for a stream that is not in UTF-8 but in UTF-16 or UTF-32.
// Its mark is at the start, or every other byte of the first characters is zero.
func checkEncoding(stream []byte) error {
	zeros := bytes.Count(stream[:min(len(stream), 8)], []byte{0})
	if zeros < 2 && !bytes.HasPrefix(stream, []byte("\xff\xfe")) && !bytes.HasPrefix(stream, []byte("\xfe\xff")) {
		return nil
	}
	return &InputError{Document: 1, Line: 1, Column: 1, Problem: "the manifests are in UTF-16 or UTF-32",
		Cause: identity.WithHint("write them in UTF-8; the > of Windows PowerShell writes UTF-16", "not UTF-8")}
}

// notManifests says what a stream is if it contains no Kubernetes object. Otherwise it
// returns nothing. It does not quote the stream.
func notManifests(stream []byte) string {
	what := ""
	for doc := range manifest.Split(stream) {
		root, err := manifest.Parse(stream[doc.Start:doc.End])
		root = root.Resolve()
		switch {
		case err != nil && what == "":
			what = "the input is not manifests, because it is not YAML"
		case root == nil || root.IsNull():
		case root.Text("kind") != "":
			return ""
		case root.Kind == manifest.Scalar:
			what = cmp.Or(what, "the input is plain text, not manifests")
		default:
			what = "no document of the input has a kind, so it contains no Kubernetes objects"
		}
	}
	return what
}

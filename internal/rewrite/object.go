package rewrite

import (
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// object is a Kubernetes object in a document: the document itself, or an item
// of a List in it.
type object struct {
	doc  *document
	path manifest.Path
	node *manifest.Node

	group     string // of the API, empty for the core
	kind      string
	namespace string
	name      string
}

// maxListDepth bounds Lists within Lists.
const maxListDepth = 8

// listed are the objects of a document: itself, or the items of a List.
func listed(doc *document, node *manifest.Node, path manifest.Path, depth int) []object {
	kind := node.Text("kind")
	items := node.Field("items")
	if !strings.HasSuffix(kind, "List") || items == nil || depth == 0 {
		return []object{newObject(doc, node, path)}
	}
	var found []object
	for i, item := range items.Items() {
		found = append(found, listed(doc, item, path.Field("items").Item(i), depth-1)...)
	}
	return found
}

func newObject(doc *document, node *manifest.Node, path manifest.Path) object {
	group, _, versioned := strings.Cut(node.Text("apiVersion"), "/")
	if !versioned {
		group = ""
	}
	return object{doc: doc, path: path, node: node, group: group, kind: node.Text("kind"),
		namespace: node.Text("metadata", "namespace"), name: node.Text("metadata", "name")}
}

// String names the object as kubectl does: kind and namespace/name.
func (o object) String() string {
	switch {
	case o.kind == "":
		return ""
	case o.namespace == "":
		return o.kind + " " + o.name
	}
	return o.kind + " " + o.namespace + "/" + o.name
}

// sameNamespace reports whether two objects may be in one namespace: one without
// a namespace goes where the release goes.
func (o object) sameNamespace(other object) bool {
	return o.namespace == other.namespace || o.namespace == "" || other.namespace == ""
}

// line is where a node of the object stands in the stream, from 1.
func (o object) line(n *manifest.Node) int {
	line, _ := o.doc.lines.Position(n.Outer)
	return o.doc.first + line - 1
}

// finding is what the object says of itself in the report.
func (o object) finding(place Place, component string) Finding {
	return Finding{Component: component, Place: place, Document: o.doc.Number, Source: manifest.Source(o.doc.text),
		Kind: o.kind, Namespace: o.namespace, Name: o.name}
}

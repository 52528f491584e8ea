package manifest

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Set sets a string at a path. It replaces the value there, and adds mappings that are
// missing on the path.
type Set struct {
	Path  identity.Path
	Value string
}

// PlaceError says why a place in a document cannot take a value.
type PlaceError struct {
	Path    identity.Path
	Offset  int // bytes from the start of the document
	Problem string
}

func (e *PlaceError) Error() string { return e.Path.String() + ": " + e.Problem }

// plan turns the sets of one document into edits of its text. It does not check the result
// of the edits: parseOnly does.
//
// If alone is set, [PatchParsed] first patches each document inside a string on its own,
// and may write it in another form.
func plan(text []byte, root *Node, sets []Set, alone bool) ([]Edit, error) {
	if root == nil {
		return nil, &PlaceError{sets[0].Path, 0, "the document is empty"}
	}
	edits, err := planNested(text, root, sets, alone)
	if err != nil {
		return nil, err
	}
	var added []*addition
	known := map[*Node]*addition{}
	for _, set := range sets {
		if set.Path.Crossing() >= 0 {
			continue
		}
		at, rest, err := descend(root, set.Path)
		if err != nil {
			return nil, err
		}
		if len(rest) == 0 {
			edits = append(edits, replacement(text, at, set.Value))
			continue
		}
		n := at.node.Resolve()
		if known[n] == nil {
			known[n] = &addition{node: n, path: set.Path[:len(set.Path)-len(rest)]}
			added = append(added, known[n])
		}
		known[n].keys = addKey(known[n].keys, rest, set.Value)
	}
	for _, a := range added {
		edit, err := a.edit(text)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit)
	}
	return edits, nil
}

// foundValue is a value with the collection that contains it.
type foundValue struct{ node, parent *Node }

// descend follows a path as far as the document has it. It returns the last value and the
// rest of the path, which consists of the keys to add.
func descend(root *Node, path identity.Path) (foundValue, identity.Path, error) {
	at := foundValue{root, root}
	for i, step := range path {
		n := at.node.Resolve()
		if twice := n.repeatedKey(step); twice != nil {
			return at, nil, &PlaceError{path[:i+1], twice.Outer, "this key appears twice in one mapping: remove one of them"}
		}
		if next := n.child(step); next != nil {
			at = foundValue{next, n}
			continue
		}
		if n.Kind != Mapping && !n.IsNull() {
			return at, nil, &PlaceError{path[:i], n.Outer, fmt.Sprintf("contains %s, but must contain a mapping", n.describe())}
		}
		if slices.ContainsFunc(path[i:], func(s identity.Step) bool { return s.Kind != identity.KeyStep }) {
			return at, nil, &PlaceError{path, n.Outer, "there is no such item"}
		}
		return at, path[i:], nil
	}
	if n := at.node.Resolve(); n.Kind != Scalar {
		return at, nil, &PlaceError{path, n.Outer, fmt.Sprintf("contains %s, but must contain a string", n.describe())}
	}
	return at, nil, nil
}

// describe returns a word for the node in messages.
func (n *Node) describe() string {
	switch {
	case n.Kind == Mapping:
		return "a mapping"
	case n.Kind == Sequence:
		return "a list"
	case n.IsNull():
		return "nothing"
	}
	return "a string or number"
}

// repeatedKey returns the second occurrence of a step's key in a mapping, or nil.
func (n *Node) repeatedKey(step identity.Step) *Node {
	if step.Kind != identity.KeyStep {
		return nil
	}
	seen := false
	for key := range n.Fields {
		if key = key.Resolve(); key == nil || key.Kind != Scalar || key.Value != step.Key {
			continue
		}
		if seen {
			return key
		}
		seen = true
	}
	return nil
}

// contentEnd returns the end of a node. It excludes the line breaks at the end of a block
// scalar.
func (n *Node) contentEnd(text []byte) int {
	end := n.End
	for end > n.Start && (text[end-1] == '\n' || text[end-1] == '\r') {
		end--
	}
	return end
}

// replacement returns the edit that replaces a scalar. It keeps the style if the style
// allows the value.
func replacement(text []byte, at foundValue, value string) Edit {
	n := at.node.Resolve()
	start, end := n.Start, n.contentEnd(text)
	if !n.IsString() && n.Tag != "" && n.Anchor == "" {
		start = n.Outer
	}
	written := restyled(value, n.Style)
	if literal, ok := asLiteral(text, n, value); ok {
		written = literal
	}
	if n.Style == Plain && at.parent.Style == Flow {
		written = quoted(value) // it may be JSON
	}
	if start == end && start > 0 && !isSpace(text[start-1]) {
		written = " " + written
	}
	return Edit{start, end, written}
}

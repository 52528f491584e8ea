package manifest

import (
	"errors"
	"fmt"
	"slices"
	"spaces-identity.dev/internal/identity"
)

// Set asks for a string at a path. Mappings that are missing on the way are
// made; what stands at the path is replaced.
type Set struct {
	Path  Path
	Value string
}

// PlaceError says why a place in a document cannot take what is wanted.
type PlaceError struct {
	Path    Path
	Offset  int // bytes from the start of the document
	Problem string
}

func (e *PlaceError) Error() string { return e.Path.String() + ": " + e.Problem }

// plan turns the sets of one document into edits of its text, in place and
// without a look at what they do: that is verify's.
//
// With care, documents in strings are patched on their own first, by [Patch]
// with all the ways it has.
func plan(text []byte, root *Node, sets []Set, care bool) ([]Edit, error) {
	if root == nil {
		return nil, &PlaceError{sets[0].Path, 0, "the document is empty"}
	}
	var edits []Edit
	added := additions{of: map[*Node]*addition{}}
	for _, group := range groups(sets) {
		if len(group.prefix) > 0 {
			inner, err := planInside(text, root, group, care)
			if err != nil {
				return nil, err
			}
			edits = append(edits, inner...)
			continue
		}
		set := group.sets[0]
		at, rest, err := descend(root, set.Path)
		if err != nil {
			return nil, err
		}
		if len(rest) == 0 {
			edits = append(edits, replacement(text, at, set.Value))
			continue
		}
		added.add(at.node, set.Path[:len(set.Path)-len(rest)], rest, set.Value)
	}
	for _, a := range added.all {
		edit, err := a.edit(text)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit)
	}
	return edits, nil
}

// group are sets that go into the same document in the same string, or one set
// of the document itself.
type group struct {
	prefix Path // to the string
	into   Into
	sets   []Set // with the paths that remain behind it
}

func groups(sets []Set) []group {
	type target struct {
		prefix string
		into   Into
	}
	var found []group
	known := map[target]int{}
	for _, set := range sets {
		at := slices.IndexFunc(set.Path, func(s Step) bool { return s.Kind == identity.IntoStep })
		if at < 0 {
			found = append(found, group{sets: []Set{set}})
			continue
		}
		to := target{set.Path[:at].String(), set.Path[at].Into}
		i, ok := known[to]
		if !ok {
			i = len(found)
			known[to] = i
			found = append(found, group{prefix: set.Path[:at], into: set.Path[at].Into})
		}
		found[i].sets = append(found[i].sets, Set{set.Path[at+1:], set.Value})
	}
	return found
}

// planInside plans the sets of a document in a string and lifts the edits to
// the text around it.
func planInside(text []byte, root *Node, g group, care bool) ([]Edit, error) {
	at, rest, err := descend(root, g.prefix)
	if err != nil {
		return nil, err
	}
	node := at.node.Resolve()
	if len(rest) > 0 {
		return nil, &PlaceError{g.prefix, node.Outer, "there is no string"}
	}
	stream, ok := innerStream(g.into, node.Value)
	if !ok {
		return nil, &PlaceError{g.prefix, node.Outer, "the string is no valid base64"}
	}
	doc, ok := innerDocument(g.into, stream)
	if !ok {
		return nil, &PlaceError{g.prefix, node.Outer, "the string has no such document"}
	}
	edits, err := innerEdits(stream[doc.Start:doc.End], g.sets, care)
	if inner, ok := errors.AsType[*PlaceError](err); ok {
		return nil, &PlaceError{append(g.prefix.Inside(g.into), inner.Path...), node.Outer, inner.Problem}
	}
	if err != nil {
		return nil, err
	}
	for i := range edits {
		edits[i].Start += doc.Start
		edits[i].End += doc.Start
	}
	return outside(text, at, g.into, stream, edits)
}

// innerEdits are those of a document in a string.
func innerEdits(text []byte, sets []Set, care bool) ([]Edit, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if !care {
		return plan(text, root, sets, false)
	}
	patched, err := PatchParsed(text, root, sets)
	if err != nil {
		return nil, err
	}
	return []Edit{difference(text, patched)}, nil
}

// difference is the one edit that makes a text of another.
func difference(text, patched []byte) Edit {
	start := commonPrefix(text, patched)
	end := len(text) - commonSuffix(text[start:], patched[start:])
	return Edit{start, end, string(patched[start : len(patched)-(len(text)-end)])}
}

// outside lifts edits of the stream in a string to the text that holds the
// string, or writes the string anew where its style has no room for them.
func outside(text []byte, at spot, into Into, stream []byte, edits []Edit) ([]Edit, error) {
	node := at.node.Resolve()
	edits, ok := outward(into, node.Value, stream, edits)
	if ok {
		if lifted, ok := lift(text, node, edits); ok {
			return lifted, nil
		}
	}
	value, applied := apply([]byte(node.Value), edits)
	if !ok || !applied {
		return nil, &PlaceError{nil, node.Outer, "its changes overlap"}
	}
	return []Edit{replacement(text, at, string(value))}, nil
}

// spot is a value with the collection that holds it.
type spot struct{ node, parent *Node }

// descend follows a path as far as the document goes. What it returns beside the
// last value is the rest of the path, keys that are to be made.
func descend(root *Node, path Path) (spot, Path, error) {
	at := spot{root, root}
	for i, step := range path {
		n := at.node.Resolve()
		if n.Kind == Mapping {
			if twice := repeated(n, step.Key); twice != nil {
				return at, nil, &PlaceError{path[:i+1], twice.Outer, "two values stand under this key in one mapping; remove one"}
			}
		}
		if next := n.child(step); next != nil {
			at = spot{next, n}
			continue
		}
		if n.Kind != Mapping && !n.IsNull() {
			return at, nil, &PlaceError{path[:i], n.Outer, fmt.Sprintf("holds %s where a mapping is expected", describe(n))}
		}
		return at, path[i:], nil
	}
	if n := at.node.Resolve(); n.Kind != Scalar {
		return at, nil, &PlaceError{path, n.Outer, fmt.Sprintf("holds %s where a string is expected", describe(n))}
	}
	return at, nil, nil
}

func describe(n *Node) string {
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

// repeated is the second key of that name in a mapping, or nil.
func repeated(n *Node, key string) *Node {
	var first *Node
	for k := range n.Fields {
		if k = k.Resolve(); k == nil || k.Kind != Scalar || k.Value != key {
			continue
		}
		if first != nil {
			return k
		}
		first = k
	}
	return nil
}

// contentEnd is the end of a node without the line breaks that end a block scalar.
func contentEnd(text []byte, n *Node) int {
	end := n.End
	for end > n.Start && (text[end-1] == '\n' || text[end-1] == '\r') {
		end--
	}
	return end
}

// replacement writes a scalar anew in its own place and, where it can, style.
func replacement(text []byte, at spot, value string) Edit {
	n := at.node.Resolve()
	start, end := n.Start, contentEnd(text, n)
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

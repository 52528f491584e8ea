package manifest

import (
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Patch carries out sets on the text of one document. What it returns was parsed
// again and is the document plus exactly the sets; bytes that no set concerns
// are the same. An error is a [*SyntaxError] or a [*PlaceError].
func Patch(text []byte, sets []Set) ([]byte, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	return PatchParsed(text, root, sets)
}

// PatchParsed is Patch for a text whose tree is known.
func PatchParsed(text []byte, root *Node, sets []Set) ([]byte, error) {
	if patched, err := attempt(text, root, sets, false); err != nil || patched != nil {
		return patched, err
	}
	var err error
	for i := range sets {
		if text, err = patchOne(text, sets[i:i+1]); err != nil {
			return nil, err
		}
	}
	after, err := Parse(text)
	if err != nil || !differsOnly(root, after, sets) {
		return nil, refusal(root, sets[0])
	}
	return text, nil
}

// attempt edits in place. It returns nothing where that does more or less than
// the sets.
func attempt(text []byte, root *Node, sets []Set, care bool) ([]byte, error) {
	edits, err := plan(text, root, sets, care)
	if err != nil {
		return nil, err
	}
	patched, ok := apply(text, edits)
	if !ok {
		return nil, nil
	}
	after, err := Parse(patched)
	if err != nil || !differsOnly(root, after, sets) {
		return nil, nil
	}
	return patched, nil
}

// patchOne edits in place or, where the place is shared by an anchor or written
// in a form that has no room, writes what encloses it anew first: from the place
// outwards, no more than it takes.
func patchOne(text []byte, set []Set) ([]byte, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	for _, care := range []bool{false, true} {
		if patched, err := attempt(text, root, set, care); err != nil || patched != nil {
			return patched, err
		}
	}
	for _, edits := range rewritings(text, root, set[0].Path) {
		rewritten, ok := apply(text, edits)
		if !ok {
			continue
		}
		same, err := Parse(rewritten)
		if err != nil || !differsOnly(root, same, nil) {
			continue
		}
		if patched, err := attempt(rewritten, same, set, true); err == nil && patched != nil {
			return patched, nil
		}
	}
	return nil, refusal(root, set[0])
}

// rewritings are ways to write the same document so that a path has its place
// for itself.
func rewritings(text []byte, root *Node, path Path) [][]Edit {
	trail := []*Node{root}
	for _, step := range path {
		if step.Kind == identity.IntoStep {
			break
		}
		next := trail[len(trail)-1].child(step)
		if next == nil {
			break
		}
		trail = append(trail, next)
	}
	var ways [][]Edit
	if edit, ok := unmerged(text, trail, path); ok {
		ways = append(ways, []Edit{edit})
	}
	if edits := unshared(root, trail); len(edits) > 0 {
		ways = append(ways, edits)
	}
	for _, n := range slices.Backward(trail) {
		ways = append(ways, []Edit{{n.Outer, contentEnd(text, n), flowText(n)}})
	}
	return ways
}

// unmerged gives a mapping a key of its own for what it has on a path by a merge
// key, which goes behind its own keys.
func unmerged(text []byte, trail []*Node, path Path) (Edit, bool) {
	for i, next := range trail[1:] {
		n, key := trail[i].Resolve(), path[i].Key
		if path[i].Kind != identity.KeyStep || n.own(key) != nil {
			continue
		}
		own := addition{node: n, tree: branch{children: []branch{{key: key, written: flowText(next)}}}}
		edit, err := own.edit(text)
		return edit, err == nil
	}
	return Edit{}, false
}

// unshared writes out the aliases on a trail, and elsewhere those of the anchors
// on it.
func unshared(root *Node, trail []*Node) []Edit {
	for _, n := range trail {
		if n.Kind == Alias {
			return []Edit{{n.Outer, n.End, flowText(n)}}
		}
	}
	anchored := map[*Node]bool{}
	for _, n := range trail {
		anchored[n] = n.Anchor != ""
	}
	var edits []Edit
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Kind == Alias && anchored[n.Target] {
			edits = append(edits, Edit{n.Outer, n.End, flowText(n)})
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(root)
	return edits
}

func refusal(root *Node, set Set) error {
	offset := 0
	if at, _, err := descend(root, firstLevel(set.Path)); err == nil {
		offset = at.node.Outer
	}
	return &PlaceError{set.Path, offset, "it is written in a form that cannot be changed without changing more; write it as a plain block mapping"}
}

// firstLevel is a path up to the string it goes into.
func firstLevel(path Path) Path {
	for i, step := range path {
		if step.Kind == identity.IntoStep {
			return path[:i]
		}
	}
	return path
}

package manifest

import (
	"cmp"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Patch applies sets to the text of one document. It parses the result, and returns it
// only if it is the document plus exactly the sets. It does not change other bytes. An
// error is a [*SyntaxError] or a [*PlaceError].
func Patch(text []byte, sets []Set) ([]byte, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	return PatchParsed(text, root, sets)
}

// PatchParsed does the same as [Patch] for a text that is already parsed.
func PatchParsed(text []byte, root *Node, sets []Set) ([]byte, error) {
	if patched, err := patchInPlace(text, root, sets, false); err != nil || patched != nil {
		return patched, err
	}
	original := text
	var err error
	for i := range sets {
		if text, err = patchOne(text, sets[i:i+1]); err != nil {
			return nil, err
		}
	}
	if parseOnly(original, root, text, sets) == nil {
		return nil, formError(root, sets[0])
	}
	return text, nil
}

// patchInPlace applies sets with edits at their places. It returns nil if these edits
// change more or less than the sets.
func patchInPlace(text []byte, root *Node, sets []Set, alone bool) ([]byte, error) {
	edits, err := plan(text, root, sets, alone)
	if err != nil {
		return nil, err
	}
	patched, ok := apply(text, edits)
	if !ok || parseOnly(text, root, patched, sets) == nil {
		return nil, nil
	}
	return patched, nil
}

// patchOne applies one set at its place. This fails if other values share the
// place by an anchor, or if its style does not allow the edit. Then patchOne first writes
// a value around the place in another form. It tries the smallest change first.
func patchOne(text []byte, set []Set) ([]byte, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	for _, alone := range []bool{false, true} {
		if patched, err := patchInPlace(text, root, set, alone); err != nil || patched != nil {
			return patched, err
		}
	}
	for _, edits := range otherForms(text, root, set[0].Path) {
		rewritten, ok := apply(text, edits)
		if !ok {
			continue
		}
		same := parseOnly(text, root, rewritten, nil)
		if same == nil {
			continue
		}
		if patched, err := patchInPlace(rewritten, same, set, true); err == nil && patched != nil {
			return patched, nil
		}
	}
	return nil, formError(root, set[0])
}

func formError(root *Node, set Set) error {
	path := set.Path
	if i := path.Crossing(); i >= 0 {
		path = path[:i]
	}
	offset := 0
	if at, _, err := descend(root, path); err == nil {
		offset = at.node.Outer
	}
	return &PlaceError{set.Path, offset, "the program cannot change this without changing other values: write it as a plain block mapping"}
}

// otherForms returns edits that write the same document in other forms, in which no other
// value shares the place. The smallest edits come first.
func otherForms(text []byte, root *Node, path identity.Path) [][]Edit {
	trail := []*Node{root}
	for _, step := range path {
		next := trail[len(trail)-1].child(step)
		if next == nil {
			break
		}
		trail = append(trail, next)
	}
	var forms [][]Edit
	if edit, ok := withoutMerge(text, trail, path); ok {
		forms = append(forms, []Edit{edit})
	}
	if edits := withoutAliases(root, trail); len(edits) > 0 {
		forms = append(forms, edits)
	}
	for _, n := range slices.Backward(trail) {
		forms = append(forms, []Edit{{n.Outer, n.contentEnd(text), flowText(n)}})
	}
	return forms
}

// withoutMerge finds the first value on a path that comes from a merge key, and adds it to
// the mapping itself.
func withoutMerge(text []byte, trail []*Node, path identity.Path) (Edit, bool) {
	for i, next := range trail[1:] {
		n, step := trail[i].Resolve(), path[i]
		if step.Kind != identity.KeyStep || n.ownField(step.Key) != nil {
			continue
		}
		own := addition{node: n, keys: []newKey{{name: step.Key, written: flowText(next)}}}
		edit, err := own.edit(text)
		return edit, err == nil
	}
	return Edit{}, false
}

// withoutAliases replaces the first alias on a trail by its value. If there is none, it
// replaces the aliases elsewhere that refer to a value on the trail.
func withoutAliases(root *Node, trail []*Node) []Edit {
	for _, n := range trail {
		if n.Kind == Alias {
			return []Edit{{n.Outer, n.End, flowText(n)}}
		}
	}
	var edits []Edit
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Kind == Alias && slices.Contains(trail, n.Target) {
			edits = append(edits, Edit{n.Outer, n.End, flowText(n)})
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(root)
	return edits
}

// Edit replaces the bytes from Start to End by Text.
type Edit struct {
	Start, End int
	Text       string
}

// apply applies edits, and fails if they overlap. It applies equal edits once, because an
// anchor can make two places the same.
func apply(text []byte, edits []Edit) ([]byte, bool) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(a.Start-b.Start, a.End-b.End) })
	edits = slices.Compact(edits)
	size := len(text)
	for _, e := range edits {
		size += len(e.Text)
	}
	patched := make([]byte, 0, size)
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End < e.Start || e.End > len(text) {
			return nil, false
		}
		patched = append(patched, text[at:e.Start]...)
		patched = append(patched, e.Text...)
		at = e.End
	}
	return append(patched, text[at:]...), true
}

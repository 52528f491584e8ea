package manifest

import (
	"cmp"
	"iter"
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
	patched := text
	for _, part := range apart(root, sets) {
		var err error
		if patched, err = patchPart(patched, part); err != nil {
			return nil, err
		}
	}
	if !isPatched(text, root, patched, sets, &openStrings{}) {
		return nil, formError(root, sets[0])
	}
	return patched, nil
}

// apart separates the sets at places of their own from those at places that an anchor
// or a merge key makes part of other values too.
func apart(root *Node, sets []Set) [][]Set {
	var own, shared []Set
	for _, set := range sets {
		if isShared(trailOf(root, set.Path), set.Path) {
			shared = append(shared, set)
		} else {
			own = append(own, set)
		}
	}
	return slices.DeleteFunc([][]Set{own, shared}, func(part []Set) bool { return len(part) == 0 })
}

func isShared(trail []*Node, path identity.Path) bool {
	for i, n := range trail {
		if n.Kind == Alias || n.Anchor() != "" || i > 0 && path[i-1].Kind == identity.KeyStep && trail[i-1].ownField(path[i-1].Key) == nil {
			return true
		}
	}
	return false
}

// patchInPlace applies sets with edits at their places. It returns nil if these edits
// change more or less than the sets.
func patchInPlace(text []byte, root *Node, sets []Set, alone bool) ([]byte, error) {
	var inner openStrings
	edits, err := plan(text, root, sets, alone, &inner)
	if err != nil {
		return nil, err
	}
	patched, ok := apply(text, edits)
	if !ok || !isPatched(text, root, patched, sets, &inner) {
		return nil, nil
	}
	return patched, nil
}

// patchPart applies sets at their places. This fails if other values share a place by an
// anchor, or if its style does not allow the edit. Then patchPart first writes a value
// around each place in another form. If that fails too, it takes the two halves of the
// sets one after the other.
func patchPart(text []byte, sets []Set) ([]byte, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	for _, alone := range []bool{false, true} {
		if patched, err := patchInPlace(text, root, sets, alone); err != nil || patched != nil {
			return patched, err
		}
	}
	for edits := range otherForms(text, root, sets) {
		rewritten, ok := apply(text, edits)
		if !ok || !isPatched(text, root, rewritten, nil, &openStrings{}) {
			continue
		}
		same, err := Parse(rewritten)
		if err != nil {
			return nil, err
		}
		if patched, err := patchInPlace(rewritten, same, sets, true); err == nil && patched != nil {
			return patched, nil
		}
	}
	half := len(sets) / 2
	if half == 0 {
		return nil, formError(root, sets[0])
	}
	if text, err = patchPart(text, sets[:half]); err != nil {
		return nil, err
	}
	return patchPart(text, sets[half:])
}

func formError(root *Node, set Set) error {
	path := set.Path
	if i := path.Crossing(); i >= 0 {
		path = path[:i]
	}
	trail := trailOf(root, path)
	return &PlaceError{set.Path, trail[len(trail)-1].Outer(), "the program cannot change this without changing other values: write it as a plain block mapping"}
}

// trailOf returns the values on a path, as far as the document has them.
func trailOf(root *Node, path identity.Path) []*Node {
	trail := []*Node{root}
	for _, step := range path {
		next := trail[len(trail)-1].Step(step)
		if next == nil {
			break
		}
		trail = append(trail, next)
	}
	return trail
}

// otherForms yields edits that write the same document in other forms, in which no other
// value shares the places of the sets. The smallest edits come first. For several sets, it
// yields only the edits that remove aliases and merge keys.
func otherForms(text []byte, root *Node, sets []Set) iter.Seq[[]Edit] {
	return func(yield func([]Edit) bool) {
		var unmerged, unaliased []Edit
		aliases := aliasesIn(root)
		trails := make([][]*Node, len(sets))
		for i, set := range sets {
			trails[i] = trailOf(root, set.Path)
			if edit, ok := withoutMerge(text, trails[i], set.Path); ok {
				unmerged = append(unmerged, edit)
			}
			unaliased = append(unaliased, withoutAliases(aliases, trails[i])...)
		}
		for _, edits := range [][]Edit{unmerged, unaliased} {
			if len(edits) > 0 && !yield(edits) {
				return
			}
		}
		if len(sets) > 1 {
			return
		}
		for _, n := range slices.Backward(trails[0]) {
			if !yield([]Edit{{n.Outer(), n.contentEnd(text), flowText(n)}}) {
				return
			}
		}
	}
}

// aliasesIn returns the aliases below a node, by their targets.
func aliasesIn(root *Node) map[*Node][]*Node {
	all := map[*Node][]*Node{}
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Kind == Alias {
			all[n.Target()] = append(all[n.Target()], n)
		}
		for _, child := range n.Content() {
			walk(child)
		}
	}
	walk(root)
	return all
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
		return own.edit(text), !n.lacksBraces(text)
	}
	return Edit{}, false
}

// withoutAliases replaces the first alias on a trail by its value. If there is none, it
// replaces the aliases elsewhere that refer to a value on the trail.
func withoutAliases(aliases map[*Node][]*Node, trail []*Node) []Edit {
	var edits []Edit
	for _, n := range trail {
		if n.Kind == Alias {
			return []Edit{{n.Outer(), n.End(), flowText(n)}}
		}
		for _, alias := range aliases[n] {
			edits = append(edits, Edit{alias.Outer(), alias.End(), flowText(alias)})
		}
	}
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
	if len(edits) > 1 {
		edits = slices.Clone(edits)
		slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(a.Start-b.Start, a.End-b.End) })
		edits = slices.Compact(edits)
	}
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

package manifest

import (
	"bytes"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Same reports whether two values are equal. It ignores quotes, comments, layout and the
// order of keys.
func Same(a, b *Node) bool {
	v := verifier{anyOrder: true}
	return v.same(a, b)
}

// isPatched reports whether a patched text is the original plus exactly the sets, with the
// same comments. It parses the patched text.
func isPatched(text []byte, root *Node, patched []byte, sets []Set, inner *openStrings) (is bool) {
	withTree(patched, func(after *Node, err error) {
		v := verifier{strings: inner}
		is = err == nil && v.plus(root, after, sets) && sameComments(text, root, patched, after)
	})
	return is
}

// verifier compares a patched document with the document that it should be.
type verifier struct {
	anyOrder bool              // ignore the order of keys
	equal    map[[2]*Node]bool // results for pairs that aliases refer to
	strings  *openStrings      // of the document before
}

// plus reports whether b is equal to a with the sets applied. a is nil if there was no
// value before.
func (v *verifier) plus(a, b *Node, sets []Set) bool {
	if len(sets) == 0 {
		return v.same(a, b)
	}
	a, b = a.Resolve(), b.Resolve()
	if b == nil {
		return false
	}
	if slices.ContainsFunc(sets, func(s Set) bool { return len(s.Path) == 0 }) {
		return b.IsString() && b.Value == sets[len(sets)-1].Value
	}
	switch wanted := byFirstStep(sets); sets[0].Path[0].Kind {
	case identity.KeyStep:
		return b.Kind == Mapping && v.fields(a, b, wanted)
	case identity.ItemStep:
		return a != nil && a.Kind == Sequence && b.Kind == Sequence && a.Tag() == b.Tag() && v.items(a, b, wanted)
	default:
		return a != nil && v.streams(a, b, sets[0].Path[0].Into, wanted)
	}
}

// wantedSets is sets by the first step of their paths, without that step.
type wantedSets struct {
	first identity.Step
	sets  []Set                   // below the first step
	other map[identity.Step][]Set // below other steps
}

func byFirstStep(sets []Set) *wantedSets {
	wanted := &wantedSets{first: sets[0].Path[0]}
	for _, set := range sets {
		step, below := set.Path[0], Set{set.Path[1:], set.Value}
		switch {
		case step == wanted.first:
			wanted.sets = append(wanted.sets, below)
		case wanted.other == nil:
			wanted.other = map[identity.Step][]Set{step: {below}}
		default:
			wanted.other[step] = append(wanted.other[step], below)
		}
	}
	return wanted
}

// take returns the sets below a step, and removes them from the wanted ones.
func (w *wantedSets) take(step identity.Step) (sets []Set) {
	switch {
	case w == nil:
	case len(w.sets) > 0 && w.first == step:
		sets, w.sets = w.sets, nil
	case len(w.other) > 0:
		sets = w.other[step]
		delete(w.other, step)
	}
	return sets
}

// isEmpty reports whether all sets were taken.
func (w *wantedSets) isEmpty() bool { return w == nil || len(w.sets) == 0 && len(w.other) == 0 }

// items compares the items of sequences.
func (v *verifier) items(a, b *Node, wanted *wantedSets) bool {
	was, is := a.Content(), b.Content()
	if len(was) != len(is) {
		return false
	}
	for i := range was {
		if !v.plus(was[i], is[i], wanted.take(identity.Step{Kind: identity.ItemStep, Item: i})) {
			return false
		}
	}
	return wanted.isEmpty()
}

// fields compares the fields of mappings. The tags must be equal, and a new mapping must
// have none.
func (v *verifier) fields(a, b *Node, wanted *wantedSets) bool {
	if a == nil || a.IsNull() {
		a = &Node{Kind: Mapping}
	}
	switch {
	case a.Kind != Mapping || a.Tag() != b.Tag():
		return false
	case v.anyOrder || a.mergeValue() != nil || b.mergeValue() != nil:
		return v.merged(a, b, wanted)
	}
	return v.inOrder(a, b, wanted)
}

// inOrder compares mappings key by key. New keys may be anywhere between the old ones. A
// key that appears twice is compared twice.
func (v *verifier) inOrder(a, b *Node, wanted *wantedSets) bool {
	old := a.Content()
	for key, value := range b.Fields {
		below := takeField(wanted, key)
		var was *Node
		switch {
		case len(old) > 0 && v.same(old[0], key):
			was, old = old[1], old[2:]
		case len(below) == 0:
			return false
		}
		if !v.plus(was, value, below) {
			return false
		}
	}
	return len(old) == 0 && wanted.isEmpty()
}

// merged compares mappings in any order, together with the fields of their merge keys.
func (v *verifier) merged(a, b *Node, wanted *wantedSets) bool {
	old := a.effective()
	known := make(map[string]keyValue, len(old))
	for _, f := range old {
		known[f.key.Resolve().Value] = f
	}
	matched := 0
	for _, f := range b.effective() {
		was, found := known[f.key.Resolve().Value]
		below := takeField(wanted, f.key)
		switch {
		case found && v.same(was.key, f.key):
			matched++
		case found || len(below) == 0:
			return false
		}
		if !v.plus(was.value, f.value, below) {
			return false
		}
	}
	return matched == len(old) && wanted.isEmpty()
}

// takeField returns the sets below a key. There are none if the key has no name.
func takeField(wanted *wantedSets, key *Node) []Set {
	if key = key.Resolve(); !key.hasName(key.Value) {
		return nil
	}
	return wanted.take(identity.Step{Key: key.Value})
}

// streams compares strings that contain streams.
func (v *verifier) streams(a, b *Node, into identity.Into, wanted *wantedSets) bool {
	if a.Kind != Scalar || !b.IsString() || len(b.Value) < into.Skip || a.Value[:into.Skip] != b.Value[:into.Skip] {
		return false
	}
	was, ok := v.strings.open(a, into)
	is, ok2 := innerStream(into, b.Value)
	if !ok || !ok2 {
		return false
	}
	now := slices.Collect(Split(is))
	if len(was.documents) != len(now) {
		return false
	}
	for i := range now {
		into.Document = i
		below := wanted.take(identity.Step{Kind: identity.IntoStep, Into: into})
		if !was.sameDocument(i, is[now[i].Start:now[i].End], below) {
			return false
		}
	}
	return wanted.isEmpty()
}

// sameDocument reports whether a text is a document of the stream plus exactly the sets.
func (s *openString) sameDocument(number int, text []byte, sets []Set) bool {
	if len(sets) == 0 {
		return bytes.Equal(s.text(number), text)
	}
	root, err := s.parse(number)
	return err == nil && isPatched(s.text(number), root, text, sets, &openStrings{})
}

// same reports whether two values are equal. It follows aliases.
func (v *verifier) same(a, b *Node) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case a.Kind == Alias || b.Kind == Alias:
		pair := [2]*Node{a.Resolve(), b.Resolve()}
		equal, known := v.equal[pair]
		if !known {
			equal = v.same(pair[0], pair[1])
			if v.equal == nil {
				v.equal = map[[2]*Node]bool{}
			}
			v.equal[pair] = equal
		}
		return equal
	case a.Kind != b.Kind:
		return false
	case a.Kind == Scalar:
		return sameScalar(a, b)
	case a.Kind == Mapping && (v.anyOrder || a.mergeValue() != nil || b.mergeValue() != nil):
		return v.fields(a, b, nil)
	}
	return a.Tag() == b.Tag() && v.items(a, b, nil)
}

// sameScalar reports whether two scalars are equal. Quotes do not matter for strings. Text
// that a decoder may read as another type must be written in the same way.
func sameScalar(a, b *Node) bool {
	if a.Value == b.Value && a.Tag() == b.Tag() && (a.Style == Plain) == (b.Style == Plain) {
		return true
	}
	return a.IsNull() && b.IsNull() || a.Value == b.Value && a.IsString() && b.IsString()
}

// sameComments reports whether two texts have the same comments in the same order.
func sameComments(text []byte, root *Node, patched []byte, after *Node) bool {
	for was, is := nextComment(text, root, 0), nextComment(patched, after, 0); ; {
		if string(text[was.start:was.end]) != string(patched[is.start:is.end]) {
			return false
		}
		if was.start == was.end {
			return true
		}
		was, is = nextComment(text, root, was.end), nextComment(patched, after, is.end)
	}
}

// textRange is a range of bytes.
type textRange struct{ start, end int }

// nextComment returns the first comment at or after an offset, without the blanks at its
// end. It is empty if there is none.
func nextComment(text []byte, root *Node, at int) textRange {
	for ; ; at++ {
		i := bytes.IndexByte(text[at:], '#')
		if i < 0 {
			return textRange{len(text), len(text)}
		}
		if at += i; (at == 0 || isSpace(text[at-1])) && !root.scalarAt(text, at) {
			return textRange{at, len(bytes.TrimRight(text[:lineEnd(text, at)], " \t\r\n"))}
		}
	}
}

// scalarAt reports whether an offset is within the text of a scalar. The first line of a
// block scalar is not: it can end with a comment.
func (n *Node) scalarAt(text []byte, at int) bool {
	if n == nil {
		return false
	}
	if n.Kind == Scalar {
		start := n.Start()
		if n.Style == Literal || n.Style == Folded {
			start = lineEnd(text, start)
		}
		return start <= at && at < n.End()
	}
	content := n.Content()
	after, _ := slices.BinarySearchFunc(content, at+1, func(child *Node, at int) int { return child.Outer() - at })
	return after > 0 && content[after-1].scalarAt(text, at)
}

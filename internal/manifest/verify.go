package manifest

import (
	"bytes"
	"slices"
	"spaces-identity.dev/internal/identity"
)

// verifier compares a patched document with what it should be.
type verifier struct {
	equal map[[2]*Node]bool // pairs met through aliases
}

// differsOnly reports whether the patched tree is the original plus exactly the
// sets.
func differsOnly(original, patched *Node, sets []Set) bool {
	v := verifier{equal: map[[2]*Node]bool{}}
	return v.plus(original, patched, sets)
}

// plus reports whether b is a with the sets carried out. a is nil for what was
// not there.
func (v verifier) plus(a, b *Node, sets []Set) bool {
	if len(sets) == 0 {
		return v.same(a, b)
	}
	a, b = a.Resolve(), b.Resolve()
	if b == nil {
		return false
	}
	switch first := sets[0].Path; {
	case len(first) == 0:
		return b.IsString() && b.Value == sets[len(sets)-1].Value
	case first[0].Kind == identity.IntoStep:
		return a != nil && v.inside(a, b, sets)
	case first[0].Kind == identity.KeyStep:
		return b.Kind == Mapping && (a == nil || a.IsNull() || a.Kind == Mapping) && sameTag(a, b) && v.fields(a, b, sets)
	}
	return a != nil && a.Kind == Sequence && b.Kind == Sequence && a.Tag == b.Tag && v.items(a, b, sets)
}

// sameTag reports whether a mapping kept its tag, or has none where there was
// no mapping before.
func sameTag(a, b *Node) bool {
	if a == nil || a.Kind != Mapping {
		return b.Tag == ""
	}
	return a.Tag == b.Tag
}

func (v verifier) items(a, b *Node, sets []Set) bool {
	if len(a.Content) != len(b.Content) {
		return false
	}
	under := byStep(sets)
	for i := range a.Content {
		if !v.plus(a.Content[i], b.Content[i], under[Step{Kind: identity.ItemStep, Item: i}]) {
			return false
		}
	}
	return true
}

// fields compares mappings.
func (v verifier) fields(a, b *Node, sets []Set) bool {
	if a == nil || a.Kind != Mapping {
		a = &Node{Kind: Mapping}
	}
	if a.mergeValue() == nil && b.mergeValue() == nil {
		return v.inOrder(a, b, sets)
	}
	return v.merged(a, b, sets)
}

// inOrder compares mappings key by key: new ones may stand anywhere between the
// old. A key that stands twice is compared twice.
func (v verifier) inOrder(a, b *Node, sets []Set) bool {
	wanted, sorted := newKeys(sets), byStep(sets)
	old := a.Content
	for key, value := range b.Fields {
		name := key.Resolve()
		under := sorted[Step{Key: name.Value}]
		var was *Node
		switch {
		case len(old) > 0 && v.same(old[0], key):
			was, old = old[1], old[2:]
		case name.Kind != Scalar || len(under) == 0:
			return false
		}
		delete(wanted, name.Value)
		if !v.plus(was, value, under) {
			return false
		}
	}
	return len(old) == 0 && len(wanted) == 0
}

// merged compares mappings with their merge keys carried out.
func (v verifier) merged(a, b *Node, sets []Set) bool {
	old := a.effective()
	known := byKey(old)
	wanted := newKeys(sets)
	sorted := byStep(sets)
	matched := 0
	for _, f := range b.effective() {
		key := f.key.Resolve()
		if key.Kind != Scalar {
			return false
		}
		was, under := known[key.Value], sorted[Step{Key: key.Value}]
		if was.key != nil {
			matched++
		}
		if was.key == nil && len(under) == 0 || was.key != nil && !v.same(was.key, f.key) {
			return false
		}
		delete(wanted, key.Value)
		if !v.plus(was.value, f.value, under) {
			return false
		}
	}
	return len(wanted) == 0 && matched == len(old)
}

func byKey(fields []field) map[string]field {
	known := make(map[string]field, len(fields))
	for _, f := range fields {
		known[f.key.Resolve().Value] = f
	}
	return known
}

func newKeys(sets []Set) map[string]bool {
	keys := map[string]bool{}
	for _, set := range sets {
		keys[set.Path[0].Key] = true
	}
	return keys
}

// byStep sorts sets by the key or item that they go through, with what remains of
// their paths.
func byStep(sets []Set) map[Step][]Set {
	sorted := make(map[Step][]Set, len(sets))
	for _, set := range sets {
		if len(set.Path) > 0 && set.Path[0].Kind != identity.IntoStep {
			sorted[set.Path[0]] = append(sorted[set.Path[0]], Set{set.Path[1:], set.Value})
		}
	}
	return sorted
}

// below are the sets that go into a document of a string, with what remains of
// their paths.
func below(sets []Set, step Step) []Set {
	var found []Set
	for _, set := range sets {
		if len(set.Path) > 0 && set.Path[0] == step {
			found = append(found, Set{set.Path[1:], set.Value})
		}
	}
	return found
}

// inside compares strings that hold streams.
func (v verifier) inside(a, b *Node, sets []Set) bool {
	if a.Kind != Scalar || !b.IsString() {
		return false
	}
	into := sets[0].Path[0].Into
	if len(b.Value) < into.Skip || a.Value[:into.Skip] != b.Value[:into.Skip] {
		return false
	}
	was, ok := innerStream(into, a.Value)
	is, ok2 := innerStream(into, b.Value)
	if !ok || !ok2 {
		return false
	}
	old, now := slices.Collect(Split(was)), slices.Collect(Split(is))
	if len(old) != len(now) {
		return false
	}
	for i := range old {
		step := Step{Kind: identity.IntoStep, Into: Into{Skip: into.Skip, Base64: into.Base64, Document: i}}
		if !v.documents(was[old[i].Start:old[i].End], is[now[i].Start:now[i].End], below(sets, step)) {
			return false
		}
	}
	return true
}

func (v verifier) documents(was, is []byte, sets []Set) bool {
	if len(sets) == 0 {
		return bytes.Equal(was, is)
	}
	a, err := Parse(was)
	if err != nil {
		return false
	}
	b, err := Parse(is)
	return err == nil && v.plus(a, b, sets)
}

// same reports whether two values read the same, aliases followed.
func (v verifier) same(a, b *Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind == Alias || b.Kind == Alias {
		pair := [2]*Node{a.Resolve(), b.Resolve()}
		equal, known := v.equal[pair]
		if !known {
			equal = v.same(pair[0], pair[1])
			v.equal[pair] = equal
		}
		return equal
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Scalar:
		return sameScalar(a, b)
	case Mapping:
		if a.mergeValue() != nil || b.mergeValue() != nil {
			return a.Tag == b.Tag && v.sameFields(a, b)
		}
	}
	if len(a.Content) != len(b.Content) || a.Tag != b.Tag {
		return false
	}
	for i := range a.Content {
		if !v.same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

func (v verifier) sameFields(a, b *Node) bool {
	old, now := a.effective(), b.effective()
	if len(old) != len(now) {
		return false
	}
	known := byKey(old)
	for _, f := range now {
		was := known[f.key.Resolve().Value]
		if was.key == nil || !v.same(was.key, f.key) || !v.same(was.value, f.value) {
			return false
		}
	}
	return true
}

// sameScalar takes two strings for the same however they are quoted, and what a
// decoder may read as something else only if it is written the same.
func sameScalar(a, b *Node) bool {
	if a.Value == b.Value && a.Tag == b.Tag && (a.Style == Plain) == (b.Style == Plain) {
		return true
	}
	if a.IsNull() && b.IsNull() {
		return true
	}
	return a.Value == b.Value && a.IsString() && b.IsString()
}

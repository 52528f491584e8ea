package manifest

import (
	"errors"
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

// planner turns the sets of one document into edits of its text. It does not check the
// result of the edits: isPatched does.
type planner struct {
	text    []byte
	strings *openStrings
	alone   bool // [PatchParsed] patches each document inside a string on its own, and may write it in another form
	edits   []Edit
	added   []*addition
	known   map[*Node]*addition // nil until there are two
}

func plan(text []byte, root *Node, sets []Set, alone bool, inner *openStrings) ([]Edit, error) {
	if root == nil {
		return nil, &PlaceError{sets[0].Path, 0, "the document is empty"}
	}
	p := planner{text: text, alone: alone, strings: inner}
	if err := p.value(foundValue{root, root}, sets); err != nil {
		return nil, err
	}
	for _, a := range p.added {
		p.edits = append(p.edits, a.edit(text))
	}
	return p.edits, nil
}

// foundValue is a value with the collection that contains it.
type foundValue struct{ node, parent *Node }

// value plans sets whose paths begin at a value.
func (p *planner) value(at foundValue, sets []Set) error {
	n := at.node.Resolve()
	steps := branches(sets)
	find := n.finder(len(steps))
	for _, b := range steps {
		if err := p.branch(at, find, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) branch(at foundValue, find func(identity.Step) (value, twice *Node), b *branch) error {
	n := at.node.Resolve()
	switch {
	case b.step == nil && n.Kind != Scalar:
		return &PlaceError{nil, n.Outer(), fmt.Sprintf("contains %s, but must contain a string", n.describe())}
	case b.step == nil:
		for _, set := range b.sets {
			p.edits = append(p.edits, replacement(p.text, at, set.Value))
		}
		return nil
	case b.step.Kind == identity.IntoStep:
		return p.inside(at, b.step.Into, b.sets)
	}
	next, twice := find(*b.step)
	switch {
	case twice != nil:
		return &PlaceError{identity.Path{*b.step}, twice.Outer(), "this key appears twice in one mapping: remove one of them"}
	case next == nil:
		return p.add(n, b.sets)
	}
	return below(identity.Path{*b.step}, p.value(foundValue{next, n}, shortened(b.sets)))
}

// add plans sets whose first key is missing.
func (p *planner) add(n *Node, sets []Set) error {
	if n.Kind != Mapping && !n.IsNull() {
		return &PlaceError{nil, n.Outer(), fmt.Sprintf("contains %s, but must contain a mapping", n.describe())}
	}
	if n.lacksBraces(p.text) {
		return &PlaceError{nil, n.Outer(), "is a mapping without braces inside a list"}
	}
	for _, set := range sets {
		if slices.ContainsFunc(set.Path, func(s identity.Step) bool { return s.Kind != identity.KeyStep }) {
			return &PlaceError{set.Path, n.Outer(), "there is no such item"}
		}
		a := p.additionTo(n)
		a.keys = addKey(a.keys, set.Path, set.Value)
	}
	return nil
}

// additionTo returns the planned addition to a node. Most documents have one.
func (p *planner) additionTo(n *Node) *addition {
	if last := len(p.added) - 1; last >= 0 && p.added[last].node == n {
		return p.added[last]
	}
	if len(p.added) == 1 {
		p.known = map[*Node]*addition{p.added[0].node: p.added[0]}
	}
	a := p.known[n]
	if a == nil {
		a = &addition{node: n}
		p.added = append(p.added, a)
		if p.known != nil {
			p.known[n] = a
		}
	}
	return a
}

// below adds the way to a value to the path of an error about what is below the value.
func below(path identity.Path, err error) error {
	if inner, ok := errors.AsType[*PlaceError](err); ok {
		return &PlaceError{slices.Concat(path, inner.Path), inner.Offset, inner.Problem}
	}
	return err
}

// branch is the sets whose paths begin with the same step.
type branch struct {
	step *identity.Step // nil if the paths are empty
	sets []Set
}

// branches groups sets by the first step of their paths. The documents of one string are
// one branch.
func branches(sets []Set) []*branch {
	if len(sets) == 1 && len(sets[0].Path) > 0 { // most documents need one set, and no map
		return []*branch{{&sets[0].Path[0], sets}}
	}
	var all []*branch
	known := map[identity.Step]*branch{}
	for _, set := range sets {
		if len(set.Path) == 0 {
			all = append(all, &branch{nil, []Set{set}})
			continue
		}
		step := set.Path[0]
		step.Into.Document = 0
		if known[step] == nil {
			known[step] = &branch{step: &step}
			all = append(all, known[step])
		}
		known[step].sets = append(known[step].sets, set)
	}
	return all
}

// shortened returns sets without the first step of their paths.
func shortened(sets []Set) []Set {
	short := make([]Set, len(sets))
	for i, set := range sets {
		short[i] = Set{set.Path[1:], set.Value}
	}
	return short
}

// finder returns a function that finds the value below a step, and the second occurrence
// of a repeated key. To find many values, it uses an index.
func (n *Node) finder(count int) func(identity.Step) (value, twice *Node) {
	const few = 16
	if n.Kind != Mapping || count < few {
		return func(step identity.Step) (value, twice *Node) { return n.Step(step), n.RepeatedKey(step.Key) }
	}
	values, repeated := map[string]*Node{}, map[string]*Node{}
	for _, f := range n.effective() {
		if key := f.key.Resolve(); key.hasName(key.Value) {
			if values[key.Value] != nil && repeated[key.Value] == nil {
				repeated[key.Value] = key
			}
			values[key.Value] = f.value
		}
	}
	return func(step identity.Step) (value, twice *Node) {
		if values[step.Key] == nil || step.Kind != identity.KeyStep {
			return n.Step(step), nil
		}
		return values[step.Key], repeated[step.Key]
	}
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

// RepeatedKey returns the second occurrence of a key in a mapping, or nil.
func (n *Node) RepeatedKey(name string) *Node {
	if n == nil || n.Kind != Mapping {
		return nil
	}
	seen := false
	for key := range n.Fields {
		if key = key.Resolve(); !key.hasName(name) {
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
	end := n.End()
	for end > n.Start() && (text[end-1] == '\n' || text[end-1] == '\r') {
		end--
	}
	return end
}

// replacement returns the edit that replaces a scalar. It keeps the style if the style
// allows the value.
func replacement(text []byte, at foundValue, value string) Edit {
	n := at.node.Resolve()
	start, end := n.Start(), n.contentEnd(text)
	if !n.IsString() && n.Tag() != "" && n.Anchor() == "" {
		start = n.Outer()
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

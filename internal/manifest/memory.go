package manifest

import (
	"slices"
	"sync"
)

// treeMemory provides the nodes of trees and their contents, many at a time. The zero
// value is ready for use.
type treeMemory struct {
	nodes    []Node  // not used yet
	rests    []rest  // not used yet
	contents []*Node // not used yet
	open     []*Node // the contents of collections that the parser is reading
	grown    bool    // it was not enough, so there is more
}

// The memory of a tree that is only compared is used again. It begins with few nodes, because
// most streams have few edits. It grows up to the nodes of a document of about 12 KB. That of
// larger trees is not used again.
const fewNodes, mostNodes = 64, 1024

func newTreeMemory(nodes int) *treeMemory {
	return &treeMemory{nodes: make([]Node, nodes), rests: make([]rest, nodes), contents: make([]*Node, nodes), open: make([]*Node, 0, nodes)}
}

var reusableTrees = sync.Pool{New: func() any { return newTreeMemory(fewNodes) }}

// withTree calls use with the tree of a text, or with the error of [Parse]. The tree is
// only valid during the call.
func withTree(text []byte, use func(root *Node, err error)) {
	reused, _ := reusableTrees.Get().(*treeMemory)
	p := Parser{*reused}
	use(p.Parse(text))
	switch nodes := len(reused.nodes); {
	case !p.memory.grown:
		clear(reused.nodes[:nodes-len(p.memory.nodes)])
		clear(reused.rests[:nodes-len(p.memory.rests)])
		reusableTrees.Put(reused)
	case nodes < mostNodes:
		reusableTrees.Put(newTreeMemory(2 * nodes))
	}
}

// newNode returns an empty node. left is the size of the text that is still to be read.
func (m *treeMemory) newNode(left int) *Node {
	if len(m.nodes) == 0 {
		m.nodes, m.grown = make([]Node, chunkFor(left)), true
	}
	n := &m.nodes[0]
	m.nodes = m.nodes[1:]
	return n
}

// newRest returns an empty rest. One node in four has one.
func (m *treeMemory) newRest(left int) *rest {
	if len(m.rests) == 0 {
		m.rests, m.grown = make([]rest, max(1, chunkFor(left)/4)), true
	}
	r := &m.rests[0]
	m.rests = m.rests[1:]
	return r
}

// chunkFor returns how many nodes to allocate: about one for twelve bytes.
func chunkFor(left int) int { return min(left/12+4, 1024) }

// begin begins the content of a collection. It returns what end needs.
func (m *treeMemory) begin() int { return len(m.open) }

// add adds a node to the content of the innermost collection. It doubles the memory if that
// is full: append grows it by a quarter, and so leaves five times as much behind.
func (m *treeMemory) add(n *Node) {
	if len(m.open) == cap(m.open) {
		m.open = slices.Grow(m.open, len(m.open)+fewNodes)
	}
	m.open = append(m.open, n)
}

// end returns what was added since begin.
func (m *treeMemory) end(begin, left int) []*Node {
	added := m.open[begin:]
	if len(added) == 0 {
		return nil
	}
	if len(m.contents) < len(added) {
		m.contents, m.grown = make([]*Node, max(len(added), chunkFor(left))), true
	}
	content := m.contents[:len(added):len(added)]
	m.contents = m.contents[len(added):]
	copy(content, added)
	m.open = m.open[:begin]
	return content
}

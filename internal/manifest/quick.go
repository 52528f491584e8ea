package manifest

import (
	"strings"
	"unsafe"
)

// quickParser reads the YAML that Helm and people usually write: block mappings and
// sequences, quoted, plain and literal scalars, flow collections, comments. It is ten
// times faster than the library (BenchmarkParse). It gives up on anything else and on
// anything that may be an error. Then the library parses the text. Tests check that both
// build the same trees.
type quickParser struct {
	text   string
	at     int
	column int // of the next content, once nextContent has found it; -1 at the end of the text
	depth  int
	memory *treeMemory
	gaveUp bool
	reach  int // the offset at which it gave up; everything before it is valid YAML
}

// maxQuickKey is below the 1,024 characters that YAML allows a key.
const maxQuickKey = 1000

// quickParse returns the tree of a document, in the given memory. It is not ok if the
// library must parse the document. The values of the tree are parts of the text, not copies,
// so the text must not change afterwards.
func quickParse(memory *treeMemory, text []byte) (root *Node, ok bool) {
	q := quickParser{text: unsafe.String(unsafe.SliceData(text), len(text)), memory: memory}
	root = q.document()
	return root, root != nil && root.Kind != Scalar && q.column < 0 && !q.gaveUp
}

// quickReach returns the offset up to which a text is certainly valid YAML. It returns 0
// if the text is only incomplete.
func quickReach(text []byte) int {
	q := quickParser{text: string(text), memory: &treeMemory{}}
	q.document()
	if isBlank(text[q.reach:]) {
		return 0
	}
	return q.reach
}

// document reads the root of the document, or returns nil.
func (q *quickParser) document() *Node {
	if !isQuickText(q.text) || !q.skipMarker() {
		return nil
	}
	q.nextContent()
	if q.column < 0 {
		return nil
	}
	return q.node(q.column, -1, true)
}

func (q *quickParser) giveUp() {
	if !q.gaveUp {
		q.gaveUp, q.reach = true, q.at
	}
}

// skipMarker skips the "---" of the document, if it has one.
func (q *quickParser) skipMarker() bool {
	for q.at < len(q.text) {
		end := q.lineEnd()
		switch line := strings.Trim(q.text[q.at:end], " \n"); {
		case line == "" || line[0] == '#':
			q.at = end
		case q.text[q.at] == '%':
			return false
		case q.text[q.at] == '-' && (line == "---" || strings.HasPrefix(line, "--- #")):
			q.at = end
			return true
		default:
			return !strings.HasPrefix(line, "---")
		}
	}
	return false
}

// lineEnd returns the offset after the line break of the current line.
func (q *quickParser) lineEnd() int {
	if i := strings.IndexByte(q.text[q.at:], '\n'); i >= 0 {
		return q.at + i + 1
	}
	return len(q.text)
}

func (q *quickParser) skipSpaces() {
	for q.at < len(q.text) && q.text[q.at] == ' ' {
		q.at++
	}
}

// isBlankAt reports whether there is a space, a line break or the end of the text at an
// offset.
func (q *quickParser) isBlankAt(at int) bool {
	return at >= len(q.text) || q.text[at] == ' ' || q.text[at] == '\n'
}

// nextContent skips blank lines and comments from the start of a line to the next content,
// and sets its column.
func (q *quickParser) nextContent() {
	for q.column = -1; q.at < len(q.text); {
		start := q.at
		q.skipSpaces()
		if q.at == len(q.text) {
			return
		}
		switch q.text[q.at] {
		case '\n':
			q.at++
			continue
		case '#':
			q.at = q.lineEnd()
			continue
		case '\t':
			q.giveUp()
			return
		case '-', '.':
			if q.at == start && beginsLikeMarker(q.text[q.at:]) {
				q.giveUp()
				return
			}
		}
		q.column = q.at - start
		return
	}
}

func beginsLikeMarker(line string) bool {
	return strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")
}

// endLine goes to the next content. The rest of the line may only have spaces and a
// comment.
func (q *quickParser) endLine() {
	if q.skipComment(); !q.gaveUp {
		q.nextContent()
	}
}

// skipComment skips spaces, a comment and the line break.
func (q *quickParser) skipComment() {
	before := q.at
	q.skipSpaces()
	switch {
	case q.at == len(q.text):
	case q.text[q.at] == '\n':
		q.at++
	case q.text[q.at] == '#' && (q.at > before || q.at == 0):
		q.at = q.lineEnd()
	default:
		q.giveUp()
	}
}

// node reads the value that begins in the given column. parent is the column of the
// collection around it. block says that a block collection may begin here, which is not
// allowed after "key: " on the same line.
func (q *quickParser) node(column, parent int, block bool) *Node {
	if q.depth++; q.depth > maxDepth {
		q.giveUp()
	}
	n := q.nodeAt(column, parent, block)
	q.depth--
	return n
}

// nodeAt is node without its limit of the depth.
func (q *quickParser) nodeAt(column, parent int, block bool) *Node {
	if q.gaveUp {
		return q.null(q.at)
	}
	switch c := q.text[q.at]; {
	case c == '-' && q.isBlankAt(q.at+1):
		if block {
			return q.sequence(column)
		}
		q.giveUp()
		return q.null(q.at)
	case c == '{' || c == '[':
		n := q.flow(parent)
		q.endLine()
		return n
	case c == '|':
		return q.literal(parent)
	}
	return q.keyOrScalar(column, parent, block)
}

// keyOrScalar reads a mapping if a colon follows the first scalar.
func (q *quickParser) keyOrScalar(column, parent int, block bool) *Node {
	start := q.at
	n := q.scalar(false)
	switch {
	case q.gaveUp:
		return n
	case q.at < len(q.text) && q.text[q.at] == ':':
		if block && q.at-start <= maxQuickKey {
			return q.mapping(n, column)
		}
		q.giveUp()
		return n
	case n.Style == Plain:
		q.continuation(n, parent)
	}
	q.endLine()
	return n
}

// mapping reads a block mapping from the colon after its first key.
func (q *quickParser) mapping(key *Node, column int) *Node {
	n := q.newNode(Mapping, Block, key.Start())
	outer := q.memory.begin()
	for {
		q.at++ // the colon
		if !q.isBlankAt(q.at) {
			q.giveUp()
			return n
		}
		q.memory.add(key)
		q.memory.add(q.value(column))
		if q.gaveUp || q.column != column {
			return q.endBlock(n, outer, column)
		}
		start := q.at
		if key = q.scalar(false); q.gaveUp || q.at-start > maxQuickKey || q.at == len(q.text) || q.text[q.at] != ':' {
			q.giveUp()
			return n
		}
	}
}

// value reads what follows "key:" in a mapping that begins in the given column.
func (q *quickParser) value(column int) *Node {
	behind := q.at
	q.skipSpaces()
	if q.at < len(q.text) && q.text[q.at] != '\n' && (q.text[q.at] != '#' || q.at == behind) {
		return q.node(-1, column, false)
	}
	q.at = behind
	q.endLine()
	if !q.gaveUp && (q.column > column || q.isEntry(column)) {
		return q.node(q.column, column, true)
	}
	return q.null(behind)
}

// isEntry reports whether the next content is a "- " in the given column.
func (q *quickParser) isEntry(column int) bool {
	return q.column == column && q.text[q.at] == '-' && q.isBlankAt(q.at+1)
}

// sequence reads a block sequence from its first "-".
func (q *quickParser) sequence(column int) *Node {
	n := q.newNode(Sequence, Block, q.at)
	outer := q.memory.begin()
	for {
		q.memory.add(q.entry(column))
		if q.gaveUp || !q.isEntry(column) {
			return q.endBlock(n, outer, column)
		}
	}
}

// entry reads a "-" in the given column and what follows it.
func (q *quickParser) entry(column int) *Node {
	q.at++
	behind := q.at
	q.skipSpaces()
	if q.at < len(q.text) && q.text[q.at] != '\n' && q.text[q.at] != '#' {
		return q.node(column+1+q.at-behind, column, true)
	}
	q.at = behind
	q.endLine()
	if !q.gaveUp && q.column > column {
		return q.node(q.column, column, true)
	}
	return q.null(behind)
}

// endBlock ends a block collection. It gives up if the next content is indented more than
// the collection.
func (q *quickParser) endBlock(n *Node, outer, column int) *Node {
	content := q.endContent(n, outer)
	if q.column > column {
		q.giveUp()
	}
	n.end = content[len(content)-1].end
	return n
}

// flow reads a flow collection. Lines after the first must be indented more than parent,
// the column of the collection around it.
func (q *quickParser) flow(parent int) *Node {
	if q.depth++; q.depth > maxDepth {
		q.giveUp()
		return q.null(q.at)
	}
	defer func() { q.depth-- }()
	n, closing := q.newNode(Mapping, Flow, q.at), byte('}')
	outer := q.memory.begin()
	if q.text[q.at] == '[' {
		n.Kind, closing = Sequence, ']'
	}
	q.at++
	for q.skipFlowBlanks(parent) {
		if q.text[q.at] == closing {
			q.at++
			q.endContent(n, outer)
			n.end = uint32(q.at)
			return n
		}
		q.flowEntry(n, parent)
		if !q.skipFlowBlanks(parent) {
			return n
		}
		switch q.text[q.at] {
		case ',':
			q.at++
		case closing:
		default:
			q.giveUp()
		}
	}
	return n
}

// flowEntry reads an item, or a key and its value.
func (q *quickParser) flowEntry(n *Node, parent int) {
	if n.Kind == Sequence {
		q.memory.add(q.flowValue(parent))
		if q.at < len(q.text) && q.text[q.at] == ':' {
			q.giveUp() // a mapping without braces
		}
		return
	}
	start := q.at
	key := q.scalar(true)
	if q.gaveUp || q.at >= len(q.text) || q.text[q.at] != ':' || q.at-start > maxQuickKey {
		q.giveUp()
		return
	}
	q.at++
	if key.Style == Plain && !q.isBlankAt(q.at) || !q.skipFlowBlanks(parent) {
		q.giveUp()
		return
	}
	q.memory.add(key)
	q.memory.add(q.flowValue(parent))
}

func (q *quickParser) flowValue(parent int) *Node {
	switch q.text[q.at] {
	case '{', '[':
		return q.flow(parent)
	case ',', '}', ']':
		q.giveUp() // an empty value
		return q.null(q.at)
	}
	return q.scalar(true)
}

// skipFlowBlanks skips blanks, line breaks and comments, and reports whether
// something follows.
func (q *quickParser) skipFlowBlanks(parent int) bool {
	for !q.gaveUp && q.at < len(q.text) {
		switch q.text[q.at] {
		case ' ':
			q.at++
		case '\t':
			if parent >= 0 {
				q.giveUp()
			}
			q.at++
		case '\n':
			q.at++
			q.checkFlowLine(parent)
		case '#':
			if before := q.text[q.at-1]; before != ' ' && before != '\n' {
				q.giveUp()
			}
			q.at = q.lineEnd() - 1
			if q.text[q.at] != '\n' {
				q.giveUp()
			}
		default:
			return true
		}
	}
	q.giveUp()
	return false
}

// checkFlowLine gives up on a line that is not indented more than parent, and on
// one that looks like a document marker.
func (q *quickParser) checkFlowLine(parent int) {
	start := q.at
	q.skipSpaces()
	if q.at < len(q.text) && q.text[q.at] != '\n' && q.at-start <= parent ||
		q.at == start && beginsLikeMarker(q.text[q.at:]) {
		q.giveUp()
	}
}

// endContent gives a collection what was added to it since the parser began it.
func (q *quickParser) endContent(n *Node, outer int) []*Node {
	left := len(q.text) - q.at
	content := q.memory.end(outer, left)
	if len(content) > 0 {
		n.rest = q.memory.newRest(left)
		n.rest.content = content
	}
	return content
}

func (q *quickParser) null(at int) *Node { return q.newNode(Scalar, Plain, at) }

func (q *quickParser) newNode(kind Kind, style Style, at int) *Node {
	n := q.memory.newNode(len(q.text) - q.at)
	n.Kind, n.Style, n.start, n.end = kind, style, uint32(at), uint32(at)
	return n
}

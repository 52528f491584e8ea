package manifest

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// quick parses the YAML that Helm and people mostly write, several times faster
// than the library does: block mappings and lists, quoted, plain and literal
// scalars, flow collections, comments. Of all else, and of all that may be an
// error, it knows that it does not know: then the library decides. What it does
// parse comes out as the library's tree would; the tests hold the two together.
type quick struct {
	text   string
	at     int
	depth  int
	slab   []Node // nodes made and not used
	gaveUp bool
	reach  int // where it gave up: all before is YAML
}

// quickParse is the tree of a document, or not ok where the library must look.
func quickParse(text []byte) (root *Node, ok bool) {
	if !quickText(text) {
		return nil, false
	}
	q := quick{text: string(text)}
	if !q.begin() {
		return nil, false
	}
	column, more := q.next()
	if !more {
		return nil, false
	}
	root = q.node(column, -1, true)
	if q.gaveUp || root.Kind == Scalar {
		return nil, false // a lone text is rarely a manifest
	}
	if _, more := q.next(); more || q.gaveUp {
		return nil, false
	}
	return root, true
}

// quickReach is how far a text is certainly YAML, or 0 where it is only cut off.
func quickReach(text []byte) int {
	q := quick{text: string(text)}
	if !quickText(text) || !q.begin() {
		return 0
	}
	if column, more := q.next(); more {
		q.node(column, -1, true)
	}
	if blank(text[q.reach:]) {
		return 0
	}
	return q.reach
}

func (q *quick) giveUp() {
	if !q.gaveUp {
		q.gaveUp, q.reach = true, q.at
	}
}

// quickText reports whether a text has only characters whose meaning does not
// depend on the version of YAML.
func quickText(text []byte) bool {
	ascii := true
	for _, b := range text {
		if b < ' ' && b != '\n' && b != '\t' || b == 0x7f {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	return ascii || utf8.Valid(text) && !bytes.Contains(text, bom) && !bytes.Contains(text, []byte("\xc2")) &&
		!bytes.Contains(text, []byte("\u2028")) && !bytes.Contains(text, []byte("\u2029")) && !bytes.Contains(text, []byte("\xef\xbf"))
}

// begin goes behind the "---" of the document, if it has one.
func (q *quick) begin() bool {
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

// lineEnd is the offset behind the line break of the current line.
func (q *quick) lineEnd() int {
	if i := strings.IndexByte(q.text[q.at:], '\n'); i >= 0 {
		return q.at + i + 1
	}
	return len(q.text)
}

// next goes from the start of a line to the next content and tells its column.
func (q *quick) next() (column int, more bool) {
	for q.at < len(q.text) {
		start := q.at
		for q.at < len(q.text) && q.text[q.at] == ' ' {
			q.at++
		}
		if q.at == len(q.text) {
			return 0, false
		}
		switch q.text[q.at] {
		case '\n':
			q.at++
		case '#':
			q.at = q.lineEnd()
		case '\t':
			q.giveUp()
			return 0, false
		case '.', '-':
			if q.at == start && len(q.text)-q.at >= 3 && (q.text[q.at:q.at+3] == "..." || q.text[q.at:q.at+3] == "---") {
				q.giveUp()
				return 0, false
			}
			return q.at - start, true
		default:
			return q.at - start, true
		}
	}
	return 0, false
}

// endLine goes behind a line of which only blanks and a comment are left.
func (q *quick) endLine() {
	at := q.at
	for at < len(q.text) && q.text[at] == ' ' {
		at++
	}
	switch {
	case at == len(q.text):
	case q.text[at] == '\n':
		at++
	case q.text[at] == '#' && (at > q.at || at == 0):
		q.at = at
		at = q.lineEnd()
	default:
		q.giveUp()
	}
	q.at = at
}

// maxQuickDepth is far below the library's own limit.
const maxQuickDepth = 1000

// node parses the value that begins at the given column. parent is the column
// of the collection around it. A block collection may begin here only where
// block says so, not behind "key: ".
func (q *quick) node(column, parent int, block bool) *Node {
	if q.depth++; q.depth > maxQuickDepth {
		q.giveUp()
	}
	defer func() { q.depth-- }()
	if q.gaveUp {
		return q.null()
	}
	switch c := q.text[q.at]; {
	case c == '-' && q.blankAt(q.at+1):
		if !block {
			q.giveUp()
			return q.null()
		}
		return q.sequence(column)
	case c == '{' || c == '[':
		n := q.flow(parent)
		q.endLine()
		return n
	case c == '|':
		return q.literal(parent)
	}
	return q.keyOrScalar(column, parent, block)
}

// keyOrScalar tells a mapping from a scalar: by the colon behind its first key.
func (q *quick) keyOrScalar(column, parent int, block bool) *Node {
	start := q.at
	n := q.scalar(false)
	if q.gaveUp {
		return n
	}
	if q.at < len(q.text) && q.text[q.at] == ':' {
		if !block || q.at-start > maxKey {
			q.giveUp()
			return n
		}
		return q.mapping(n, column)
	}
	if n.Style == Plain {
		q.continuation(n, parent)
	}
	q.endLine()
	return n
}

// maxKey is below the 1,024 characters that YAML allows a key.
const maxKey = 1000

// mapping parses a block mapping whose first key was read.
func (q *quick) mapping(key *Node, column int) *Node {
	n := q.newNode(Mapping, Block, key.Outer)
	for {
		q.at++ // the colon
		if !q.blankAt(q.at) {
			q.giveUp()
			return n
		}
		n.Content = append(n.Content, key, q.value(column))
		if q.gaveUp {
			return n
		}
		at, more := q.nextAt(column)
		if !more || at != column {
			break
		}
		start := q.at
		if key = q.scalar(false); q.gaveUp || q.at-start > maxKey || q.at == len(q.text) || q.text[q.at] != ':' {
			q.giveUp()
			return n
		}
	}
	n.End = n.Content[len(n.Content)-1].End
	return n
}

// value parses what stands behind "key:" of a mapping at a column.
func (q *quick) value(column int) *Node {
	colon := q.at
	for q.at < len(q.text) && q.text[q.at] == ' ' {
		q.at++
	}
	if q.at < len(q.text) && q.text[q.at] != '\n' && !(q.text[q.at] == '#' && q.at > colon) {
		return q.node(-1, column, false)
	}
	q.endLine()
	at, more := q.peek()
	switch {
	case q.gaveUp || !more || at < column:
	case at > column:
		q.next()
		return q.node(at, column, true)
	case q.isEntry(column):
		q.next()
		return q.node(at, column, true)
	}
	n := q.newNode(Scalar, Plain, colon)
	return n
}

// isEntry reports whether the next content is a "- " at the column, which may be
// the value of a key in the same column.
func (q *quick) isEntry(column int) bool {
	save := q.at
	defer func() { q.at = save }()
	at, more := q.next()
	return more && at == column && q.text[q.at] == '-' && q.blankAt(q.at+1)
}

// sequence parses a block sequence at a column.
func (q *quick) sequence(column int) *Node {
	n := q.newNode(Sequence, Block, q.at)
	for {
		dash := q.at
		q.at++
		n.Content = append(n.Content, q.entry(dash, column))
		if q.gaveUp {
			return n
		}
		if at, more := q.peek(); !more || at != column || !q.isEntry(column) {
			break
		}
		q.next()
	}
	n.End = n.Content[len(n.Content)-1].End
	if at, more := q.peek(); more && at > column {
		q.giveUp()
	}
	return n
}

// entry parses what stands behind a "-" in a column.
func (q *quick) entry(dash, column int) *Node {
	for q.at < len(q.text) && q.text[q.at] == ' ' {
		q.at++
	}
	if q.at < len(q.text) && q.text[q.at] != '\n' && q.text[q.at] != '#' {
		return q.node(column+q.at-dash, column, true)
	}
	q.endLine()
	at, more := q.peek()
	if q.gaveUp || !more || at <= column {
		return q.newNode(Scalar, Plain, dash+1)
	}
	q.next()
	return q.node(at, column, true)
}

// nextAt goes to the next content if it stands in the column or further left. A
// column further right is nothing a collection that ends here can have.
func (q *quick) nextAt(column int) (int, bool) {
	at, more := q.peek()
	if more && at > column {
		q.giveUp()
	}
	if more && at == column && !q.gaveUp {
		q.next()
	}
	return at, more && !q.gaveUp
}

// peek is next without going there.
func (q *quick) peek() (column int, more bool) {
	save := q.at
	column, more = q.next()
	q.at = save
	return column, more
}

func (q *quick) blankAt(at int) bool {
	return at >= len(q.text) || q.text[at] == ' ' || q.text[at] == '\n'
}

func (q *quick) null() *Node { return q.newNode(Scalar, Plain, q.at) }

func (q *quick) newNode(kind Kind, style Style, at int) *Node {
	if len(q.slab) == 0 {
		q.slab = make([]Node, min((len(q.text)-q.at)/12+4, 1024)) // about a node for twelve bytes
	}
	n := &q.slab[0]
	q.slab = q.slab[1:]
	n.Kind, n.Style, n.Outer, n.Start, n.End = kind, style, at, at, at
	return n
}

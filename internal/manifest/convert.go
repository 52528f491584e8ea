package manifest

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// converter converts the library's tree to this package's. The library knows where a node
// begins (line and column, in characters), but not where it ends.
type converter struct {
	text  []byte
	lines []int
	seen  map[*yaml.Node]*Node // nodes with an anchor
	err   error
}

// maxDepth limits how deeply values may be nested. Paths to deeper values would cost more
// memory than the document.
const (
	maxDepth = 1000
	tooDeep  = "its values are nested more than 1,000 levels deep"
)

func (c *converter) node(y *yaml.Node, depth int) *Node {
	n := &Node{Value: y.Value, start: uint32(c.offset(y.Line, y.Column))}
	if y.Kind == yaml.AliasNode {
		n.Kind, n.end = Alias, n.start+1+uint32(len(y.Value))
		n.rest = &rest{properties: &properties{outer: n.Start(), target: c.seen[y.Alias]}}
		return n
	}
	if y.Anchor != "" {
		c.seen[y] = n
	}
	c.properties(n, y)
	if depth == maxDepth {
		c.fail(n.Start(), tooDeep)
		return n
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.Kind, n.Style = Scalar, scalarStyle(y.Style)
		n.end = uint32(c.scalarEnd(n))
	case yaml.MappingNode:
		n.Kind = Mapping
		c.collection(n, y, depth, '{', '}')
	case yaml.SequenceNode:
		n.Kind = Sequence
		c.collection(n, y, depth, '[', ']')
	default:
		c.fail(n.Outer(), noEnd)
	}
	return n
}

func (c *converter) collection(n *Node, y *yaml.Node, depth int, opening, closing byte) {
	var content []*Node
	for _, child := range y.Content {
		content = append(content, c.node(child, depth+1))
		if c.err != nil {
			return
		}
	}
	n.end = n.start
	if len(content) > 0 {
		n.rest = &rest{content, n.properties()}
		n.end = content[len(content)-1].end
	}
	if y.Style&yaml.FlowStyle == 0 {
		return
	}
	n.Style = Flow
	bracketed := len(content) == 0 || content[0].Outer() > n.Start() // false for the outer mapping in [{a: b}: c]
	if bracketed && n.Start() < len(c.text) && c.text[n.start] == opening {
		n.end = uint32(c.closing(max(n.End(), n.Start()+1), closing))
	}
}

// closing returns the offset after the bracket that ends a flow collection. Between the
// last child and the bracket there can only be blanks, a comma, comments and the
// indicators of an empty entry.
func (c *converter) closing(at int, bracket byte) int {
	for ; at < len(c.text); at++ {
		switch c.text[at] {
		case bracket:
			return at + 1
		case '#':
			at = lineEnd(c.text, at) - 1
		}
	}
	c.fail(at, noEnd)
	return len(c.text)
}

// properties sets the properties of a node. Its start then is after the anchor and the tag,
// and after the blanks and comments that follow them, which for the library are part of
// the node.
func (c *converter) properties(n *Node, y *yaml.Node) {
	p := properties{anchor: y.Anchor, outer: n.Start()}
	n.start = uint32(c.start(&p, y))
	if p.anchor != "" || p.tag != "" {
		n.rest = &rest{properties: &p}
	}
}

// start returns the offset at which a node starts, and sets its tag.
func (c *converter) start(p *properties, y *yaml.Node) int {
	at, end := p.outer, p.outer
	anchored := p.anchor == "" // true once the anchor was passed: another one belongs to the first key
	for at < len(c.text) {
		switch {
		case c.text[at] == '&' && !anchored:
			end, anchored = at+1+len(p.anchor), true
		case c.text[at] == '!' && p.tag == "" && (y.Style&yaml.TaggedStyle != 0 || isLoneTag(y, at == p.outer)):
			end = at + tagLength(c.text[at:])
			p.tag = string(c.text[at:end])
		case y.Kind == yaml.ScalarNode && scalarStyle(y.Style) == Plain && y.Value == "":
			return end // an empty value ends after its anchor and tag
		default:
			return at
		}
		at = skipBlanks(c.text, end)
	}
	return end
}

// isLoneTag reports whether a tag is the "!" of a scalar, which the library does not
// report. first says that nothing of the node is before it.
func isLoneTag(y *yaml.Node, first bool) bool {
	return y.Kind == yaml.ScalarNode && (first || y.Value != "")
}

// skipBlanks returns the offset after blanks, line breaks and comments.
func skipBlanks(text []byte, at int) int {
	for at < len(text) && (isSpace(text[at]) || text[at] == '#') {
		if text[at] == '#' {
			at = lineEnd(text, at)
		} else {
			at++
		}
	}
	return at
}

// tagLength returns the length of a tag. A tag ends at a blank, or at a flow indicator
// that is not inside "!<…>".
func tagLength(text []byte) int {
	if bytes.HasPrefix(text, []byte("!<")) {
		if i := bytes.IndexByte(text, '>'); i >= 0 {
			return i + 1
		}
	}
	if i := bytes.IndexAny(text, " \t\r\n,[]{}"); i >= 0 {
		return i
	}
	return len(text)
}

func scalarStyle(s yaml.Style) Style {
	switch {
	case s&yaml.DoubleQuotedStyle != 0:
		return DoubleQuoted
	case s&yaml.SingleQuotedStyle != 0:
		return SingleQuoted
	case s&yaml.LiteralStyle != 0:
		return Literal
	case s&yaml.FoldedStyle != 0:
		return Folded
	}
	return Plain
}

func (c *converter) fail(at int, problem string) {
	if c.err == nil {
		c.err = &SyntaxError{Offset: at, Problem: problem}
	}
}

const noEnd = "the end of this value cannot be determined"

// offset returns the offset for a line and column of the library.
func (c *converter) offset(line, column int) int {
	if line < 1 || line > len(c.lines) {
		return len(c.text)
	}
	at := c.lines[line-1]
	for ; column > 1 && at < len(c.text); column-- {
		if c.text[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRune(c.text[at:])
		at += size
	}
	return at
}

// libraryLines returns the offsets at which the library begins a new line.
func libraryLines(text []byte) []int {
	starts := append(make([]int, 0, 1+bytes.Count(text, []byte{'\n'})), firstByte(text))
	for at := firstByte(text); at < len(text); {
		n := breakLength(text[at:])
		if n == 0 {
			at++
			continue
		}
		at += n
		starts = append(starts, at)
	}
	return starts
}

// scalarEnd returns the offset after a scalar. Its value must be known.
func (c *converter) scalarEnd(n *Node) int {
	end := -1
	switch n.Style {
	case DoubleQuoted:
		end = quotedEnd(c.text, n.Start(), '"')
	case SingleQuoted:
		end = quotedEnd(c.text, n.Start(), '\'')
	case Plain:
		end = plainEnd(c.text, n.Start(), n.Value)
	case Literal, Folded:
		end = blockScalarEnd(c.text, n.Start(), n.Value)
	}
	if end < 0 {
		c.fail(n.Start(), noEnd)
		return n.Start()
	}
	return end
}

func quotedEnd(text []byte, at int, quote byte) int {
	if at >= len(text) || text[at] != quote {
		return -1
	}
	for at++; at < len(text); at++ {
		switch b := text[at]; {
		case b == '\\' && quote == '"':
			at++
		case b != quote:
		case quote == '"' || at+1 == len(text) || text[at+1] != quote:
			return at + 1
		default:
			at++ // two quotes mean one
		}
	}
	return -1
}

// plainEnd compares an unquoted text with its value, and returns the offset after the
// text. White space in the text, line breaks included, corresponds to white space in the
// value.
func plainEnd(text []byte, at int, value string) int {
	for i := 0; i < len(value); {
		if at >= len(text) {
			return -1
		}
		if text[at] == value[i] && !isSpace(value[i]) {
			at++
			i++
			continue
		}
		spaces, _ := spaceRun(text[at:])
		folded, _ := spaceRun([]byte(value[i:]))
		if spaces == 0 || folded == 0 {
			return -1
		}
		at += spaces
		i += folded
	}
	return at
}

// blockScalarEnd returns the offset after the last line of a literal or folded scalar.
// Blank lines at its end belong to it.
func blockScalarEnd(text []byte, at int, value string) int {
	at = lineEnd(text, at) // the header
	indent := blockIndent(text[at:], value)
	for at < len(text) {
		end := lineEnd(text, at)
		if line := text[at:end]; !isBlank(line) && (indent < 0 || indentOf(line) < indent || indent == 0 && isMarker(line)) {
			break
		}
		at = end
	}
	return at
}

// blockIndent returns the indentation of a block scalar in spaces, or -1 if it has only
// blank lines.
func blockIndent(lines []byte, value string) int {
	first := "" // line of the value that is not blank
	for line := range strings.Lines(value) {
		if first = line; strings.TrimSpace(line) != "" {
			break
		}
	}
	for at := 0; strings.TrimSpace(first) != "" && at < len(lines); at = lineEnd(lines, at) {
		if line := lines[at:lineEnd(lines, at)]; !isBlank(line) {
			return indentOf(line) - indentOf(first)
		}
	}
	return -1
}

package manifest

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// converter makes our tree of the library's, which knows where a node begins
// (line and column, counted in characters) and not where it ends.
type converter struct {
	text  []byte
	lines []int
	seen  map[*yaml.Node]*Node // anchored nodes
	err   error
}

func (c *converter) node(y *yaml.Node) *Node {
	n := &Node{Value: y.Value, Anchor: y.Anchor, Outer: c.offset(y.Line, y.Column)}
	n.Start = n.Outer
	if y.Kind == yaml.AliasNode {
		n.Kind, n.Target, n.End = Alias, c.seen[y.Alias], n.Start+1+len(y.Value)
		return n
	}
	if y.Anchor != "" {
		c.seen[y] = n
	}
	n.Start = c.start(n, y)
	switch y.Kind {
	case yaml.ScalarNode:
		n.Kind, n.Style = Scalar, scalarStyle(y.Style)
		n.End = c.scalarEnd(n)
	case yaml.MappingNode:
		n.Kind = Mapping
		c.collection(n, y, '{', '}')
	case yaml.SequenceNode:
		n.Kind = Sequence
		c.collection(n, y, '[', ']')
	default:
		c.fail(n.Outer)
	}
	return n
}

func (c *converter) collection(n *Node, y *yaml.Node, opening, closing byte) {
	for _, child := range y.Content {
		n.Content = append(n.Content, c.node(child))
	}
	n.End = n.Start
	if len(n.Content) > 0 {
		n.End = n.Content[len(n.Content)-1].End
	}
	bracketed := len(n.Content) == 0 || n.Content[0].Outer > n.Start // not so the mapping in [{a: b}: c]
	if bracketed && n.Start < len(c.text) && c.text[n.Start] == opening && y.Style&yaml.FlowStyle != 0 {
		n.Style = Flow
		n.End = c.closing(max(n.End, n.Start+1), closing)
	} else if y.Style&yaml.FlowStyle != 0 {
		n.Style = Flow // the bracketless mapping in [a: b]
	}
}

// closing is the offset behind the bracket that ends a flow collection. Between
// its last child and the bracket stand at most blanks, a comma, comments and
// the indicators of an empty entry.
func (c *converter) closing(at int, bracket byte) int {
	for ; at < len(c.text); at++ {
		switch c.text[at] {
		case bracket:
			return at + 1
		case '#':
			at = lineEnd(c.text, at) - 1
		}
	}
	c.fail(at)
	return len(c.text)
}

// start is the offset behind the anchor and the tag of a node, which the library
// counts to the node, and behind the blanks and comments that follow them. It
// sets the node's tag.
func (c *converter) start(n *Node, y *yaml.Node) int {
	at, end := n.Outer, n.Outer
	anchored := n.Anchor == "" // or its anchor was passed: the next is the first key's
	for at < len(c.text) {
		switch {
		case c.text[at] == '&' && !anchored:
			end, anchored = at+1+len(n.Anchor), true
		case c.text[at] == '!' && n.Tag == "" && (y.Style&yaml.TaggedStyle != 0 || forgotten(n, y, at)):
			end = at + tokenLength(c.text[at:])
			n.Tag = string(c.text[at:end])
		case y.Kind == yaml.ScalarNode && scalarStyle(y.Style) == Plain && y.Value == "":
			return end // an empty value ends with its properties
		default:
			return at
		}
		at = skipBlanks(c.text, end)
	}
	return end
}

// forgotten reports whether a tag at an offset is a scalar's lone "!", of which
// the library does not tell.
func forgotten(n *Node, y *yaml.Node, at int) bool {
	return y.Kind == yaml.ScalarNode && (at == n.Outer || y.Value != "")
}

// skipBlanks is the offset of what follows blanks, line breaks and comments.
func skipBlanks(text []byte, at int) int {
	for at < len(text) {
		switch b := text[at]; {
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			at++
		case b == '#':
			at = lineEnd(text, at)
		default:
			return at
		}
	}
	return at
}

// tokenLength is the length of a tag: all up to a blank, or, outside "!<…>", a
// flow indicator.
func tokenLength(text []byte) int {
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

func (c *converter) fail(at int) {
	if c.err == nil {
		c.err = &SyntaxError{Offset: at, Problem: fmt.Sprintf("the value at byte %d cannot be told from what stands around it", at)}
	}
}

// offset is where a line and column of the library are, in bytes.
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

// lineStarts are the offsets at which the library begins a new line: behind LF,
// CRLF, CR and, as in YAML 1.1, NEL, LS and PS.
func lineStarts(text []byte) []int {
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

// breakLength is the length of the line break a text begins with, or 0.
func breakLength(text []byte) int {
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case 0xc2:
		if len(text) > 1 && text[1] == 0x85 {
			return 2
		}
	case 0xe2:
		if len(text) > 2 && text[1] == 0x80 && text[2]&^1 == 0xa8 {
			return 3
		}
	}
	return 0
}

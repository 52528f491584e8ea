package manifest

import (
	"bytes"
	"slices"
	"strings"
)

// addition is what is to be added to one value that exists: a mapping, or a null
// that is to become one.
type addition struct {
	node *Node
	path Path
	tree branch
}

// branch is a new key with its value, or with the keys below it.
type branch struct {
	key      string
	value    string
	written  string // the value as it is to be written, in place of value
	children []branch
}

// additions are those of one document, in the order of the sets.
type additions struct {
	all []*addition
	of  map[*Node]*addition
}

// add notes a value that is missing below a node, together with those already
// noted for the same node.
func (a *additions) add(node *Node, path, rest Path, value string) {
	noted := a.of[node.Resolve()]
	if noted == nil {
		noted = &addition{node: node, path: path}
		a.all = append(a.all, noted)
		a.of[node.Resolve()] = noted
	}
	grow(&noted.tree, rest, value)
}

func grow(b *branch, rest Path, value string) {
	if len(rest) == 0 {
		b.value = value
		return
	}
	i := slices.IndexFunc(b.children, func(c branch) bool { return c.key == rest[0].Key })
	if i < 0 {
		i = len(b.children)
		b.children = append(b.children, branch{key: rest[0].Key})
	}
	grow(&b.children[i], rest[1:], value)
}

func (a *addition) edit(text []byte) (Edit, error) {
	n := a.node.Resolve()
	switch {
	case n.IsNull():
		return a.intoNull(text, n)
	case n.Style == Flow:
		return a.intoFlow(text, n)
	}
	return a.intoBlock(text, n)
}

// intoFlow adds the keys behind the opening brace, laid out like the first entry.
func (a *addition) intoFlow(text []byte, n *Node) (Edit, error) {
	if n.Start >= len(text) || text[n.Start] != '{' {
		return Edit{}, &PlaceError{a.path, n.Outer, "is a mapping without braces inside a list"}
	}
	layout := flowLayoutOf(text, n)
	written := layout.entries(a.tree.children)
	if len(n.Content) == 0 {
		return Edit{n.Start + 1, n.Start + 1, written}, nil
	}
	first := n.Content[0].Outer
	gap := string(text[n.Start+1 : first])
	if strings.TrimLeft(gap, " \t\r\n") != "" {
		gap = " " // a comment, or the indicator of a complex key
		first = n.Start + 1
	}
	if !strings.ContainsAny(gap, "\r\n") {
		gap = layout.comma[1:]
	}
	return Edit{first, first, written + "," + gap}, nil
}

// flowLayout is how a flow mapping spaces its punctuation.
type flowLayout struct{ colon, comma string }

func flowLayoutOf(text []byte, n *Node) flowLayout {
	layout := flowLayout{": ", ", "}
	if len(n.Content) == 0 {
		if n.Start > 0 && text[n.Start-1] == ':' {
			layout = flowLayout{":", ","} // compact JSON around it
		}
		return layout
	}
	if key := n.Content[0]; key.Style == DoubleQuoted && key.End+1 < len(text) && text[key.End] == ':' && !isSpace(text[key.End+1]) {
		layout = flowLayout{":", ","}
	}
	return layout
}

func (l flowLayout) entries(branches []branch) string {
	written := make([]string, len(branches))
	for i, b := range branches {
		value := quoted(b.value)
		switch {
		case len(b.children) > 0:
			value = "{" + l.entries(b.children) + "}"
		case b.written != "":
			value = b.written
		}
		written[i] = quoted(b.key) + l.colon + value
	}
	return strings.Join(written, l.comma)
}

// intoBlock adds the keys at the head of a block mapping, on the lines behind
// the one that holds its parent's key: there they disturb neither the comments
// of the first key nor the end of the last value.
func (a *addition) intoBlock(text []byte, n *Node) (Edit, error) {
	first := n.Content[0].Outer
	start := lineStart(text, first)
	indent := string(text[start:first])
	if before := strings.TrimRight(indent, " "); strings.HasSuffix(before, "?") {
		indent = before[:len(before)-1]
		first = start + len(indent)
	}
	lines := blockLines(a.tree.children, indentStep(text, n), "")
	if strings.Trim(indent, " ") != "" { // behind "- ", or "--- "
		pad := strings.Repeat(" ", len(indent))
		return Edit{first, first, joinLines(lines, pad, newline(text)) + newline(text) + pad}, nil
	}
	if head := headOf(text, start); head >= 0 {
		return Edit{head, head, newline(text) + indent + joinLines(lines, indent, newline(text))}, nil
	}
	return Edit{first, first, joinLines(lines, indent, newline(text)) + newline(text) + indent}, nil
}

// headOf is the end of the line above the first key and the comments before it,
// or -1 where there is no such line.
func headOf(text []byte, start int) int {
	for start > firstByte(text) {
		end := start
		start = lineAbove(text, end)
		line := bytes.TrimRight(text[start:end], "\r\n")
		trimmed := bytes.TrimLeft(line, " \t")
		if len(trimmed) > 0 && trimmed[0] != '#' {
			if isMarker(line) || trimmed[0] == '%' {
				return -1
			}
			return start + len(line)
		}
	}
	return -1
}

// intoNull makes a mapping of a value that is not there.
func (a *addition) intoNull(text []byte, n *Node) (Edit, error) {
	start := lineStart(text, n.Outer)
	line := text[start:n.Outer]
	key := bytes.TrimLeft(line, " ")
	if n.Tag != "" && n.Anchor == "" { // !!null is no longer true
		return Edit{n.Outer, n.End, "{" + flowLayout{": ", ", "}.entries(a.tree.children) + "}"}, nil
	}
	if n.Start != n.End || !endsLine(text, n.End) || len(key) == 0 || bytes.ContainsAny(key[:1], "-?{[") {
		layout, space := flowLayout{": ", ", "}, ""
		switch {
		case n.Start == 0 || isSpace(text[n.Start-1]):
		case n.Start < n.End && text[n.Start-1] == ':': // compact JSON
			layout = flowLayout{":", ","}
		default:
			space = " "
		}
		return Edit{n.Start, n.End, space + "{" + layout.entries(a.tree.children) + "}"}, nil
	}
	step := stepAt(text, start)
	indent := strings.Repeat(" ", len(line)-len(key)) + step
	at := len(bytes.TrimRight(text[:lineEnd(text, n.End)], "\r\n"))
	return Edit{at, at, newline(text) + indent + joinLines(blockLines(a.tree.children, step, ""), indent, newline(text))}, nil
}

// endsLine reports whether nothing but blanks and a comment follows on the line.
func endsLine(text []byte, at int) bool {
	rest := bytes.TrimSpace(text[at:lineEnd(text, at)])
	return len(rest) == 0 || rest[0] == '#'
}

func blockLines(branches []branch, step, indent string) []string {
	var lines []string
	for _, b := range branches {
		key := indent + scalarText(b.key) + ":"
		if len(b.children) == 0 {
			value := b.written
			if value == "" {
				value = scalarText(b.value)
			}
			lines = append(lines, key+" "+value)
			continue
		}
		lines = append(lines, key)
		lines = append(lines, blockLines(b.children, step, indent+step)...)
	}
	return lines
}

func joinLines(lines []string, indent, newline string) string {
	return strings.Join(lines, newline+indent)
}

// indentStep is how much further the mapping's children are indented than it:
// as its own entries do it where one shows, else as its parent does.
func indentStep(text []byte, n *Node) string {
	column := n.Content[0].Outer - lineStart(text, n.Content[0].Outer)
	for _, value := range n.Content {
		if value.Kind == Mapping && value.Style == Block && value.Outer == value.Start {
			if step := value.Content[0].Outer - lineStart(text, value.Content[0].Outer) - column; step > 0 && step <= 8 {
				return strings.Repeat(" ", step)
			}
		}
	}
	return stepAt(text, lineStart(text, n.Content[0].Outer))
}

// stepAt is how much further the line at start is indented than the nearest line
// above it that is indented less, or two spaces.
func stepAt(text []byte, start int) string {
	own := indentOf(text[start:lineEnd(text, start)])
	for at := start; at > firstByte(text) && own > 0; {
		at = lineAbove(text, at)
		line := text[at:lineEnd(text, at)]
		if trimmed := bytes.TrimSpace(line); len(trimmed) == 0 || trimmed[0] == '#' {
			continue
		}
		if above := indentOf(line); above < own {
			return strings.Repeat(" ", min(own-above, 8))
		}
	}
	return "  "
}

func indentOf(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

// lineStart is the offset of the first byte of the line that holds the given
// offset.
func lineStart(text []byte, at int) int {
	return max(bytes.LastIndexAny(text[:at], "\r\n")+1, firstByte(text))
}

// lineAbove is where the line above the one that begins at the given offset
// begins.
func lineAbove(text []byte, at int) int {
	at--
	if at > 0 && text[at] == '\n' && text[at-1] == '\r' {
		at--
	}
	return lineStart(text, at)
}

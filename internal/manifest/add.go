package manifest

import (
	"bytes"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// addition contains the keys to add to an existing value: a mapping, or a null that
// becomes a mapping.
type addition struct {
	node *Node
	keys []newKey
}

// newKey is a key to add, with its value or with the keys below it.
type newKey struct {
	name    string
	written string // the value as YAML; if empty, value is written in the style of the place
	value   string
	below   []newKey
}

// addKey adds a value at a path of keys to the keys that are already planned.
func addKey(keys []newKey, path identity.Path, value string) []newKey {
	i := slices.IndexFunc(keys, func(k newKey) bool { return k.name == path[0].Key })
	if i < 0 {
		i = len(keys)
		keys = append(keys, newKey{name: path[0].Key})
	}
	if len(path) == 1 {
		keys[i].value = value
	} else {
		keys[i].below = addKey(keys[i].below, path[1:], value)
	}
	return keys
}

func (a *addition) edit(text []byte) Edit {
	n := a.node.Resolve()
	switch {
	case n.IsNull():
		return a.intoNull(text, n)
	case n.Style != Flow:
		return a.intoBlock(text, n)
	}
	return a.intoFlow(text, n)
}

// lacksBraces reports whether a node is a mapping of one pair in a list: [a: b].
func (n *Node) lacksBraces(text []byte) bool {
	return n.Kind == Mapping && n.Style == Flow && (n.Start() >= len(text) || text[n.Start()] != '{')
}

// intoFlow adds the keys after the opening brace, with the layout of the first entry.
func (a *addition) intoFlow(text []byte, n *Node) Edit {
	layout := flowLayoutOf(text, n)
	written := layout.entries(a.keys)
	if len(n.Content()) == 0 {
		return Edit{n.Start() + 1, n.Start() + 1, written}
	}
	first := n.Content()[0].Outer()
	gap := string(text[n.Start()+1 : first])
	if strings.TrimLeft(gap, " \t\r\n") != "" {
		gap = " " // a comment, or the indicator of a complex key
		first = n.Start() + 1
	}
	if !strings.ContainsAny(gap, "\r\n") {
		gap = layout.comma[1:]
	}
	return Edit{first, first, written + "," + gap}
}

// flowLayout says how a flow mapping spaces its punctuation.
type flowLayout struct{ colon, comma string }

var (
	spacedLayout  = flowLayout{": ", ", "}
	compactLayout = flowLayout{":", ","} // of compact JSON
)

func flowLayoutOf(text []byte, n *Node) flowLayout {
	if len(n.Content()) == 0 {
		if n.Start() > 0 && text[n.Start()-1] == ':' {
			return compactLayout
		}
		return spacedLayout
	}
	if key := n.Content()[0]; key.Style == DoubleQuoted && key.End()+1 < len(text) && text[key.End()] == ':' && !isSpace(text[key.End()+1]) {
		return compactLayout
	}
	return spacedLayout
}

func (l flowLayout) entries(keys []newKey) string {
	written := make([]string, len(keys))
	for i, k := range keys {
		value := k.written
		switch {
		case len(k.below) > 0:
			value = "{" + l.entries(k.below) + "}"
		case value == "":
			value = quoted(k.value)
		}
		written[i] = quoted(k.name) + l.colon + value
	}
	return strings.Join(written, l.comma)
}

// intoBlock adds the keys at the start of a block mapping, on lines directly after the
// line of its parent's key. There they change neither the comments of the first key nor
// the end of the last value. If the mapping begins after "- ", the first key stays on its
// line, and the keys follow its value.
func (a *addition) intoBlock(text []byte, n *Node) Edit {
	first := n.Content()[0].Outer()
	start := lineStart(text, first)
	indent := string(text[start:first])
	if before := strings.TrimRight(indent, " "); strings.HasSuffix(before, "?") {
		indent = before[:len(before)-1]
		first = start + len(indent)
	}
	pad := strings.Repeat(" ", len(indent))
	lines := blockLines(a.keys, indentStep(text, n))
	if indent != pad {
		return linesAfter(text, n.Content()[1], pad, lines)
	}
	head := headLine(text, start)
	at := first
	if head >= 0 {
		at = head
	}
	separator := lineBreak(text, at) + pad
	written := strings.Join(lines, separator)
	if head >= 0 {
		return Edit{head, head, separator + written}
	}
	return Edit{first, first, written + separator}
}

// linesAfter adds lines after the last line of a value and the comment there. All line
// breaks at the end of a block scalar belong to the value.
func linesAfter(text []byte, value *Node, pad string, lines []string) Edit {
	at := value.End()
	if at > 0 && isLineBreak(text[at-1]) {
		separator := lineBreak(text, at-1)
		return Edit{at, at, pad + strings.Join(lines, separator+pad) + separator}
	}
	at = len(bytes.TrimRight(text[:lineEnd(text, at)], "\r\n"))
	separator := lineBreak(text, at) + pad
	return Edit{at, at, separator + strings.Join(lines, separator)}
}

// headLine returns the end of the line above the first key and its comments, or -1 if
// there is no such line.
func headLine(text []byte, start int) int {
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

// intoNull replaces a null by a mapping.
func (a *addition) intoNull(text []byte, n *Node) Edit {
	if edit, ok := a.asBlock(text, n); ok {
		return edit
	}
	switch {
	case n.Tag() != "" && n.Anchor() == "": // the tag !!null would be wrong for a mapping
		return Edit{n.Outer(), n.End(), "{" + spacedLayout.entries(a.keys) + "}"}
	case n.Start() == 0 || isSpace(text[n.Start()-1]):
		return Edit{n.Start(), n.End(), "{" + spacedLayout.entries(a.keys) + "}"}
	case n.Start() < n.End() && text[n.Start()-1] == ':':
		return Edit{n.Start(), n.End(), "{" + compactLayout.entries(a.keys) + "}"}
	}
	return Edit{n.Start(), n.End(), " {" + spacedLayout.entries(a.keys) + "}"}
}

// asBlock replaces the empty value after "key:" by a block mapping on the lines below it.
func (a *addition) asBlock(text []byte, n *Node) (Edit, bool) {
	if n.Start() < n.End() || n.Tag() != "" && n.Anchor() == "" || !endsLine(text, n.End()) {
		return Edit{}, false
	}
	start := lineStart(text, n.Outer())
	line := text[start:n.Outer()]
	indent := indentOf(line)
	if indent == len(line) || strings.ContainsRune("-?{[", rune(line[indent])) {
		return Edit{}, false
	}
	step := stepAt(text, start)
	separator := lineBreak(text, n.End()) + strings.Repeat(" ", indent) + step
	at := len(bytes.TrimRight(text[:lineEnd(text, n.End())], "\r\n"))
	return Edit{at, at, separator + strings.Join(blockLines(a.keys, step), separator)}, true
}

// endsLine reports whether the rest of the line is blank or a comment.
func endsLine(text []byte, at int) bool {
	rest := bytes.TrimLeft(text[at:], " \t")
	return len(rest) == 0 || rest[0] == '#' || isLineBreak(rest[0])
}

// blockLines writes keys as lines of a block mapping. step is the indentation of keys
// below another key.
func blockLines(keys []newKey, step string) []string {
	var lines []string
	for _, k := range keys {
		line := scalarText(k.name) + ":"
		switch {
		case len(k.below) > 0:
		case k.written != "":
			line += " " + k.written
		default:
			line += " " + scalarText(k.value)
		}
		lines = append(lines, line)
		for _, below := range blockLines(k.below, step) {
			lines = append(lines, step+below)
		}
	}
	return lines
}

// indentStep returns the indentation of the values of a mapping, relative to its keys. It
// takes it from an entry of the mapping or, if none shows it, from the parent.
func indentStep(text []byte, n *Node) string {
	column := n.Content()[0].Outer() - lineStart(text, n.Content()[0].Outer())
	for _, value := range n.Content() {
		if value.Kind == Mapping && value.Style == Block && value.Outer() == value.Start() {
			if step := value.Content()[0].Outer() - lineStart(text, value.Content()[0].Outer()) - column; step > 0 && step <= 8 {
				return strings.Repeat(" ", step)
			}
		}
	}
	return stepAt(text, lineStart(text, n.Content()[0].Outer()))
}

// stepAt returns the indentation of the line at start, relative to the nearest line above
// that is indented less. It returns two spaces if there is none in the hundred lines above.
func stepAt(text []byte, start int) string {
	own := indentOf(text[start:])
	for at, most := start, 100; at > firstByte(text) && own > 0 && most > 0; most-- {
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

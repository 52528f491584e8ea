package manifest

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scalar reads a quoted scalar, or the first line of a plain one. It skips spaces before
// the colon of a key.
func (q *quickParser) scalar(flow bool) *Node {
	n := q.newNode(Scalar, Plain, q.at)
	switch q.text[q.at] {
	case '"':
		n.Style, n.Value = DoubleQuoted, q.doubleQuoted()
	case '\'':
		n.Style, n.Value = SingleQuoted, q.singleQuoted()
	default:
		q.plain(n, flow)
		return n
	}
	n.end = uint32(q.at)
	if q.skipSpaces(); q.at == len(q.text) || q.text[q.at] != ':' {
		q.at = n.End()
	}
	return n
}

func (q *quickParser) singleQuoted() string {
	start := q.at + 1
	for q.at = start; ; q.at++ {
		i := strings.IndexAny(q.text[q.at:], "'\n")
		if i < 0 || q.text[q.at+i] == '\n' {
			return q.openQuotes(start)
		}
		q.at += i + 1
		if q.at == len(q.text) || q.text[q.at] != '\'' {
			return strings.ReplaceAll(q.text[start:q.at-1], "''", "'")
		}
	}
}

// openQuotes gives up on a quoted scalar that does not end on its line.
func (q *quickParser) openQuotes(start int) string {
	q.at = start - 1
	q.giveUp()
	return ""
}

func (q *quickParser) doubleQuoted() string {
	start := q.at + 1
	q.at = start
	if i := strings.IndexAny(q.text[start:], "\"\\\n"); i >= 0 && q.text[start+i] == '"' {
		q.at = start + i + 1
		return q.text[start : start+i]
	}
	var b strings.Builder
	for q.at < len(q.text) && q.text[q.at] != '\n' {
		c := q.text[q.at]
		q.at++
		switch {
		case c == '"':
			return b.String()
		case c != '\\':
			b.WriteByte(c)
		case !q.escape(&b):
			q.giveUp()
			return ""
		}
	}
	return q.openQuotes(start)
}

// escape decodes what follows a backslash, if JSON and YAML share the escape.
func (q *quickParser) escape(b *strings.Builder) bool {
	const escapes, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if q.at == len(q.text) {
		return false
	}
	if i := strings.IndexByte(escapes, q.text[q.at]); i >= 0 {
		b.WriteByte(meanings[i])
		q.at++
		return true
	}
	r, ok := q.unicodeEscape()
	if utf16.IsSurrogate(r) && strings.HasPrefix(q.text[q.at:], `\`) { // JSON writes two escapes for a character above U+FFFF
		q.at++
		low, _ := q.unicodeEscape()
		r = utf16.DecodeRune(r, low)
	}
	b.WriteRune(r)
	return ok && !utf16.IsSurrogate(r) && r != utf8.RuneError
}

// unicodeEscape decodes a u and four digits.
func (q *quickParser) unicodeEscape() (rune, bool) {
	if !strings.HasPrefix(q.text[q.at:], "u") || q.at+5 > len(q.text) {
		return 0, false
	}
	r, err := strconv.ParseUint(q.text[q.at+1:q.at+5], 16, 32)
	q.at += 5
	return rune(r), err == nil
}

// plain reads unquoted text up to the end of the line, a comment or the colon of a key.
func (q *quickParser) plain(n *Node, flow bool) {
	start, end := q.at, q.at
	if !q.beginsPlain(flow) {
		q.giveUp()
		return
	}
scan:
	for q.at < len(q.text) {
		c := q.text[q.at]
		if kind := kinds[c]; kind != markByte && (kind != flowByte || !flow) {
			q.at++
			end = q.at
			continue
		}
		switch {
		case c == ' ':
			q.at++
			continue
		case c == '\n', c == '#' && q.at > end, c == ':' && q.endsKey(flow), kinds[c] == flowByte:
			break scan
		case c == '\t':
			q.giveUp()
			return
		}
		q.at++
		end = q.at
	}
	if q.at < len(q.text) && q.text[q.at] != ':' {
		q.at = end
	}
	n.Value, n.end = q.text[start:end], uint32(end)
}

// endsKey reports whether the colon here ends a key.
func (q *quickParser) endsKey(flow bool) bool {
	if q.isBlankAt(q.at + 1) {
		return true
	}
	if c := q.text[q.at+1]; c == '\t' || flow && kinds[c] == flowByte {
		q.giveUp()
	}
	return q.gaveUp
}

// beginsPlain reports whether all versions of YAML agree that a plain scalar may
// begin here.
func (q *quickParser) beginsPlain(flow bool) bool {
	c := q.text[q.at]
	switch {
	case isLetter(c) || isDigit(c) || strings.IndexByte("/._~+$(<=^;", c) >= 0:
		return true
	case c == '-' && q.at+1 < len(q.text):
		next := q.text[q.at+1]
		return isLetter(next) || isDigit(next) || next == '-'
	}
	return c >= utf8.RuneSelf && !flow
}

// continuation reads the other lines of a plain scalar, which are indented more than the
// collection around it.
func (q *quickParser) continuation(n *Node, parent int) {
	var b strings.Builder
	for {
		breaks := q.foldedBreaks(parent)
		if breaks == 0 || q.gaveUp {
			break
		}
		if b.Len() == 0 {
			b.WriteString(n.Value)
		}
		text := strings.TrimRight(q.text[q.at:q.lineEnd()], " \n")
		if strings.Contains(text, "\t") || strings.Contains(text, ": ") || strings.Contains(text, " #") || strings.HasSuffix(text, ":") {
			q.giveUp()
		}
		if breaks == 1 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.Repeat("\n", breaks-1))
		b.WriteString(text)
		q.at += len(text)
		n.end = uint32(q.at)
	}
	if b.Len() > 0 {
		n.Value = b.String()
	}
}

// foldedBreaks goes to the next line of a plain scalar, and returns the number of line
// breaks before it. It returns 0 if the scalar has ended.
func (q *quickParser) foldedBreaks(parent int) (breaks int) {
	before := q.at
	for {
		start := q.at
		q.skipSpaces()
		switch {
		case q.at == len(q.text), q.text[q.at] != '\n' && (breaks == 0 || q.at-start <= parent || q.text[q.at] == '#'):
			q.at = before
			return 0
		case q.text[q.at] != '\n':
			if q.text[q.at] == '\t' || parent < 0 {
				q.giveUp()
			}
			return breaks
		}
		q.at++
		breaks++
	}
}

// literal reads a literal block scalar.
func (q *quickParser) literal(parent int) *Node {
	n := q.newNode(Scalar, Literal, q.at)
	chomp, indent, ok := q.blockHeader(parent)
	if ok && indent < 0 {
		indent, ok = q.firstIndent(parent)
	}
	if !ok {
		q.giveUp()
		return n
	}
	var b strings.Builder
	b.Grow(q.literalSize(indent))
	pending := 0 // line breaks that are part of the value only if more text follows
	for q.at < len(q.text) {
		end := q.lineEnd()
		line := strings.TrimSuffix(q.text[q.at:end], "\n")
		if !belongsToBlock(line, indent) {
			break
		}
		if len(line) > indent {
			b.WriteString(strings.Repeat("\n", pending))
			b.WriteString(line[indent:])
			pending = 0
		}
		pending++
		q.at = end
	}
	if b.Len() == 0 || q.text[q.at-1] != '\n' {
		q.giveUp() // it is empty, or has no line break at its end
		return n
	}
	switch chomp {
	case '+':
		b.WriteString(strings.Repeat("\n", pending))
	case 0:
		b.WriteByte('\n')
	}
	n.Value, n.end = b.String(), uint32(q.at)
	q.nextContent()
	return n
}

// literalSize returns the size of the lines of a literal scalar in the text.
func (q *quickParser) literalSize(indent int) int {
	size := 0
	for line := range strings.Lines(q.text[q.at:]) {
		if !belongsToBlock(strings.TrimSuffix(line, "\n"), indent) {
			break
		}
		size += len(line)
	}
	return size
}

// belongsToBlock reports whether a line belongs to a block scalar with an indentation.
func belongsToBlock(line string, indent int) bool {
	spaces := indentOf(line)
	return spaces >= indent || spaces == len(line)
}

// firstIndent returns the indentation of the first line of a block scalar. It is not ok if
// an empty line before it has spaces, because too many of them are an error.
func (q *quickParser) firstIndent(parent int) (indent int, ok bool) {
	text := strings.TrimLeft(q.text[q.at:], "\n")
	line := strings.TrimLeft(text, " ")
	if line == "" || line[0] == '\n' || line[0] == '\t' {
		return 0, false
	}
	indent = len(text) - len(line)
	return indent, indent > parent
}

// blockHeader reads the "|" line. The indentation is -1 if the header has none.
func (q *quickParser) blockHeader(parent int) (chomp byte, indent int, ok bool) {
	indent = -1
	for q.at++; q.at < len(q.text); q.at++ {
		switch c := q.text[q.at]; {
		case (c == '+' || c == '-') && chomp == 0:
			chomp = c
		case '1' <= c && c <= '9' && indent < 0 && parent >= 0:
			indent = parent + int(c-'0')
		case c == '\n' || c == ' ':
			q.skipComment()
			return chomp, indent, !q.gaveUp
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

package manifest

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scalar parses a quoted scalar, or a plain one to the end of its text on this
// line. It stops at the colon of a key, blanks before it skipped.
func (q *quick) scalar(flow bool) *Node {
	start := q.at
	n := q.newNode(Scalar, Plain, start)
	switch q.text[start] {
	case '"':
		n.Style = DoubleQuoted
		n.Value = q.doubleQuoted()
	case '\'':
		n.Style = SingleQuoted
		n.Value = q.singleQuoted()
	default:
		q.plain(n, flow)
		return n
	}
	n.End = q.at
	q.toColon()
	return n
}

// toColon skips blanks that stand before a colon, and no others.
func (q *quick) toColon() {
	at := q.at
	for at < len(q.text) && q.text[at] == ' ' {
		at++
	}
	if at < len(q.text) && q.text[at] == ':' {
		q.at = at
	}
}

func (q *quick) singleQuoted() string {
	q.at++
	start, escaped := q.at, false
	for ; q.at < len(q.text) && q.text[q.at] != '\n'; q.at++ {
		if q.text[q.at] != '\'' {
			continue
		}
		if q.at+1 < len(q.text) && q.text[q.at+1] == '\'' {
			q.at++
			escaped = true
			continue
		}
		value := q.text[start:q.at]
		q.at++
		if escaped {
			value = strings.ReplaceAll(value, "''", "'")
		}
		return value
	}
	return q.severalLines(start)
}

// severalLines gives up on a quoted scalar that does not end on its line.
func (q *quick) severalLines(start int) string {
	q.at = start - 1
	q.giveUp()
	return ""
}

func (q *quick) doubleQuoted() string {
	q.at++
	start := q.at
	i := strings.IndexAny(q.text[start:], "\"\\\n")
	if i >= 0 && q.text[start+i] == '"' {
		q.at = start + i + 1
		return q.text[start : start+i]
	}
	var b strings.Builder
	for q.at < len(q.text) {
		switch c := q.text[q.at]; c {
		case '"':
			q.at++
			return b.String()
		case '\n':
			return q.severalLines(start)
		case '\\':
			if !q.escape(&b) {
				q.giveUp()
				return ""
			}
		default:
			b.WriteByte(c)
			q.at++
		}
	}
	return q.severalLines(start)
}

// escape decodes one escape of a double-quoted scalar: those that JSON and YAML
// share. A pair of surrogates is JSON's way to write one character.
func (q *quick) escape(b *strings.Builder) bool {
	if q.at+1 >= len(q.text) {
		return false
	}
	const escapes, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	c := q.text[q.at+1]
	if i := strings.IndexByte(escapes, c); i >= 0 {
		b.WriteByte(meanings[i])
		q.at += 2
		return true
	}
	if c != 'u' {
		return false
	}
	r, ok := q.hex(q.at + 2)
	if !ok {
		return false
	}
	q.at += 6
	if utf16.IsSurrogate(r) {
		if !strings.HasPrefix(q.text[q.at:], `\u`) {
			return false
		}
		low, ok := q.hex(q.at + 2)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return false
		}
		q.at += 6
	}
	b.WriteRune(r)
	return true
}

func (q *quick) hex(at int) (rune, bool) {
	if at+4 > len(q.text) {
		return 0, false
	}
	r, err := strconv.ParseUint(q.text[at:at+4], 16, 32)
	return rune(r), err == nil
}

// plain parses unquoted text up to the end of the line, a comment, or the colon
// of a key.
func (q *quick) plain(n *Node, flow bool) {
	start := q.at
	if !q.beginsPlain(flow) {
		q.giveUp()
		return
	}
	end := start
scan:
	for q.at < len(q.text) {
		switch c := q.text[q.at]; {
		case c == '\n':
			break scan
		case c == '\t':
			q.giveUp()
			return
		case c == ' ':
			q.at++
			continue
		case c == '#' && q.at > end:
			q.at = end
			break scan
		case c == ':' && q.endsKey(flow):
			break scan
		case flow && strings.IndexByte(",[]{}", c) >= 0:
			break scan
		}
		q.at++
		end = q.at
	}
	if q.at < len(q.text) && q.text[q.at] != ':' {
		q.at = end
	}
	n.Value, n.End = q.text[start:end], end
}

// endsKey reports whether the colon here ends a key.
func (q *quick) endsKey(flow bool) bool {
	if q.blankAt(q.at + 1) {
		return true
	}
	switch c := q.text[q.at+1]; {
	case c == '\t':
		q.giveUp()
	case flow && strings.IndexByte(",[]{}", c) >= 0:
		q.giveUp()
	}
	return q.gaveUp
}

// beginsPlain reports whether a plain scalar may begin here, in a way that all
// versions of YAML agree on.
func (q *quick) beginsPlain(flow bool) bool {
	c := q.text[q.at]
	switch {
	case isLetter(c) || '0' <= c && c <= '9' || strings.IndexByte("/._~+$(<=^;", c) >= 0:
		return true
	case c == '-':
		return q.at+1 < len(q.text) && (isLetter(q.text[q.at+1]) || q.text[q.at+1] == '-' || '0' <= q.text[q.at+1] && q.text[q.at+1] <= '9')
	}
	return c >= utf8.RuneSelf && !flow
}

// continuation reads the further lines of a plain scalar: those indented more
// than the collection around it.
func (q *quick) continuation(n *Node, parent int) {
	var b strings.Builder
	for {
		breaks, more := q.folds(parent)
		if !more || q.gaveUp {
			break
		}
		if b.Len() == 0 {
			b.WriteString(n.Value)
		}
		if breaks == 1 {
			b.WriteByte(' ')
		} else {
			b.WriteString(strings.Repeat("\n", breaks-1))
		}
		line := q.plainLine()
		b.WriteString(line)
		n.End = q.at
	}
	if b.Len() > 0 {
		n.Value = b.String()
	}
}

// folds goes to the further line of a plain scalar, if there is one, and tells
// how many line breaks lie between.
func (q *quick) folds(parent int) (breaks int, more bool) {
	save := q.at
	for q.at < len(q.text) && q.blankLine() {
		q.at = q.lineEnd()
		breaks++
	}
	start := q.at
	for q.at < len(q.text) && q.text[q.at] == ' ' {
		q.at++
	}
	if q.at >= len(q.text) || breaks == 0 || q.at-start <= parent || q.text[q.at] == '#' {
		q.at = save
		return 0, false
	}
	if q.text[q.at] == '\t' || parent < 0 {
		q.giveUp()
	}
	return breaks, true
}

// plainLine reads a further line of a plain scalar, which may begin with any
// character.
func (q *quick) plainLine() string {
	line := q.text[q.at:q.lineEnd()]
	text := strings.TrimRight(line, " \n")
	if strings.Contains(line, "\t") || strings.Contains(line, ": ") || strings.Contains(line, " #") || strings.HasSuffix(text, ":") {
		q.giveUp()
	}
	q.at += len(text)
	return text
}

// blankLine reports whether nothing but blanks is left of the line.
func (q *quick) blankLine() bool {
	at := q.at
	for at < len(q.text) && q.text[at] == ' ' {
		at++
	}
	return at < len(q.text) && q.text[at] == '\n'
}

// literal parses a literal block scalar.
func (q *quick) literal(parent int) *Node {
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
	pending := 0 // line breaks that count only if more text follows
	for q.at < len(q.text) {
		end := q.lineEnd()
		line := strings.TrimSuffix(q.text[q.at:end], "\n")
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if spaces < indent && spaces < len(line) {
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
		q.giveUp() // empty, or cut off
		return n
	}
	switch chomp {
	case '+':
		b.WriteString(strings.Repeat("\n", pending))
	case 0:
		b.WriteByte('\n')
	}
	n.Value, n.End = b.String(), q.at
	return n
}

// firstIndent is the indentation of the first line of a block scalar. Blanks on
// an empty line before it may be more than that, which is an error.
func (q *quick) firstIndent(parent int) (indent int, ok bool) {
	at := q.at
	for at < len(q.text) && q.text[at] == '\n' {
		at++
	}
	start := at
	for at < len(q.text) && q.text[at] == ' ' {
		at++
	}
	if at == len(q.text) || q.text[at] == '\n' || q.text[at] == '\t' {
		return 0, false
	}
	return at - start, at-start > parent
}

// blockHeader reads the "|" line. The indentation is -1 where the first line is
// to tell it.
func (q *quick) blockHeader(parent int) (chomp byte, indent int, ok bool) {
	indent = -1
	for q.at++; q.at < len(q.text); q.at++ {
		switch c := q.text[q.at]; {
		case (c == '+' || c == '-') && chomp == 0:
			chomp = c
		case '1' <= c && c <= '9' && indent < 0 && parent >= 0:
			indent = parent + int(c-'0')
		case c == '\n' || c == ' ':
			q.endLine()
			return chomp, indent, !q.gaveUp
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

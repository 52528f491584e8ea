package manifest

import (
	"fmt"
	"strings"
	"unicode"
)

// scalarText writes a string so that every YAML decoder, of version 1.1 or 1.2, reads the
// same string. It is plain if that is safe, and otherwise in double quotes.
func scalarText(s string) string {
	if isPlainSafe(s) {
		return s
	}
	return quoted(s)
}

// restyled writes a string in the style of the scalar that it replaces.
func restyled(s string, style Style) string {
	switch {
	case style == SingleQuoted && isPrintable(s):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case style == DoubleQuoted || style == SingleQuoted:
		return quoted(s)
	}
	return scalarText(s)
}

// asLiteral writes a text of several lines as a literal scalar in the place of a folded
// one, so that the lines stay. The end of the text is still decided by the chomping
// indicator of the folded scalar and the empty lines after it.
func asLiteral(text []byte, n *Node, value string) (string, bool) {
	lines := strings.Split(strings.TrimRight(value, "\n"), "\n")
	if n.Style != Folded || len(lines) < 2 || lines[0] == "" || lines[0][0] == ' ' || !isPrintable(strings.Join(lines, "")) {
		return "", false
	}
	header := string(text[n.Start()+1 : lineEnd(text, n.Start())])
	chomp := header[:len(header)-len(strings.TrimLeft(header, "+-"))]
	indent := strings.Repeat(" ", n.blockIndent(text))
	for i, line := range lines {
		if line != "" {
			lines[i] = indent + line
		}
	}
	separator := lineBreak(text, n.Start())
	return "|" + chomp + separator + strings.Join(lines, separator), true
}

// quoted writes a string in double quotes. JSON and YAML read it in the same way.
func quoted(s string) string { return `"` + escaped(s) + `"` }

// escaped returns what quoted writes between the quotes.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !isShown(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isShown reports whether every kind of scalar may contain a character without an escape.
// The line breaks of YAML 1.1, the byte order mark and characters that are not printable
// need one. Characters above U+FFFF have no escape that JSON and YAML share, so they never
// get one.
func isShown(r rune) bool {
	switch r {
	case 0x85, 0x2028, 0x2029, 0xfeff:
		return false
	}
	return r > 0xffff || r >= ' ' && r != 0x7f && !unicode.Is(unicode.Cc, r) && r != 0xfffe && r != 0xffff
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !isShown(r) })
}

// isPlainSafe reports whether a string may be written without quotes. Such a string
// begins with a letter, and consists of letters, digits and a few marks. It is not a word
// that a decoder may read as another type.
func isPlainSafe(s string) bool {
	const ofNumbers = "+-_.:xobacdefintzXOBACDEFINTZ" // a text of these and digits alone may look like a number to a person
	likeNumber := true
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && strings.IndexByte(ofNumbers, c) < 0 {
			likeNumber = false
			if !isLetter(c) && c != '/' && c != '@' {
				return false
			}
		}
	}
	return !likeNumber && isLetter(s[0]) && s[len(s)-1] != ':' && !isSpecialWord(s)
}

// flowText writes a node on one line, in the flow style that JSON and YAML share. It
// replaces merge keys and aliases by their values, and keeps the anchors of the node.
func flowText(n *Node) string {
	var b strings.Builder
	writeFlow(&b, n, true)
	return b.String()
}

func writeFlow(b *strings.Builder, n *Node, anchors bool) {
	if n.Kind == Alias {
		n, anchors = n.Resolve(), false
	}
	if n.Anchor() != "" && anchors {
		b.WriteString("&" + n.Anchor() + " ")
	}
	if n.Tag() != "" {
		b.WriteString(n.Tag() + " ")
	}
	separator := ""
	switch n.Kind {
	case Mapping:
		b.WriteByte('{')
		for _, f := range n.effective() {
			b.WriteString(separator)
			writeFlow(b, f.key, anchors)
			b.WriteString(": ")
			writeFlow(b, f.value, anchors)
			separator = ", "
		}
		b.WriteByte('}')
	case Sequence:
		b.WriteByte('[')
		for _, item := range n.Content() {
			b.WriteString(separator)
			writeFlow(b, item, anchors)
			separator = ", "
		}
		b.WriteByte(']')
	default:
		b.WriteString(flowScalar(n))
	}
}

// flowScalar writes a scalar. If it is not a string, it stays as it is written.
func flowScalar(n *Node) string {
	switch {
	case n.IsNull():
		return "null"
	case n.Style == Plain && (n.Tag() == "" || n.Tag() == "!") && !n.IsString() && !strings.ContainsAny(n.Value, ",[]{}#\n\"' ") && !strings.HasSuffix(n.Value, ":"):
		return n.Value
	}
	return quoted(n.Value)
}

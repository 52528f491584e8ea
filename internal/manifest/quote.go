package manifest

import (
	"fmt"
	"strings"
	"unicode"
)

// scalarText writes a string so that every YAML decoder, of version 1.1 or 1.2,
// reads the same string back: plain where that is beyond doubt, else in double
// quotes.
func scalarText(s string) string {
	if plainSafe(s) {
		return s
	}
	return quoted(s)
}

// restyled writes a string in the style of the scalar it replaces.
func restyled(s string, style Style) string {
	switch {
	case style == SingleQuoted && printable(s):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case style == DoubleQuoted || style == SingleQuoted:
		return quoted(s)
	}
	return scalarText(s)
}

// asLiteral writes a text of several lines as a literal scalar where a folded one
// stood, whose lines it keeps. How the text ends stays with the folded scalar's
// header and the empty lines behind it.
func asLiteral(text []byte, n *Node, value string) (string, bool) {
	lines := strings.Split(strings.TrimRight(value, "\n"), "\n")
	if n.Style != Folded || len(lines) < 2 || lines[0] == "" || lines[0][0] == ' ' || !printable(strings.Join(lines, "")) {
		return "", false
	}
	header := string(text[n.Start+1 : lineEnd(text, n.Start)])
	chomp := header[:len(header)-len(strings.TrimLeft(header, "+-"))]
	indent := strings.Repeat(" ", blockIndent(text, n))
	for i, line := range lines {
		if line != "" {
			lines[i] = indent + line
		}
	}
	return "|" + chomp + newline(text) + strings.Join(lines, newline(text)), true
}

// quoted is a string in double quotes that is JSON and YAML alike.
func quoted(s string) string { return `"` + escaped(s) + `"` }

// escaped is the inside of quoted.
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
		case !shown(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// shown reports whether a character may stand in any scalar as itself: a line
// break of YAML 1.1 or a byte order mark may not, nor what is not printable.
// Characters beyond the first plane have no escape that JSON and YAML share;
// they are all left as they are.
func shown(r rune) bool {
	switch r {
	case 0x85, 0x2028, 0x2029, 0xfeff:
		return false
	}
	return r > 0xffff || r >= ' ' && r != 0x7f && !unicode.Is(unicode.Cc, r) && r != 0xfffe && r != 0xffff
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !shown(r) })
}

// plainSafe reports whether a string may be written without quotes: letters,
// digits and a few marks, beginning with a letter, and no word that a decoder
// might take for something else.
func plainSafe(s string) bool {
	if !plainIsString(s) || !isLetter(s[0]) || s[len(s)-1] == ':' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !isLetter(byte(r)) && !('0' <= r && r <= '9') && !strings.ContainsRune("._-/:@+", r)
	})
}

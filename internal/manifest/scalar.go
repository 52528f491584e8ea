package manifest

import (
	"bytes"
	"strings"
)

// scalarEnd is the offset behind a scalar whose text is known.
func (c *converter) scalarEnd(n *Node) int {
	end := -1
	switch n.Style {
	case DoubleQuoted:
		end = doubleQuotedEnd(c.text, n.Start)
	case SingleQuoted:
		end = singleQuotedEnd(c.text, n.Start)
	case Plain:
		end = plainEnd(c.text, n.Start, n.Value)
	case Literal, Folded:
		end = blockScalarEnd(c.text, n.Start, n.Value)
	}
	if end < 0 {
		c.fail(n.Start)
		return n.Start
	}
	return end
}

func doubleQuotedEnd(text []byte, at int) int {
	if at >= len(text) || text[at] != '"' {
		return -1
	}
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return -1
}

func singleQuotedEnd(text []byte, at int) int {
	if at >= len(text) || text[at] != '\'' {
		return -1
	}
	for at++; at < len(text); at++ {
		if text[at] != '\'' {
			continue
		}
		if at+1 >= len(text) || text[at+1] != '\'' {
			return at + 1
		}
		at++
	}
	return -1
}

// plainEnd walks an unquoted text and its value side by side. White space in the
// text, line breaks included, stands for white space in the value.
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
		spaces, folded := spaceRun(text[at:]), spaceRun([]byte(value[i:]))
		if spaces == 0 || folded == 0 {
			return -1
		}
		at += spaces
		i += folded
	}
	return at
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// spaceRun is how many bytes of white space and line breaks a text begins with.
func spaceRun(text []byte) int {
	at := 0
	for at < len(text) {
		if n := breakLength(text[at:]); n > 0 {
			at += n
			continue
		}
		if !isSpace(text[at]) {
			break
		}
		at++
	}
	return at
}

// blockScalarEnd is the offset behind the last line of a literal or folded
// scalar, its trailing blank lines included.
func blockScalarEnd(text []byte, at int, value string) int {
	at = lineEnd(text, at) // the header
	if strings.Trim(value, " \t\r\n") == "" {
		for at < len(text) && isBlank(text[at:lineEnd(text, at)]) {
			at = lineEnd(text, at)
		}
		return at
	}
	indent := -1
	for at < len(text) {
		end := lineEnd(text, at)
		line := text[at:end]
		switch spaces := len(line) - len(bytes.TrimLeft(line, " ")); {
		case isBlank(line):
		case indent < 0:
			indent = spaces - leadingSpaces(value)
		case spaces < indent, indent == 0 && isMarker(line):
			return at
		}
		at = end
	}
	return at
}

// leadingSpaces is how far the first line of a block scalar's value that is not
// blank is indented beyond the scalar's own indentation.
func leadingSpaces(value string) int {
	for line := range strings.Lines(value) {
		if strings.TrimSpace(line) != "" {
			return len(line) - len(strings.TrimLeft(line, " "))
		}
	}
	return 0
}

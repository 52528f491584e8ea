package manifest

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// piece relates a run of a scalar's value to the run of the text it is written
// as. The runs are equal byte for byte if Verbatim, else the piece is indivisible.
type piece struct {
	value, text int // offsets where the runs begin
	length      int // of the value's run
	size        int // of the text's run
	verbatim    bool
}

// pieces are a scalar's value and text in step, in order, or nil where they
// cannot be related (a folded text, a repeated white space).
func pieces(text []byte, n *Node) []piece {
	var found []piece
	switch n.Style {
	case Plain:
		if string(text[n.Start:n.End]) != n.Value {
			return nil
		}
		found = []piece{{text: n.Start, length: len(n.Value), size: len(n.Value), verbatim: true}}
	case SingleQuoted:
		found = quotedPieces(text, n, singleQuotedUnit)
	case DoubleQuoted:
		found = quotedPieces(text, n, doubleQuotedUnit)
	case Literal:
		found = literalPieces(text, n)
	case Folded:
		found = foldedPieces(text, n)
	}
	if !relates(text, n.Value, found) {
		return nil
	}
	return found
}

// relates checks that the verbatim pieces are equal and that the pieces leave no
// gap in the value.
func relates(text []byte, value string, found []piece) bool {
	at := 0
	for _, p := range found {
		if p.value != at || p.value+p.length > len(value) {
			return false
		}
		if p.verbatim && string(text[p.text:p.text+p.size]) != value[p.value:p.value+p.length] {
			return false
		}
		at += p.length
	}
	return at == len(value)
}

// quotedPieces relates a quoted scalar unit by unit: what stands for itself, an
// escape, or a fold.
func quotedPieces(text []byte, n *Node, unit func([]byte) (size, length int)) []piece {
	var found []piece
	value := 0
	for at := n.Start + 1; at < n.End-1; {
		size, length := unit(text[at : n.End-1])
		if size == 0 {
			return nil
		}
		found = appendPiece(found, piece{value, at, length, size, size == 1 && length == 1})
		at += size
		value += length
	}
	return found
}

// appendPiece joins a verbatim piece to one it continues.
func appendPiece(pieces []piece, p piece) []piece {
	if len(pieces) > 0 && p.verbatim {
		if last := &pieces[len(pieces)-1]; last.verbatim && last.text+last.size == p.text {
			last.length += p.length
			last.size += p.size
			return pieces
		}
	}
	return append(pieces, p)
}

func singleQuotedUnit(text []byte) (size, length int) {
	if text[0] == '\'' {
		return 2, 1
	}
	return plainUnit(text)
}

func doubleQuotedUnit(text []byte) (size, length int) {
	if text[0] != '\\' {
		return plainUnit(text)
	}
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case 'x':
		return escapeUnit(text, 4)
	case 'u':
		return escapeUnit(text, 6)
	case 'U':
		return escapeUnit(text, 10)
	case 'N', '_': // NEL and no-break space
		return 2, 2
	case 'L', 'P': // line and paragraph separator
		return 2, 3
	case '\n', '\r': // an escaped line break joins the lines
		size = lineEnd(text, 1)
		return size + len(text[size:]) - len(bytes.TrimLeft(text[size:], " \t")), 0
	}
	return 2, 1
}

// escapeUnit is an escape of size bytes whose digits name a character.
func escapeUnit(text []byte, size int) (int, int) {
	if len(text) < size {
		return 0, 0
	}
	r := rune(0)
	for _, digit := range text[2:size] {
		r = r<<4 | rune(hexValue(digit))
	}
	return size, utf8.RuneLen(r)
}

func hexValue(digit byte) int {
	return strings.IndexByte("0123456789abcdef", digit|0x20)
}

// plainUnit is one character within quotes: itself, or a line break with the
// blanks around it, which stands for one space, or for its further line breaks.
func plainUnit(text []byte) (size, length int) {
	run := spaceRun(text)
	breaks := lineBreaks(text[:run])
	switch {
	case breaks == 0:
		return 1, 1
	case breaks == 1:
		return run, 1
	}
	return run, breaks - 1
}

func lineBreaks(text []byte) int {
	count := 0
	for at := 0; at < len(text); {
		if n := breakLength(text[at:]); n > 0 {
			at += n
			count++
			continue
		}
		at++
	}
	return count
}

// literalPieces relates a literal scalar line by line: its value is the text
// without the indentation.
func literalPieces(text []byte, n *Node) []piece {
	indent := blockIndent(text, n)
	var found []piece
	value := 0
	for at := lineEnd(text, n.Start); at < n.End && value < len(n.Value); {
		end := lineEnd(text, at)
		line := text[at:end]
		skip := min(indent, len(line)-len(bytes.TrimLeft(line, " ")))
		content := bytes.TrimRight(line[skip:], "\r\n")
		if len(content) > 0 {
			found = append(found, piece{value, at + skip, len(content), len(content), true})
			value += len(content)
		}
		if value < len(n.Value) {
			found = append(found, piece{value, at + skip + len(content), 1, len(line) - skip - len(content), false})
			value++
		}
		at = end
	}
	return found
}

// foldedPieces relates a folded scalar line by line: between two lines stands one
// space in the value, or line breaks.
func foldedPieces(text []byte, n *Node) []piece {
	indent := blockIndent(text, n)
	var found []piece
	value, gap := 0, lineEnd(text, n.Start)
	for at := gap; at < n.End && value < len(n.Value); at = lineEnd(text, at) {
		line := bytes.TrimRight(text[at:lineEnd(text, at)], "\r\n")
		if len(line) <= indent {
			continue
		}
		if between := betweenLines(n.Value[value:]); between > 0 && value > 0 {
			found = append(found, piece{value, gap, between, at + indent - gap, false})
			value += between
		}
		found = append(found, piece{value, at + indent, len(line) - indent, len(line) - indent, true})
		value += len(line) - indent
		gap = at + len(line)
	}
	if value < len(n.Value) {
		found = append(found, piece{value, gap, len(n.Value) - value, n.End - gap, false})
	}
	return found
}

// betweenLines is how much of a folded scalar's value stands for the break
// between two lines.
func betweenLines(value string) int {
	if strings.HasPrefix(value, " ") {
		return 1
	}
	return len(value) - len(strings.TrimLeft(value, "\n"))
}

// blockIndent is the indentation of a block scalar's content in bytes.
func blockIndent(text []byte, n *Node) int {
	for at := lineEnd(text, n.Start); at < n.End; at = lineEnd(text, at) {
		if line := text[at:lineEnd(text, at)]; !isBlank(line) {
			return len(line) - len(bytes.TrimLeft(line, " ")) - leadingSpaces(n.Value)
		}
	}
	return 0
}

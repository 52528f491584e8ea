package manifest

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Lines finds positions in a text. Lines end with LF, CRLF or CR.
type Lines struct {
	text   []byte
	starts []int
}

// NewLines finds the line breaks of a text.
func NewLines(text []byte) Lines {
	starts := append(make([]int, 0, 1+bytes.Count(text, []byte{'\n'})), firstByte(text))
	if bytes.IndexByte(text, '\r') < 0 {
		for at := starts[0]; ; {
			i := bytes.IndexByte(text[at:], '\n')
			if i < 0 {
				return Lines{text, starts}
			}
			at += i + 1
			starts = append(starts, at)
		}
	}
	for at := starts[0]; at < len(text); {
		at = lineEnd(text, at)
		if at < len(text) || Breaks(text[at-1:]) > 0 {
			starts = append(starts, at)
		}
	}
	return Lines{text, starts}
}

// Line returns the line of an offset, from 1.
func (l Lines) Line(offset int) int {
	i, found := slices.BinarySearch(l.starts, max(l.starts[0], min(offset, len(l.text))))
	if !found {
		i--
	}
	return i + 1
}

// Position returns the line and the column of an offset. Both count from 1, and
// the column counts characters.
func (l Lines) Position(offset int) (line, column int) {
	line = l.Line(offset)
	start := l.starts[line-1]
	return line, 1 + utf8.RuneCount(l.text[start:max(start, min(offset, len(l.text)))])
}

// Breaks counts the line breaks of a text.
func Breaks(text []byte) int {
	count := bytes.Count(text, []byte{'\n'})
	if lone := bytes.Count(text, []byte{'\r'}); lone > 0 {
		count += lone - bytes.Count(text, []byte("\r\n"))
	}
	return count
}

var byteOrderMark = []byte("\ufeff")

// firstByte returns the offset after the byte order mark, or 0 if there is none.
func firstByte(text []byte) int {
	if bytes.HasPrefix(text, byteOrderMark) {
		return len(byteOrderMark)
	}
	return 0
}

// lineEnd returns the offset after the line break of the line that contains an offset, or
// the length of the text.
func lineEnd(text []byte, at int) int {
	for at < len(text) {
		at++
		switch {
		case text[at-1] == '\n':
			return at
		case text[at-1] == '\r' && at < len(text) && text[at] == '\n':
			return at + 1
		case text[at-1] == '\r':
			return at
		}
	}
	return at
}

// lineStart returns the offset of the first byte of the line that contains an offset.
func lineStart(text []byte, at int) int {
	return max(bytes.LastIndexAny(text[:at], "\r\n")+1, firstByte(text))
}

// lineAbove returns the start of the line above the line that begins at an offset.
func lineAbove(text []byte, at int) int {
	at--
	if at > 0 && text[at] == '\n' && text[at-1] == '\r' {
		at--
	}
	return lineStart(text, at)
}

// lineBreak returns the line break at the end of the line that contains an offset. If the
// text ends there, it returns the one before the line.
func lineBreak(text []byte, at int) string {
	end := at + max(0, bytes.IndexByte(text[at:], '\n'))
	if end == len(text) || text[end] != '\n' {
		end = bytes.LastIndexByte(text[:at], '\n')
	}
	if end > 0 && text[end-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func isLineBreak(b byte) bool { return b == '\n' || b == '\r' }

// indentOf returns how many spaces a text begins with.
func indentOf[T string | []byte](text T) int {
	n := 0
	for n < len(text) && text[n] == ' ' {
		n++
	}
	return n
}

// breakLength returns the length of the line break at the start of a text, or 0. In YAML
// 1.1, and so in the library, NEL, LS and PS are line breaks too.
func breakLength(text []byte) int {
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if bytes.HasPrefix(text, []byte("\r\n")) {
			return 2
		}
		return 1
	case 0xc2:
		if bytes.HasPrefix(text, []byte("\u0085")) {
			return 2
		}
	case 0xe2:
		if bytes.HasPrefix(text, []byte("\u2028")) || bytes.HasPrefix(text, []byte("\u2029")) {
			return 3
		}
	}
	return 0
}

// spaceRun returns the size of the white space at the start of a text, in bytes, and how
// many line breaks it contains.
func spaceRun(text []byte) (size, breaks int) {
	for size < len(text) {
		if n := breakLength(text[size:]); n > 0 {
			size += n
			breaks++
			continue
		}
		if !isSpace(text[size]) {
			break
		}
		size++
	}
	return size, breaks
}

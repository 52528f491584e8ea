package manifest

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Lines finds positions in a text. Its line breaks are LF, CRLF and CR.
type Lines struct {
	text   []byte
	starts []int
}

// NewLines reads the line breaks of a text.
func NewLines(text []byte) Lines {
	starts := append(make([]int, 0, 1+bytes.Count(text, []byte{'\n'})), firstByte(text))
	for at := starts[0]; at < len(text); {
		at = lineEnd(text, at)
		if at < len(text) || Breaks(text[at-1:]) > 0 {
			starts = append(starts, at)
		}
	}
	return Lines{text, starts}
}

// Position is the line and the column of an offset, both from 1, the column in
// characters.
func (l Lines) Position(offset int) (line, column int) {
	offset = max(l.starts[0], min(offset, len(l.text)))
	i, found := slices.BinarySearch(l.starts, offset)
	if !found {
		i--
	}
	return i + 1, 1 + utf8.RuneCount(l.text[l.starts[i]:offset])
}

// Breaks is how many line breaks a text has.
func Breaks(text []byte) int {
	count := bytes.Count(text, []byte{'\n'})
	if lone := bytes.Count(text, []byte{'\r'}); lone > 0 {
		count += lone - bytes.Count(text, []byte("\r\n"))
	}
	return count
}

package manifest

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Edit replaces the bytes from Start to End by Text.
type Edit struct {
	Start, End int
	Text       string
}

// apply carries out edits that do not overlap. Edits that are the same count
// once: two places may be one through an anchor.
func apply(text []byte, edits []Edit) ([]byte, bool) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(a.Start-b.Start, a.End-b.End) })
	edits = slices.Compact(edits)
	size := len(text)
	for _, e := range edits {
		size += len(e.Text)
	}
	patched := make([]byte, 0, size)
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End < e.Start || e.End > len(text) {
			return nil, false
		}
		patched = append(patched, text[at:e.Start]...)
		patched = append(patched, e.Text...)
		at = e.End
	}
	return append(patched, text[at:]...), true
}

// lift turns edits of a scalar's value into edits of the text that holds it,
// keeping the scalar's style. It fails where the style has no room for them.
func lift(text []byte, n *Node, edits []Edit) ([]Edit, bool) {
	related := pieces(text, n)
	if related == nil && n.Value != "" {
		return nil, false
	}
	write, ok := styleWriter(text, n)
	if !ok {
		return nil, false
	}
	lifted := make([]Edit, len(edits))
	for i, e := range edits {
		start, ok := textOffset(related, e.Start)
		if !ok {
			return nil, false
		}
		end := start
		if e.End > e.Start {
			if end, ok = textEnd(related, e.End); !ok {
				return nil, false
			}
		}
		written, ok := write(e.Text)
		if !ok {
			return nil, false
		}
		lifted[i] = Edit{start, end, written}
	}
	return lifted, true
}

// textOffset is where in the text the value continues at an offset.
func textOffset(related []piece, value int) (int, bool) {
	for _, p := range related {
		switch {
		case value == p.value:
			return p.text, true
		case value < p.value+p.length:
			return p.text + value - p.value, p.verbatim
		}
	}
	return textEnd(related, value)
}

// textEnd is where in the text the value up to an offset ends.
func textEnd(related []piece, value int) (int, bool) {
	for _, p := range related {
		switch {
		case value == p.value+p.length:
			return p.text + p.size, true
		case value < p.value+p.length:
			return p.text + value - p.value, p.verbatim
		}
	}
	return 0, false
}

// styleWriter writes a piece of a value in the scalar's own style.
func styleWriter(text []byte, n *Node) (func(string) (string, bool), bool) {
	switch n.Style {
	case DoubleQuoted:
		return func(s string) (string, bool) { return escaped(s), true }, true
	case SingleQuoted:
		return func(s string) (string, bool) {
			return strings.ReplaceAll(s, "'", "''"), printable(s)
		}, true
	case Plain, Folded:
		return func(s string) (string, bool) { return s, printable(s) }, true
	case Literal:
		line := newline(text) + strings.Repeat(" ", blockIndent(text, n))
		return func(s string) (string, bool) {
			return strings.ReplaceAll(s, "\n", line), printable(strings.ReplaceAll(s, "\n", ""))
		}, true
	}
	return nil, false
}

// newline is the line break a text uses.
func newline(text []byte) string {
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

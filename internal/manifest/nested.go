package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"spaces-identity.dev/internal/identity"
)

// Base64 decodes standard base64 with or without line breaks, as Kubernetes
// reads it in a Secret's data.
func Base64(value string) ([]byte, bool) {
	decoded, err := base64.StdEncoding.DecodeString(value)
	return decoded, err == nil
}

// openStrings has the streams in the strings of a tree. Each is read and parsed once, to plan
// edits in it and to check them.
type openStrings struct{ known map[openKey]*openString }

type openKey struct {
	node   *Node
	skip   int
	base64 bool
}

// openString is the stream in a string.
type openString struct {
	stream    []byte
	documents []Document
	trees     map[int]*Node // of the documents that were parsed
}

// open returns the stream in a string. It is not ok if there is none.
func (o *openStrings) open(n *Node, into identity.Into) (*openString, bool) {
	key := openKey{n, into.Skip, into.Base64}
	if s := o.known[key]; s != nil {
		return s, true
	}
	stream, ok := innerStream(into, n.Value)
	if !ok {
		return nil, false
	}
	s := &openString{stream, slices.Collect(Split(stream)), map[int]*Node{}}
	if o.known == nil {
		o.known = map[openKey]*openString{}
	}
	o.known[key] = s
	return s, true
}

// text returns the text of a document.
func (s *openString) text(number int) []byte {
	return s.stream[s.documents[number].Start:s.documents[number].End]
}

func (s *openString) parse(number int) (*Node, error) {
	if root, ok := s.trees[number]; ok {
		return root, nil
	}
	root, err := Parse(s.text(number))
	if err == nil {
		s.trees[number] = root
	}
	return root, err
}

// innerStream returns the stream that a string contains.
func innerStream(into identity.Into, value string) ([]byte, bool) {
	switch {
	case into.Skip > len(value):
		return nil, false
	case into.Base64:
		return Base64(value[into.Skip:])
	}
	return []byte(value[into.Skip:]), true
}

// inside plans the sets of the documents in a string, and translates the edits to those of
// the text that contains the string.
func (p *planner) inside(at foundValue, into identity.Into, sets []Set) error {
	node := at.node.Resolve()
	inner, ok := p.strings.open(node, into)
	switch {
	case node.Kind != Scalar:
		return &PlaceError{nil, node.Outer(), fmt.Sprintf("contains %s, but must contain a string", node.describe())}
	case !ok:
		return &PlaceError{nil, node.Outer(), "the string is not valid base64"}
	}
	byDocument := map[int][]Set{}
	for _, set := range sets {
		number := set.Path[0].Into.Document
		byDocument[number] = append(byDocument[number], Set{set.Path[1:], set.Value})
	}
	var all []Edit
	for _, number := range slices.Sorted(maps.Keys(byDocument)) {
		if number >= len(inner.documents) {
			return &PlaceError{nil, node.Outer(), "the string has no such document"}
		}
		edits, err := planInner(inner, number, byDocument[number], p.alone)
		if place, ok := errors.AsType[*PlaceError](err); ok {
			into.Document = number
			return &PlaceError{slices.Concat(identity.Path{}.Inside(into), place.Path), node.Outer(), place.Problem}
		}
		if err != nil {
			return err
		}
		all = append(all, moveEdits(edits, inner.documents[number].Start)...)
	}
	edits, err := outerEdits(p.text, at, into, inner.stream, all)
	p.edits = append(p.edits, edits...)
	return err
}

// planInner plans the sets of a document inside a string.
func planInner(s *openString, number int, sets []Set, alone bool) ([]Edit, error) {
	text := s.text(number)
	root, err := s.parse(number)
	if err != nil {
		return nil, err
	}
	if !alone {
		return plan(text, root, sets, false, &openStrings{})
	}
	patched, err := PatchParsed(text, root, sets)
	if err != nil {
		return nil, err
	}
	return []Edit{difference(text, patched)}, nil
}

// difference returns the one edit that turns a text into another.
func difference(text, patched []byte) Edit {
	start := commonPrefix(text, patched)
	end, patchedEnd := len(text), len(patched)
	for end > start && patchedEnd > start && text[end-1] == patched[patchedEnd-1] {
		end, patchedEnd = end-1, patchedEnd-1
	}
	return Edit{start, end, string(patched[start:patchedEnd])}
}

func commonPrefix[T string | []byte](a, b T) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func moveEdits(edits []Edit, by int) []Edit {
	moved := slices.Clone(edits)
	for i := range moved {
		moved[i].Start += by
		moved[i].End += by
	}
	return moved
}

// outerEdits translates edits of the stream in a string to edits of the text that contains
// the string. If the style of the string does not allow them, it replaces the string.
func outerEdits(text []byte, at foundValue, into identity.Into, stream []byte, edits []Edit) ([]Edit, error) {
	node := at.node.Resolve()
	edits, ok := valueEdits(into, node.Value, stream, edits)
	if ok {
		if lifted, ok := lift(text, node, edits); ok {
			return lifted, nil
		}
	}
	value, applied := apply([]byte(node.Value), edits)
	if !ok || !applied {
		return nil, &PlaceError{nil, node.Outer(), "its changes overlap"}
	}
	return []Edit{replacement(text, at, string(value))}, nil
}

// valueEdits translates edits of the stream in a string to edits of the string.
func valueEdits(into identity.Into, value string, stream []byte, edits []Edit) ([]Edit, bool) {
	if !into.Base64 {
		return moveEdits(edits, into.Skip), true
	}
	patched, ok := apply(stream, edits)
	if !ok {
		return nil, false
	}
	old := strings.TrimRight(value[into.Skip:], "\n")
	written := wrapLike(old, base64.StdEncoding.EncodeToString(patched))
	same := commonPrefix(old, written)
	return []Edit{{into.Skip + same, into.Skip + len(old), written[same:]}}, true
}

// wrapLike breaks base64 into lines of the same length as in the text that it replaces.
func wrapLike(old, text string) string {
	width := strings.IndexByte(old, '\n')
	if width <= 0 {
		return text
	}
	lines := slices.Collect(slices.Chunk([]byte(text), width))
	return string(bytes.Join(lines, []byte("\n")))
}

// lift translates edits of a scalar's value to edits of the text that contains the scalar.
// It keeps the style of the scalar, and fails if the style does not allow the edits.
func lift(text []byte, n *Node, edits []Edit) ([]Edit, bool) {
	last := 0
	for _, e := range edits {
		last = max(last, e.End)
	}
	runs := scalarRuns(text, n, last)
	if runs == nil && n.Value != "" {
		return nil, false
	}
	lifted := make([]Edit, len(edits))
	for i, e := range edits {
		start, ok := textStart(runs, e.Start)
		end, ok2 := start, true
		if e.End > e.Start {
			end, ok2 = textEnd(runs, e.End)
		}
		written, ok3 := n.inStyle(text, e.Text)
		if !ok || !ok2 || !ok3 {
			return nil, false
		}
		lifted[i] = Edit{start, end, written}
	}
	return lifted, true
}

// inStyle returns a part of a value as it must be written in the scalar's style. It fails
// if the style does not allow it.
func (n *Node) inStyle(text []byte, s string) (string, bool) {
	switch n.Style {
	case DoubleQuoted:
		return escaped(s), true
	case SingleQuoted:
		return strings.ReplaceAll(s, "'", "''"), isPrintable(s)
	case Literal:
		separator := lineBreak(text, n.Start()) + strings.Repeat(" ", n.blockIndent(text))
		return strings.ReplaceAll(s, "\n", separator), isPrintable(strings.ReplaceAll(s, "\n", ""))
	}
	return s, isPrintable(s)
}

// scalarRun says which bytes of a text stand for which bytes of a scalar's value. If
// verbatim is set, the bytes are equal. Otherwise an edit cannot begin or end inside the
// run.
type scalarRun struct {
	value, text int // offsets of the first byte
	length      int // in the value
	size        int // in the text
	verbatim    bool
}

// textStart returns the offset in the text for the start of an edit of the value.
func textStart(runs []scalarRun, value int) (int, bool) {
	i := sort.Search(len(runs), func(i int) bool { return value <= runs[i].value || value < runs[i].value+runs[i].length })
	switch {
	case i == len(runs):
		return textEnd(runs, value)
	case value == runs[i].value:
		return runs[i].text, true
	}
	return runs[i].text + value - runs[i].value, runs[i].verbatim
}

// textEnd returns the offset in the text for the end of an edit of the value.
func textEnd(runs []scalarRun, value int) (int, bool) {
	i := sort.Search(len(runs), func(i int) bool { return value <= runs[i].value+runs[i].length })
	switch {
	case i == len(runs):
		return 0, false
	case value == runs[i].value+runs[i].length:
		return runs[i].text + runs[i].size, true
	}
	return runs[i].text + value - runs[i].value, runs[i].verbatim
}

// scalarRuns returns the runs of a scalar in order, up to that of an offset in its value. It
// returns nil if it cannot match the text with the value.
func scalarRuns(text []byte, n *Node, last int) []scalarRun {
	at, end, indent := n.Start()+1, n.End()-1, 0
	switch n.Style {
	case Plain:
		at, end = n.Start(), n.End()
	case Literal, Folded:
		indent = n.blockIndent(text)
		at, end = lineEnd(text, n.Start()), n.End()
		at += min(indent, indentOf(text[at:end]))
	}
	var runs []scalarRun
	value := 0
	for at < end && value < len(n.Value) && value <= last {
		size, length := n.unit(text[at:end], n.Value[value:], indent)
		if size == 0 || length < 0 || at+size > end || value+length > len(n.Value) {
			return nil
		}
		verbatim := string(text[at:at+size]) == n.Value[value:value+length]
		if !verbatim && size == length && text[at] != '\\' && !isLineBreak(text[at]) {
			return nil
		}
		if last := len(runs) - 1; verbatim && last >= 0 && runs[last].verbatim {
			runs[last].length += length
			runs[last].size += size
		} else {
			runs = append(runs, scalarRun{value, at, length, size, verbatim})
		}
		at += size
		value += length
	}
	if value < len(n.Value) && value <= last {
		return nil
	}
	return runs
}

// unit returns the length of the first unit of a scalar's text, and the length of the
// value that the unit stands for. A unit is plain text, an escape, or a line break with
// the blanks and line breaks around it.
func (n *Node) unit(text []byte, value string, indent int) (size, length int) {
	switch {
	case n.Style == DoubleQuoted && text[0] == '\\':
		return escapeUnit(text)
	case n.Style == SingleQuoted && text[0] == '\'':
		return 2, 1
	case n.Style == Literal && isLineBreak(text[0]):
		size = lineEnd(text, 0)
		return size + min(indent, indentOf(text[size:])), 1
	case n.Style == Folded && isLineBreak(text[0]):
		return foldUnit(text, value, indent)
	case n.Style == Literal || n.Style == Folded:
		size = verbatimLength(text, "\r\n")
		return size, size
	}
	size = verbatimLength(text, "\\'\r\n\xc2\xe2") // the last two begin line breaks of YAML 1.1
	if size < len(text) && breakLength(text[size:]) > 0 {
		size = len(bytes.TrimRight(text[:size], " \t"))
	}
	if gap, breaks := spaceRun(text[size:]); size == 0 && breaks > 0 {
		return gap, max(1, breaks-1)
	}
	return max(1, size), max(1, size)
}

func verbatimLength(text []byte, special string) int {
	size := 0
	for size < len(text) && strings.IndexByte(special, text[size]) < 0 {
		size++
	}
	return size
}

// escapeUnit reads an escape of a double-quoted scalar.
func escapeUnit(text []byte) (size, length int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case 'N', '_': // NEL and no-break space
		return 2, 2
	case 'L', 'P': // line and paragraph separator
		return 2, 3
	case '\n', '\r': // an escaped line break joins the lines
		size = lineEnd(text, 1)
		return size + len(text[size:]) - len(bytes.TrimLeft(text[size:], " \t")), 0
	case 'x', 'u', 'U':
		size = map[byte]int{'x': 4, 'u': 6, 'U': 10}[text[1]]
		r, err := strconv.ParseInt(string(text[2:min(size, len(text))]), 16, 32)
		switch {
		case err != nil:
			return 0, 0
		case utf16.IsSurrogate(rune(r)): // with the second one, it is one character
			return 12, 4
		}
		return size, utf8.RuneLen(rune(r))
	}
	return 2, 1
}

// foldUnit reads a line break in a folded scalar and the empty lines after it. They stand
// for one space or for line breaks, as the value shows.
func foldUnit(text []byte, value string, indent int) (size, length int) {
	length = max(1, len(value)-len(strings.TrimLeft(value, "\n")))
	for size < len(text) && isLineBreak(text[size]) {
		size = lineEnd(text, size)
		size += min(indent, indentOf(text[size:]))
	}
	return size, length
}

// blockIndent returns the indentation of a block scalar's lines.
func (n *Node) blockIndent(text []byte) int {
	return max(0, blockIndent(text[lineEnd(text, n.Start()):n.End()], n.Value))
}

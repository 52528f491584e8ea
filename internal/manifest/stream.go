// Package manifest edits YAML streams and leaves everything else in them as it is.
//
// A stream is one buffer, and its documents are ranges of it ([Split]). [Parse]
// reads a document into a tree of [Node] values that know their bytes. [Patch]
// turns each [Set] into an insertion or replacement of bytes. It parses the
// patched document again and returns it only if it equals the original plus
// exactly the sets. The package does not know what an annotation means.
package manifest

import (
	"bytes"
	"iter"
)

// Document is a range of a stream that holds one YAML document: the comments and
// directives before it, its "---", and its "..." if it has one. The ranges of a
// stream's documents follow each other without a gap.
type Document struct {
	Number     int // from 1, empty documents counted
	Start, End int // bytes of the stream
}

// Split returns the documents of a stream. It reads only line starts: as YAML 1.2
// says (section 9.1.2), a "---" or "..." in the first column is a marker if a
// space, a line break or nothing follows it, even if its author meant it as text.
func Split(stream []byte) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		s := splitter{stream: stream, doc: Document{Number: 1}}
		for at := range markerLines(stream) {
			if end := s.endBefore(at); end >= 0 && !yield(s.cut(end, stream[at] == '-')) {
				return
			}
		}
		if s.doc.Start < len(stream) || s.doc.Number == 1 {
			yield(s.cut(len(stream), false))
		}
	}
}

// splitter holds the document that is being read.
type splitter struct {
	stream []byte
	doc    Document
	begun  bool // the document has its "---": the next one ends it
}

// endBefore returns the offset at which the marker at an offset ends the
// document, or -1 if the marker belongs to the document.
func (s *splitter) endBefore(at int) int {
	before := s.stream[s.doc.Start:at]
	if s.stream[at] == '.' {
		if !s.begun && isBlank(before) && s.doc.Number > 1 {
			return -1 // one "..." after another
		}
		return lineEnd(s.stream, at)
	}
	if !s.begun && isPrelude(before) {
		s.begun = true
		return -1
	}
	return at
}

// cut ends the document and begins the next, which already has its "---" if begun
// is set.
func (s *splitter) cut(end int, begun bool) Document {
	done := s.doc
	done.End = end
	s.doc, s.begun = Document{Number: done.Number + 1, Start: end}, begun
	return done
}

// markerLines yields the offsets of the lines that are document markers. It
// searches for each of the two texts by itself because a search for a fixed text
// is fast (BenchmarkSplit).
func markerLines(stream []byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		first := firstByte(stream)
		dashes, dots := nextMarker(stream, first, first, "---"), nextMarker(stream, first, first, "...")
		for dashes < len(stream) || dots < len(stream) {
			at := min(dashes, dots)
			if !yield(at) {
				return
			}
			if at == dashes {
				dashes = nextMarker(stream, first, at+1, "---")
			} else {
				dots = nextMarker(stream, first, at+1, "...")
			}
		}
	}
}

// nextMarker returns the first line at or behind an offset that is the marker, or
// the length of the stream. The stream's first line begins at first.
func nextMarker(stream []byte, first, at int, marker string) int {
	for ; ; at++ {
		i := bytes.Index(stream[at:], []byte(marker))
		if i < 0 {
			return len(stream)
		}
		at += i
		if (at == first || stream[at-1] == '\n' || stream[at-1] == '\r') && isMarker(stream[at:]) {
			return at
		}
	}
}

func isMarker(line []byte) bool {
	if len(line) < 3 || string(line[:3]) != "---" && string(line[:3]) != "..." {
		return false
	}
	return len(line) == 3 || isSpace(line[3])
}

// isPrelude reports whether a text may precede a document's "---": blank lines,
// comments and directives.
func isPrelude(text []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(text, byteOrderMark)) {
		line = bytes.TrimLeft(line, " \t\r\n")
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

// Source returns the chart template that a document was rendered from. Helm writes
// it into the comment "# Source: ". It is empty if there is no such comment.
func Source(doc []byte) string {
	for line := range bytes.Lines(doc) {
		line = bytes.TrimSpace(line)
		if source, ok := bytes.CutPrefix(line, []byte("# Source: ")); ok {
			return string(source)
		}
		if len(line) > 0 && line[0] != '#' && string(line) != "---" {
			return ""
		}
	}
	return ""
}

// Package manifest edits YAML streams and leaves everything else in them as it is.
//
// A stream is one buffer, and its documents are ranges of it ([Split]). [Parse] reads a
// document into a tree of [Node] values, each with its range of bytes. [Patch] turns
// each [Set] into an insertion or replacement of bytes. Then it parses the patched
// document, and returns it only if it equals the original plus exactly the sets. The
// package does not know what an annotation means.
package manifest

import (
	"bytes"
	"iter"
)

// Document is the range of one YAML document in a stream. It includes the comments and
// directives before the document, its "---", and its "..." if there is one. There are no
// gaps between the ranges of a stream.
type Document struct {
	Number     int // from 1, empty documents counted
	Start, End int // bytes of the stream
}

// Split returns the documents of a stream. It looks only at the starts of lines. A "---"
// or "..." in the first column is a marker if a space, a line break or nothing follows
// it, even if its author meant it as text.
//
// Source: YAML 1.2, section 9.1.2.
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
	begun  bool // the document already has its "---", so the next one ends it
}

// endBefore returns the offset at which the marker at an offset ends the
// document, or -1 if the marker belongs to the document.
func (s *splitter) endBefore(at int) int {
	before := s.stream[s.doc.Start:at]
	if s.stream[at] == '.' {
		if !s.begun && isBlank(before) && s.doc.Number > 1 {
			return -1 // a "..." that follows another one
		}
		return lineEnd(s.stream, at)
	}
	if !s.begun && isPrelude(before) {
		s.begun = true
		return -1
	}
	return at
}

// cut ends the document and starts the next one. begun says that the next one already has
// its "---".
func (s *splitter) cut(end int, begun bool) Document {
	done := s.doc
	done.End = end
	s.doc, s.begun = Document{Number: done.Number + 1, Start: end}, begun
	return done
}

// markerLines yields the offsets of the lines that are document markers. It
// searches for each of the two texts separately, because a search for a fixed text is
// fast (BenchmarkSplit).
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

// nextMarker returns the start of the first line, at or after an offset, that is the
// marker. It returns the length of the stream if there is none. The first line of the
// stream begins at first.
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

// Source returns the chart template from which Helm rendered a document. Helm writes it
// into a comment "# Source: ". The result is empty if there is no such comment.
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

// Package manifest edits YAML streams without touching what it was not asked
// to touch.
//
// A [Stream] is one buffer; its documents are ranges of it. A document that is
// to change is parsed into a tree of [Node] values that know their bytes, each
// wanted [Set] becomes an insertion or replacement of bytes, and the patched
// document counts only after it was parsed again and found equal to the
// original plus exactly what was wanted. The package does not know what an
// annotation means.
package manifest

import (
	"bytes"
	"iter"
)

// Document is a range of a stream that holds one YAML document with the
// comments and directives before it, its "---" and, where there is one, its
// "...". The ranges of a stream's documents follow each other without a gap.
type Document struct {
	Number     int // from 1, empty documents counted
	Start, End int // bytes of the stream
}

// Split cuts a stream into its documents. It reads nothing but line starts: a
// "---" or "..." counts where YAML 1.2 says so (section 9.1.2), in the first
// column with a space, a line break or nothing behind it, even where somebody
// meant it as text.
func Split(stream []byte) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		s := splitter{stream: stream, doc: Document{Number: 1}}
		for at := range markers(stream) {
			if end := s.ends(at); end >= 0 && !yield(s.cut(end, stream[at] == '-')) {
				return
			}
		}
		if s.doc.Start < len(stream) || s.doc.Number == 1 {
			yield(s.cut(len(stream), false))
		}
	}
}

// splitter is the document that is being read.
type splitter struct {
	stream []byte
	doc    Document
	begun  bool // the document has its "---": the next one ends it
}

// ends is where the document ends because of the marker at an offset, or -1
// where the marker is its own.
func (s *splitter) ends(at int) int {
	before := s.stream[s.doc.Start:at]
	if s.stream[at] == '.' {
		if !s.begun && isBlank(before) && s.doc.Number > 1 {
			return -1 // one "..." after another
		}
		return lineEnd(s.stream, at)
	}
	if !s.begun && prelude(before) {
		s.begun = true
		return -1
	}
	return at
}

// cut ends the document and begins the next, which has its "---" already or not.
func (s *splitter) cut(end int, begun bool) Document {
	done := s.doc
	done.End = end
	s.doc, s.begun = Document{Number: done.Number + 1, Start: end}, begun
	return done
}

// markers yields the offsets of the lines that are document markers.
func markers(stream []byte) iter.Seq[int] {
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

// nextMarker is the next line at or behind an offset that is the marker, or the
// length of the stream. It leans on the speed of a search for a fixed text.
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
	return len(line) == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\n' || line[3] == '\r'
}

// prelude reports whether the text may stand before a document's "---" as part
// of that document: blank lines, comments and directives.
func prelude(text []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(text, bom)) {
		line = bytes.TrimLeft(line, " \t\r\n")
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

var bom = []byte("\xef\xbb\xbf")

// firstByte is where a text begins behind its byte order mark.
func firstByte(text []byte) int {
	if bytes.HasPrefix(text, bom) {
		return len(bom)
	}
	return 0
}

// lineEnd is the offset behind the line break that ends the line at the given
// offset, or the length of the text.
func lineEnd(text []byte, at int) int {
	i := bytes.IndexAny(text[at:], "\r\n")
	if i < 0 {
		return len(text)
	}
	at += i + 1
	if text[at-1] == '\r' && at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// Source is the chart template a document was rendered from, as the comment
// "# Source: " that Helm writes says, or nothing.
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

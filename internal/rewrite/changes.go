package rewrite

import (
	"bytes"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/manifest"
)

// Change is a part of the stream before and after its edits: documents that change, with a
// few lines around them. Changes that are close to each other are one.
type Change struct {
	Parts            []ChangePart
	FromLine, ToLine int // its first line in the stream before and after, from 1
}

// ChangePart is a document that changes, or the lines before, between or after such
// documents.
type ChangePart struct {
	Name          string // the document's number and, if Helm names it, the chart's template; empty for lines around
	Before, After []byte
}

// contextLines is how many unchanged lines the unified format shows around a change.
const contextLines = 3

// Changes returns the parts of the stream that change. The values of Secrets are replaced
// by their sizes, which may make these parts shorter. Lines end with a line feed, as diff
// and patch count.
func (r *Result) Changes() []Change {
	c := changes{stream: r.stream, documents: slices.Collect(manifest.Split(r.stream))}
	var all []Change
	shift := 0
	for i := 0; i < len(r.patches); {
		n := 1
		for i+n < len(r.patches) && c.lines(r.patches[i+n-1].doc.End, r.patches[i+n].doc.Start) <= 2*contextLines {
			n++
		}
		change := c.change(r.patches[i : i+n])
		change.ToLine = change.FromLine + shift
		all = append(all, change)
		for _, p := range r.patches[i : i+n] {
			shift += bytes.Count(p.text, lineFeed) - c.lines(p.doc.Start, p.doc.End)
		}
		i += n
	}
	return all
}

var lineFeed = []byte("\n")

// changes collects the changes of a stream.
type changes struct {
	stream    []byte
	documents []manifest.Document
	counted   int // bytes of the stream whose line feeds are in line
	line      int
}

// lines counts the line feeds in a range of the stream.
func (c *changes) lines(start, end int) int { return bytes.Count(c.stream[start:end], lineFeed) }

// lineAt returns the line of an offset that is not before the last one.
func (c *changes) lineAt(offset int) int {
	c.line, c.counted = c.line+c.lines(c.counted, offset), offset
	return c.line + 1
}

// change returns the part of the stream with some patches and the lines around them.
func (c *changes) change(patches []patched) Change {
	above := c.above(patches[0].doc.Number)
	change := Change{Parts: []ChangePart{{"", above, above}}, FromLine: c.lineAt(patches[0].doc.Start) - bytes.Count(above, lineFeed)}
	for i, p := range patches {
		if i > 0 {
			for _, doc := range c.documents[patches[i-1].doc.Number : p.doc.Number-1] {
				between := c.shown(doc)
				change.Parts = append(change.Parts, ChangePart{"", between, between})
			}
		}
		old := c.stream[p.doc.Start:p.doc.End]
		part := ChangePart{fmt.Sprintf("document %d", p.doc.Number), withoutSecrets(old), withoutSecrets(p.text)}
		if source := manifest.Source(old); source != "" {
			part.Name += " " + source
		}
		if bytes.Equal(part.Before, part.After) {
			part.After = bytes.ReplaceAll(part.After, []byte("not shown)"), []byte("not shown, may be changed)"))
		}
		change.Parts = append(change.Parts, part)
	}
	below := c.below(patches[len(patches)-1].doc.Number)
	change.Parts = append(change.Parts, ChangePart{"", below, below})
	return change
}

// above returns the last lines before a document, and the part of a line after them.
func (c *changes) above(number int) []byte {
	var text []byte
	for i := min(number-1, len(c.documents)) - 1; i >= 0 && bytes.Count(text, lineFeed) <= contextLines; i-- {
		text = slices.Concat(c.shown(c.documents[i]), text)
	}
	return lastLines(text)
}

// below returns the first lines after a document, and the part of a line before them.
func (c *changes) below(number int) []byte {
	var text []byte
	for i := number; i < len(c.documents) && bytes.Count(text, lineFeed) <= contextLines; i++ {
		text = append(text, c.shown(c.documents[i])...)
	}
	return firstLines(text)
}

// shown returns the text of a document without the values of Secrets.
func (c *changes) shown(doc manifest.Document) []byte {
	return withoutSecrets(c.stream[doc.Start:doc.End])
}

// lastLines returns the last lines of a text, and a part of a line after them.
func lastLines(text []byte) []byte {
	at := bytes.LastIndexByte(text, '\n') + 1
	for range contextLines {
		if at > 0 {
			at = bytes.LastIndexByte(text[:at-1], '\n') + 1
		}
	}
	return text[at:]
}

// firstLines returns the first lines of a text, after a part of a line.
func firstLines(text []byte) []byte {
	at := 0
	for range contextLines + 1 {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return text
		}
		at += i + 1
	}
	return text[:at]
}

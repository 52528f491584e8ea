package output

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"spaces-identity.dev/internal/rewrite"
)

// writeDiff writes the changes of a result with a method Changes() []rewrite.Change as one
// patch of the stream.
func writeDiff(p *Printer, r Result) ([]byte, error) {
	changed, ok := r.(interface{ Changes() []rewrite.Change })
	if !ok {
		return nil, errors.New("this result has no changed documents")
	}
	var b bytes.Buffer
	for line := range bytes.Lines(Unified(changed.Changes())) {
		b.WriteString(p.diffLine(string(line)))
	}
	return b.Bytes(), nil
}

func (p *Printer) diffLine(line string) string {
	c := map[byte]Colour{'-': Red, '+': Green, '@': Cyan}[line[0]]
	text := line[:len(line)-1]
	if p.outTerminal { // elsewhere, patch needs the bytes of the manifests
		text = visible(text, "\t")
	}
	return paint(p.outColours && c != "", c, text) + "\n"
}

// Unified returns changes in the unified format, with three lines of context. Its line
// numbers are those of the stream. The name of the document follows the numbers.
func Unified(changes []rewrite.Change) []byte {
	var b bytes.Buffer
	for _, c := range changes {
		lines := linesOf(c)
		from, to, at := c.FromLine, c.ToLine, 0
		for start, end := range hunks(lines) {
			from, to = from+count(lines[at:start], '+'), to+count(lines[at:start], '-')
			fromCount, toCount := count(lines[start:end], '+'), count(lines[start:end], '-')
			first := slices.IndexFunc(lines[start:end], changedLine.isChange)
			fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@ %s\n", from-emptyBy(fromCount), fromCount, to-emptyBy(toCount), toCount, lines[start+first].name)
			for _, line := range lines[start:end] {
				b.WriteString(line.text)
			}
			from, to, at = from+fromCount, to+toCount, end
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return append([]byte("--- manifests before\n+++ manifests after\n"), b.Bytes()...)
}

// changedLine is a line of a diff, with the mark before it.
type changedLine struct{ text, name string }

func (l changedLine) isChange() bool { return l.text[0] != ' ' }

// linesOf returns all lines of a change. It compares each document on its own, because
// documents often have the same lines.
func linesOf(c rewrite.Change) []changedLine {
	var all []changedLine
	for i := 0; i < len(c.Parts); i++ {
		part := c.Parts[i]
		for i+1 < len(c.Parts) && !(endsLine(part.Before) && endsLine(part.After)) { // a lone carriage return precedes the next part
			i++
			part = rewrite.ChangePart{Name: cmp.Or(part.Name, c.Parts[i].Name), Before: slices.Concat(part.Before, c.Parts[i].Before), After: slices.Concat(part.After, c.Parts[i].After)}
		}
		for _, text := range compared(part.Before, part.After) {
			all = append(all, changedLine{text, part.Name})
		}
	}
	return all
}

func endsLine(text []byte) bool { return len(text) == 0 || text[len(text)-1] == '\n' }

// compared returns the lines of two texts with the marks of the unified format.
func compared(before, after []byte) []string {
	const header = 3 // lines that the library writes first
	var all []string
	rest := slices.Collect(strings.Lines(string(before)))
	unchanged := func(count int) {
		for _, line := range rest[:count] {
			all = append(all, " "+withBreak(line))
		}
		rest = rest[count:]
	}
	at := 1 // line of before
	lines := slices.Collect(strings.Lines(string(diff.Diff("", before, "", after))))
	for _, line := range lines[min(header, len(lines)):] {
		var from, count int
		if _, err := fmt.Sscanf(line, "@@ -%d,%d +", &from, &count); err == nil {
			unchanged(max(0, from-at)) // from is 0 in an empty text
			at = from + count
			rest = rest[min(count, len(rest)):]
			continue
		}
		if line[0] == '\\' { // it says that the line above has no line break
			all[len(all)-1] += line
			continue
		}
		all = append(all, line)
	}
	unchanged(len(rest))
	return all
}

func withBreak(line string) string {
	if strings.HasSuffix(line, "\n") {
		return line
	}
	return line + "\n\\ No newline at end of file\n"
}

// hunks yields the ranges of lines to show: changes with three lines around them.
func hunks(lines []changedLine) iter.Seq2[int, int] {
	const context = 3
	return func(yield func(start, end int) bool) {
		for first := 0; first < len(lines); {
			if !lines[first].isChange() {
				first++
				continue
			}
			last := first
			for i := first; i < len(lines) && i <= last+2*context+1; i++ {
				if lines[i].isChange() {
					last = i
				}
			}
			if !yield(max(0, first-context), min(len(lines), last+1+context)) {
				return
			}
			first = last + 1
		}
	}
}

// count returns the number of lines in the text that has no lines with the other mark.
func count(lines []changedLine, other byte) int {
	n := 0
	for _, l := range lines {
		if l.text[0] != other {
			n++
		}
	}
	return n
}

// emptyBy returns 1 for a hunk without lines, which has the number of the line above.
func emptyBy(count int) int {
	if count == 0 {
		return 1
	}
	return 0
}

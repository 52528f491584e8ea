package output

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/rogpeppe/go-internal/diff"

	"spaces-identity.dev/internal/rewrite"
)

// writeDiff writes the changes of a result with a method
// Changes() []rewrite.Change.
func writeDiff(p *Printer, r Result) ([]byte, error) {
	changed, ok := r.(interface{ Changes() []rewrite.Change })
	if !ok {
		return nil, errors.New("this result has no changed documents")
	}
	var b bytes.Buffer
	for _, c := range changed.Changes() {
		for line := range bytes.Lines(Unified(c)) {
			b.WriteString(p.diffLine(string(line)))
		}
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

// Unified returns a change in the unified format, with three lines of context. Its line
// numbers are those of the stream. If both texts are the same, it returns only the header.
func Unified(c rewrite.Change) []byte {
	before, after := "before: "+c.Name, "after: "+c.Name
	var b bytes.Buffer
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", before, after)
	header := 3 // lines that the library writes first
	for line := range bytes.Lines(diff.Diff(before, c.Before, after, c.After)) {
		if header--; header >= 0 {
			continue
		}
		var from, fromCount, to, toCount int
		if _, err := fmt.Sscanf(string(line), "@@ -%d,%d +%d,%d @@", &from, &fromCount, &to, &toCount); err == nil {
			line = fmt.Appendf(nil, "@@ -%d,%d +%d,%d @@\n", from+c.FromLine-1, fromCount, to+c.ToLine-1, toCount)
		}
		b.Write(line)
	}
	return b.Bytes()
}

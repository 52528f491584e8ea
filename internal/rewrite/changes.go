package rewrite

import (
	"bytes"
	"fmt"

	"spaces-identity.dev/internal/manifest"
)

// Change is a document before and after its edits.
type Change struct {
	Name             string // its number and, if Helm names it, the chart's template
	Before, After    []byte
	FromLine, ToLine int // its first line in the stream before and after, from 1
}

// Changes returns the documents that change. The values of Secrets are replaced by their
// sizes.
func (r *Result) Changes() []Change {
	var all []Change
	lines := func(text []byte) int { return bytes.Count(text, []byte("\n")) } // as diff and patch count
	from, counted, shift := 1, 0, 0
	for _, p := range r.patches {
		old := r.stream[p.doc.Start:p.doc.End]
		from, counted = from+lines(r.stream[counted:p.doc.Start]), p.doc.Start
		name := fmt.Sprintf("document %d", p.doc.Number)
		if source := manifest.Source(old); source != "" {
			name += " " + source
		}
		all = append(all, Change{Name: name, Before: withoutSecrets(old), After: withoutSecrets(p.text), FromLine: from, ToLine: from + shift})
		shift += lines(p.text) - lines(old)
	}
	return all
}

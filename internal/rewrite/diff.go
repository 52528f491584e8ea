package rewrite

import (
	"bytes"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/manifest"
)

// withoutSecrets returns a document in which the values of Secrets are replaced by their
// sizes.
func withoutSecrets(text []byte) []byte {
	root, err := manifest.Parse(text)
	if err != nil || root == nil {
		return []byte("(a document that may contain Secrets)\n")
	}
	var hidden []*manifest.Node
	for _, o := range newObject(nil, root, nil).listed(maxListDepth) {
		if o.kind == "Secret" {
			hidden = append(hidden, secretValues(o)...)
		}
	}
	slices.SortFunc(hidden, func(a, b *manifest.Node) int { return a.Start - b.Start })
	return redacted(text, hidden)
}

func secretValues(o *object) []*manifest.Node {
	var values []*manifest.Node
	for _, field := range []string{"data", "stringData"} {
		held := o.node.Field(field).Resolve()
		if held != nil && held.Kind == manifest.Scalar {
			values = append(values, held)
		}
		for _, value := range held.Fields {
			values = append(values, value.Resolve())
		}
	}
	if record := o.node.Get("metadata", "annotations", lastApplied).Resolve(); record != nil {
		values = append(values, record)
	}
	return values
}

func redacted(text []byte, hidden []*manifest.Node) []byte {
	var b bytes.Buffer
	at := 0
	for _, n := range hidden {
		if n.Start < at {
			continue // an alias of a value that is hidden already
		}
		b.Write(text[at:n.Start])
		fmt.Fprintf(&b, "(%d bytes, not shown)", len(n.Value))
		at = n.End
		if at > n.Start && text[at-1] == '\n' {
			b.WriteByte('\n')
		}
	}
	b.Write(text[at:])
	return b.Bytes()
}

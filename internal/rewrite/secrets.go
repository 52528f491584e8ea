package rewrite

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// shortestSecret is the length from which a value counts as secret, in bytes. A shorter one,
// such as 1 or on, is a part of many words.
const shortestSecret = 4

// SecretValues returns the values of the Secrets in a stream, the longest first: as they are
// written, decoded from base64, line by line, and the values in YAML and JSON. It ignores
// documents that are not valid YAML.
func SecretValues(stream []byte) []string {
	values := secretValues{}
	for doc := range manifest.Split(stream) {
		text := stream[doc.Start:doc.End]
		if !mayContainSecret(string(text)) {
			continue
		}
		root, err := manifest.Parse(text)
		if err != nil || root == nil {
			continue
		}
		r := redaction{text: text}
		r.value(root, false)
		for _, value := range r.values {
			values.add(value, maxStringDepth)
		}
	}
	return slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
}

// secretValues is a set of values.
type secretValues map[string]bool

// add adds a text, its lines, and what it contains.
func (s secretValues) add(text string, depth int) {
	for _, part := range append(strings.Split(text, "\n"), text) {
		if part = strings.TrimSpace(part); len(part) >= shortestSecret {
			s[part] = true
		}
	}
	if depth == 0 {
		return
	}
	if decoded, ok := manifest.Base64(strings.TrimSpace(text)); ok {
		s.add(string(decoded), depth-1)
	}
	for doc := range manifest.Split([]byte(text)) {
		root, err := manifest.Parse([]byte(text)[doc.Start:doc.End])
		if root = root.Resolve(); err == nil && root != nil && root.Kind != manifest.Scalar {
			s.below(root, depth-1)
		}
	}
}

// below adds the scalars in a value. It does not follow aliases: their values are elsewhere
// in the document.
func (s secretValues) below(n *manifest.Node, depth int) {
	for i, child := range n.Content() {
		if n.Kind != manifest.Mapping || i%2 == 1 { // not a key
			s.below(child, depth)
		}
	}
	if n.Kind == manifest.Scalar && !n.IsNull() {
		s.add(n.Value, depth)
	}
}

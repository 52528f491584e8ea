package manifest

import "strings"

// flowText writes a node anew on one line, in the flow style that JSON and YAML
// share, its merge keys and aliases replaced by what they stand for. Anchors
// stay where they are defined.
func flowText(n *Node) string {
	var b strings.Builder
	writeFlow(&b, n, true)
	return b.String()
}

func writeFlow(b *strings.Builder, n *Node, anchors bool) {
	if n.Kind == Alias {
		n, anchors = n.Resolve(), false
	}
	if n.Anchor != "" && anchors {
		b.WriteString("&" + n.Anchor + " ")
	}
	if n.Tag != "" {
		b.WriteString(n.Tag + " ")
	}
	switch n.Kind {
	case Mapping:
		b.WriteByte('{')
		for i, f := range n.effective() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeFlow(b, f.key, anchors)
			b.WriteString(": ")
			writeFlow(b, f.value, anchors)
		}
		b.WriteByte('}')
	case Sequence:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteString(", ")
			}
			writeFlow(b, item, anchors)
		}
		b.WriteByte(']')
	default:
		b.WriteString(flowScalar(n))
	}
}

// flowScalar keeps what is no string as it is written; none of these words holds
// a flow indicator.
func flowScalar(n *Node) string {
	switch {
	case n.IsNull():
		return "null"
	case n.Style == Plain && n.Tag == "" && !n.IsString() && !strings.ContainsAny(n.Value, ",[]{}#\n\"' ") && !strings.HasSuffix(n.Value, ":"):
		return n.Value
	}
	return quoted(n.Value)
}

type field struct{ key, value *Node }

// effective are a mapping's fields with its merge key carried out: its own
// first, then what it takes over.
func (n *Node) effective() []field {
	merge := n.mergeValue()
	var fields []field
	known := map[string]bool{}
	for key, value := range n.Fields {
		if merge == nil || value != merge {
			fields = append(fields, field{key, value})
			known[key.Resolve().Value] = true
		}
	}
	for _, source := range n.merges() {
		for _, f := range source.effective() {
			if name := f.key.Resolve().Value; !known[name] {
				known[name] = true
				fields = append(fields, f)
			}
		}
	}
	return fields
}

package manifest

import "strings"

// Kind is what a node is.
type Kind uint8

// The kinds of a node.
const (
	Scalar Kind = iota + 1
	Mapping
	Sequence
	Alias
)

// Style is how a node is written.
type Style uint8

// The styles: the first two of collections, the others of scalars.
const (
	Block Style = iota
	Flow
	Plain
	SingleQuoted
	DoubleQuoted
	Literal
	Folded
)

// Node is a value in a document, together with the bytes it was written in.
type Node struct {
	Kind    Kind
	Style   Style
	Tag     string // as written, such as !!str; empty where none is
	Anchor  string
	Value   string  // a scalar's text, or an alias's name
	Outer   int     // offset of the first byte, properties (anchor, tag) included
	Start   int     // offset of the first byte behind the properties
	End     int     // offset behind the last byte
	Content []*Node // a mapping's keys and values in turn, or a sequence's items
	Target  *Node   // what an alias stands for
}

// Resolve is the node itself, or what it is an alias of.
func (n *Node) Resolve() *Node {
	for n != nil && n.Kind == Alias {
		n = n.Target
	}
	return n
}

// IsNull reports whether the node is written as YAML's null: ~, null or nothing.
func (n *Node) IsNull() bool {
	if n.Kind != Scalar || n.Style != Plain || n.Tag != "" && n.Tag != "!!null" {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// IsString reports whether every YAML decoder, of version 1.1 or 1.2, reads the
// node as a string.
func (n *Node) IsString() bool {
	if n.Kind != Scalar {
		return false
	}
	switch n.Tag {
	case "!!str", "!":
		return true
	case "":
		return n.Style != Plain || plainIsString(n.Value)
	}
	return false
}

// Field is the value a mapping has under a key, seen through aliases and merge
// keys ("<<"), or nil. Of a repeated key the last one counts, as in Go's decoders.
func (n *Node) Field(key string) *Node {
	n = n.Resolve()
	if n == nil || n.Kind != Mapping {
		return nil
	}
	if v := n.own(key); v != nil {
		return v
	}
	return n.merged(key, mergeDepth)
}

// Get follows fields from mapping to mapping.
func (n *Node) Get(keys ...string) *Node {
	for _, key := range keys {
		n = n.Field(key)
	}
	return n
}

// Text is the text of the string under the keys, or nothing.
func (n *Node) Text(keys ...string) string {
	if v := n.Get(keys...).Resolve(); v != nil && v.Kind == Scalar && !v.IsNull() {
		return v.Value
	}
	return ""
}

// Items are the elements of a sequence, or none.
func (n *Node) Items() []*Node {
	if n = n.Resolve(); n != nil && n.Kind == Sequence {
		return n.Content
	}
	return nil
}

// Item is an element of a sequence, or nil.
func (n *Node) Item(index int) *Node {
	if items := n.Items(); index < len(items) {
		return items[index]
	}
	return nil
}

// Fields calls yield with each own key and value of a mapping until it returns
// false.
func (n *Node) Fields(yield func(key, value *Node) bool) {
	if n = n.Resolve(); n == nil || n.Kind != Mapping {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !yield(n.Content[i], n.Content[i+1]) {
			return
		}
	}
}

// own is the value under a key of the mapping itself.
func (n *Node) own(key string) *Node {
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if k := n.Content[i].Resolve(); k != nil && k.Kind == Scalar && k.Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// mergeDepth bounds merge keys within merge keys.
const mergeDepth = 16

func (n *Node) merged(key string, depth int) *Node {
	if depth == 0 {
		return nil
	}
	for _, source := range n.merges() {
		if v := source.own(key); v != nil {
			return v
		}
		if v := source.merged(key, depth-1); v != nil {
			return v
		}
	}
	return nil
}

// merges are the mappings that the mapping's merge key names, the first one
// winning.
func (n *Node) merges() []*Node {
	merge := n.mergeValue().Resolve()
	switch {
	case merge == nil:
		return nil
	case merge.Kind == Mapping:
		return []*Node{merge}
	case merge.Kind != Sequence:
		return nil
	}
	var sources []*Node
	for _, item := range merge.Content {
		if item = item.Resolve(); item != nil && item.Kind == Mapping {
			sources = append(sources, item)
		}
	}
	return sources
}

func (n *Node) mergeValue() *Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == Scalar && k.Style == Plain && k.Value == "<<" {
			return n.Content[i+1]
		}
	}
	return nil
}

// plainIsString reports whether unquoted text is a string in YAML 1.1 and 1.2
// alike: no word with a meaning, and a character that no number and no date has.
// It errs on the side of no.
func plainIsString(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	return strings.Trim(s, "0123456789+-_.:~=<xobacdefintzXOBACDEFINTZ \t") != ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

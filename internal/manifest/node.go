package manifest

import (
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/lazyregexp"
)

// Kind says what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Scalar Kind = iota + 1
	Mapping
	Sequence
	Alias
)

// Style says how a node is written.
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

// Node is a value in a document, with the range of bytes that it is written in.
type Node struct {
	Value      string // the text of a scalar, the name of an alias
	rest       *rest  // nil for most scalars
	start, end uint32
	Kind       Kind
	Style      Style
}

// rest is what most nodes lack. A tree is smaller without it: it has about one node for
// twelve bytes of text.
type rest struct {
	content    []*Node
	properties *properties
}

// properties are those of a node with a tag or an anchor, and of an alias.
type properties struct {
	tag, anchor string
	outer       int   // offset of the first byte of the anchor, the tag or the alias
	target      *Node // what an alias refers to
}

// Start returns the offset of the node's first byte after anchor and tag.
func (n *Node) Start() int { return int(n.start) }

// End returns the offset after the node's last byte.
func (n *Node) End() int { return int(n.end) }

// Content returns a mapping's keys and values, alternating, or a sequence's items.
func (n *Node) Content() []*Node {
	if n.rest == nil {
		return nil
	}
	return n.rest.content
}

// properties returns nil for most nodes.
func (n *Node) properties() *properties {
	if n.rest == nil {
		return nil
	}
	return n.rest.properties
}

// Tag returns the tag as it is written, such as !!str, or an empty string.
func (n *Node) Tag() string {
	if p := n.properties(); p != nil {
		return p.tag
	}
	return ""
}

// Anchor returns the name of the node's anchor, or an empty string.
func (n *Node) Anchor() string {
	if p := n.properties(); p != nil {
		return p.anchor
	}
	return ""
}

// Outer returns the offset of the node's first byte, anchor and tag included.
func (n *Node) Outer() int {
	if p := n.properties(); p != nil {
		return p.outer
	}
	return n.Start()
}

// Target returns the node that an alias refers to.
func (n *Node) Target() *Node {
	if p := n.properties(); p != nil {
		return p.target
	}
	return nil
}

// Resolve returns the node itself, or the node that it is an alias of.
func (n *Node) Resolve() *Node {
	for n != nil && n.Kind == Alias {
		n = n.Target()
	}
	return n
}

// IsMapping reports whether the node is a mapping, or an alias of one.
func (n *Node) IsMapping() bool {
	n = n.Resolve()
	return n != nil && n.Kind == Mapping
}

// IsNull reports whether the node is written as YAML's null: ~, null or nothing.
func (n *Node) IsNull() bool {
	return n.Kind == Scalar && (n.Tag() == "" || n.Tag() == "!!null") && n.isNullWord()
}

// isNullWord reports whether the text of a scalar is one of YAML's words for null, or nothing.
func (n *Node) isNullWord() bool {
	if n.Style != Plain {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

// IsTrue reports whether Kubernetes reads the node as true. Its decoder follows YAML 1.1.
func (n *Node) IsTrue() bool {
	if n = n.Resolve(); n == nil || n.Kind != Scalar || n.Tag() != "!!bool" && (n.Tag() != "" || n.Style != Plain) {
		return false
	}
	switch strings.ToLower(n.Value) {
	case "true", "yes", "on", "y":
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
	switch n.Tag() {
	case "!!str":
		return true
	case "", "!": // YAML makes ! 2 a string, but some decoders ignore the !
		return n.Style != Plain || isPlainString(n.Value)
	}
	return false
}

// Field returns the value of a key of a mapping, or nil. It follows aliases and merge keys
// ("<<"). If a key is repeated, it returns the last value, like Go's decoders.
func (n *Node) Field(key string) *Node {
	n = n.Resolve()
	if n == nil || n.Kind != Mapping {
		return nil
	}
	if v := n.ownField(key); v != nil {
		return v
	}
	for _, source := range n.merged() {
		if v := source.ownField(key); v != nil {
			return v
		}
	}
	return nil
}

// hasName reports whether the node is a key with the given name. A plain ~ or null has
// none: decoders read it as null, also after a lone "!".
func (n *Node) hasName(name string) bool {
	return n != nil && n.Kind == Scalar && n.Value == name && !n.IsNull() && !(n.Tag() == "!" && n.isNullWord())
}

// ownField returns the value of a key that is written in the mapping itself.
func (n *Node) ownField(key string) *Node {
	content := n.Content()
	for i := len(content) - 2; i >= 0; i -= 2 {
		if k := content[i].Resolve(); k.hasName(key) {
			return content[i+1]
		}
	}
	return nil
}

// Get returns the value at a path of keys, or nil.
func (n *Node) Get(keys ...string) *Node {
	for _, key := range keys {
		n = n.Field(key)
	}
	return n
}

// Text returns the scalar at a path of keys, or an empty string.
func (n *Node) Text(keys ...string) string {
	if v := n.Get(keys...).Resolve(); v != nil && v.Kind == Scalar && !v.IsNull() {
		return v.Value
	}
	return ""
}

// Items returns the items of a sequence, or nil.
func (n *Node) Items() []*Node {
	if n = n.Resolve(); n != nil && n.Kind == Sequence {
		return n.Content()
	}
	return nil
}

// Item returns an item of a sequence, or nil.
func (n *Node) Item(index int) *Node {
	if items := n.Items(); index < len(items) {
		return items[index]
	}
	return nil
}

// Step returns the value that a step within the document leads to, or nil.
func (n *Node) Step(step identity.Step) *Node {
	switch step.Kind {
	case identity.KeyStep:
		return n.Field(step.Key)
	case identity.ItemStep:
		return n.Item(step.Item)
	}
	return nil
}

// Fields calls yield with each key and value that is written in the mapping
// itself, until yield returns false.
func (n *Node) Fields(yield func(key, value *Node) bool) {
	if n = n.Resolve(); n == nil || n.Kind != Mapping {
		return
	}
	content := n.Content()
	for i := 0; i+1 < len(content); i += 2 {
		if !yield(content[i], content[i+1]) {
			return
		}
	}
}

// merged returns the mappings whose fields a mapping has by its merge key and by the merge
// keys in these mappings, each once. The first one that has a field wins.
func (n *Node) merged() []*Node {
	if n.mergeValue() == nil {
		return nil
	}
	var all []*Node
	seen := map[*Node]bool{}
	var add func(n *Node)
	add = func(n *Node) {
		merge := n.mergeValue().Resolve()
		if merge == nil {
			return
		}
		for _, source := range append([]*Node{merge}, merge.Items()...) {
			if source = source.Resolve(); source != nil && source.Kind == Mapping && !seen[source] {
				seen[source] = true
				all = append(all, source)
				add(source)
			}
		}
	}
	add(n)
	return all
}

// mergeValue returns the value of the mapping's merge key, or nil.
func (n *Node) mergeValue() *Node {
	content := n.Content()
	for i := 0; i+1 < len(content); i += 2 {
		if k := content[i]; k.Kind == Scalar && k.Style == Plain && k.Value == "<<" {
			return content[i+1]
		}
	}
	return nil
}

// AllFields calls yield with each key and value of the mapping, those that its merge key
// adds included, until yield returns false.
func (n *Node) AllFields(yield func(key, value *Node) bool) {
	if n = n.Resolve(); n == nil || n.Kind != Mapping {
		return
	}
	for _, f := range n.effective() {
		if !yield(f.key, f.value) {
			return
		}
	}
}

// keyValue is a field of a mapping.
type keyValue struct{ key, value *Node }

// effective returns a mapping's own fields, followed by those that its merge key adds.
func (n *Node) effective() []keyValue {
	var fields []keyValue
	known := map[string]bool{}
	for i, source := range append([]*Node{n}, n.merged()...) {
		merge := source.mergeValue()
		for key, value := range source.Fields {
			if name := key.Resolve().Value; (merge == nil || value != merge) && (i == 0 || !known[name]) {
				fields = append(fields, keyValue{key, value})
				known[name] = true
			}
		}
	}
	return fields
}

// isPlainString reports whether text without quotes is a string in YAML 1.1 and 1.2.
func isPlainString(s string) bool {
	return !isSpecialWord(s) && (isLetter(s[0]) || !numberOrDate.Get().MatchString(s))
}

func isSpecialWord(s string) bool {
	switch strings.TrimLeft(strings.ToLower(s), "+-") {
	case "", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", "inf", ".inf", "nan", ".nan", "infinity":
		return true
	}
	return false
}

// numberOrDate matches the numbers, with and without a base, and the dates of YAML 1.1 and
// 1.2. It allows more underscores, commas and digits than they do.
var numberOrDate = lazyregexp.New(`^[-+]?(0[xX][0-9a-fA-F_.]*([pP][-+]?[0-9]*)?|0[bBoO][0-9_]*|[0-9_,]*\.?[0-9_]*([eE][-+]?[0-9]*)?|[0-9_]+(:[0-9_.]+)+)$|^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?$`)

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

package check

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// values are values of the Spaces chart from one place: a file, a mapping in a manifest, or
// arguments of Helm.
type values struct {
	settings []setting
	whole    bool // they are certainly for the chart, so an unknown key is a mistake
	typed    bool // they are arguments, where a flag decides about the types
}

// setting is one value and the path to it.
type setting struct {
	keys   []key
	text   string
	kind   valueKind
	at     place // of the value
	path   identity.Path
	syntax bool // the value is part of an argument, and keeps its spaces
}

// key is one name in the path of a setting, or an item of a list.
type key struct {
	name string
	item bool
	at   place
	node *manifest.Node // nil in arguments
	in   *manifest.Node // the mapping that has the key; nil in arguments
}

// valueKind is the type of a value, as Kubernetes' decoders and Helm read it.
type valueKind uint8

const (
	textValue valueKind = iota
	boolValue
	numberValue
	nullValue
	emptyValue // a mapping or list without content
	otherValue // an alias and the like
)

// names returns the names of the keys.
func (s setting) names() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}

func (s setting) last() key { return s.keys[len(s.keys)-1] }

// in reports whether the setting is at a path.
func (s setting) in(path ...string) bool { return slices.Equal(s.names(), path) }

// printed returns the path in the document. For arguments it is that of the values
// reference.
func (s setting) printed() string {
	if len(s.path) > 0 {
		return s.path.String()
	}
	return printedKeys(s.keys)
}

func printedKeys(keys []key) string {
	var path identity.Path
	for _, k := range keys {
		if k.item {
			path = path.Item(0)
			continue
		}
		path = path.Field(k.name)
	}
	return path.String()
}

// metadataMap returns the index of the key that contains annotations or labels on the way
// to the setting, or -1. What is below it are strings.
func (s setting) metadataMap() int {
	return slices.IndexFunc(s.keys[:len(s.keys)-1], func(k key) bool { return isMetadataMap(k.name) })
}

func isMetadataMap(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "annotations") || strings.HasSuffix(name, "labels")
}

// dotted returns the key of an annotation or label whose dots were read as steps of the
// path, joined again. It is empty if the setting has no such key.
func (s setting) dotted() (joined string, first int) {
	i := s.metadataMap()
	if i < 0 || i+2 >= len(s.keys) || slices.ContainsFunc(s.keys[i+1:], func(k key) bool { return k.item }) {
		return "", 0
	}
	return strings.Join(s.names()[i+1:], "."), i + 1
}

// placeholder reports whether a value is only known later: it contains a variable of a shell
// or of a template, or a word in angle brackets as documentation has them.
func placeholder(text string) bool {
	return strings.ContainsAny(text, "$<") || strings.Contains(text, "{{")
}

// kindOf returns the type of a scalar.
func kindOf(n *manifest.Node) valueKind {
	switch {
	case n.Kind != manifest.Scalar:
		return otherValue
	case n.IsNull():
		return nullValue
	case n.IsString() || n.Style != manifest.Plain && n.Tag() == "":
		return textValue
	case isBool(n.Value):
		return boolValue
	case isNumber(n.Value):
		return numberValue
	}
	return textValue
}

// isBool reports whether Kubernetes' decoder, which follows YAML 1.1, reads the word as a
// boolean.
func isBool(word string) bool {
	switch strings.ToLower(word) {
	case "true", "false", "yes", "no", "on", "off":
		return true
	}
	return false
}

package config

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// at is where the node stands in the file.
func (s *settings) at(n node) Origin {
	return Origin{File: s.file, Line: n.Line, Column: n.Column}
}

// eachKey visits the keys of a mapping. Each key comes once, and an empty value
// stands for an empty mapping.
func (s *settings) eachKey(path string, n node, visit func(key, value node)) {
	if !s.expect(path, n, yaml.MappingNode) {
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			s.fail(s.at(key), path, errAlias)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			s.fail(s.at(key), path, fmt.Errorf("a key is a name, and here stands %s", article(key)))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			s.fail(s.at(key), path, fmt.Errorf("the key %q stands twice, first in line %d: keep one", key.Value, line))
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value)
	}
}

// eachItem visits the items of a sequence with their paths.
func (s *settings) eachItem(path string, n node, visit func(path string, item node)) {
	if !s.expect(path, n, yaml.SequenceNode) {
		return
	}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		s.origins[at] = s.at(item)
		visit(at, item)
	}
}

// errAlias refuses aliases: a config has little to repeat, and an alias could
// stand for a billion nodes.
var errAlias = errors.New("aliases (*name) are not read in a config: write the value out")

// expect reports whether the node is of the kind and has something in it.
func (s *settings) expect(path string, n node, kind yaml.Kind) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		s.fail(s.at(n), path, errAlias)
	case isNull(n):
		return false
	case n.Kind != kind:
		s.fail(s.at(n), path, fmt.Errorf("is %s, and must be %s", article(n), kinds[kind]))
	case isTagged(n):
		s.fail(s.at(n), path, errTag(n))
	default:
		return true
	}
	return false
}

// isTagged reports whether the user wrote a tag. None is read, so that no value
// can claim to be what it is not.
func isTagged(n node) bool { return n.Style&yaml.TaggedStyle != 0 }

func errTag(n node) error {
	return fmt.Errorf("has the tag %s, which a config does not need: take it away", n.Tag)
}

// scalar is the text of a scalar of the tag. YAML makes numbers, booleans and
// dates of words without quotes, so the message says to quote those.
func (s *settings) scalar(path string, n node, tag string) (string, bool) {
	found := n.ShortTag()
	switch {
	case n.Kind == yaml.AliasNode:
		s.fail(s.at(n), path, errAlias)
	case isTagged(n):
		s.fail(s.at(n), path, errTag(n))
	case n.Kind == yaml.ScalarNode && found == tag:
		return n.Value, true
	case n.Kind == yaml.ScalarNode && tag == "!!str" && tags[found] != "":
		s.fail(s.at(n), path, fmt.Errorf("is %s, and must be a string: write %q", article(n), n.Value))
	default:
		s.fail(s.at(n), path, fmt.Errorf("is %s, and must be %s", article(n), tags[tag]))
	}
	return "", false
}

var kinds = map[yaml.Kind]string{
	yaml.MappingNode: "a mapping (key: value)", yaml.SequenceNode: "a list (- item)",
}

var tags = map[string]string{
	"!!str": "a string", "!!int": "a whole number", "!!float": "a number with a fraction",
	"!!bool": "true or false", "!!null": "nothing", "!!timestamp": "a date",
}

// article is what the node is, for a message.
func article(n node) string {
	if n.Kind == yaml.AliasNode {
		return "an alias"
	}
	if kind := kinds[n.Kind]; kind != "" {
		return kind
	}
	tag := n.ShortTag()
	switch tag {
	case "!!bool":
		return "a boolean, " + n.Value
	case "!!null":
		return "without a value"
	}
	if name := tags[tag]; name != "" {
		return name
	}
	return "of the type " + tag
}

// join is the path of a key below another path.
func join(path, key string) string {
	below := identity.Path{}.Field(key).String()
	if path == "" || below == "" || below[0] == '[' {
		return path + below
	}
	return path + "." + below
}

package config

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

type node = *yaml.Node

// target is where a row's value is stored: in the settings, or in the list item that the
// row belongs to.
type target struct {
	*identity.Settings
	cluster   *identity.Cluster
	component *identity.Component
	place     *identity.Place
	plane     *identity.HostControlPlane
	access    *identity.ReadAccess
}

// rowValue reads a setting. It adds problems to the settings, and reading continues. It
// checks only types and what a parser rejects: identity.New checks all values.
type rowValue struct {
	Type    string   // mapping, list, string, strings, strings or mappings, commands, pairs, boolean, integer, policy or anything
	Choices []string // the values that are allowed
	Open    bool     // other values than the choices are allowed too

	// The rest is for the JSON Schema alone. Nothing else reads it, because the parsers and
	// identity.New check more, and with better messages.
	Pattern    string // matches all values that are accepted, and some others
	KeyPattern string // the same for the keys of pairs
	Required   bool   // in each mapping that could have it
	Least      int    // of an integer; 0 if there is no limit
	Most       int

	read func(s *settings, row Row, path string, n node, t target)
	set  func(s *settings, path string, from Origin, texts []string, t target) // from a flag
}

// repeatable reports whether the flag of such a value may be repeated.
func (v rowValue) repeatable() bool { return strings.HasPrefix(v.Type, "strings") || v.Type == "pairs" }

// open allows other values than the choices.
func (v rowValue) open() rowValue {
	v.Open = true
	return v
}

// like sets the pattern of the values, or of the items or values of a list or pairs.
func (v rowValue) like(pattern string) rowValue {
	v.Pattern = pattern
	return v
}

// keysLike sets the pattern of the keys of pairs.
func (v rowValue) keysLike(pattern string) rowValue {
	v.KeyPattern = pattern
	return v
}

// required says that each mapping that could have the setting must have it.
func (v rowValue) required() rowValue {
	v.Required = true
	return v
}

// between sets the limits of an integer.
func (v rowValue) between(least, most int) rowValue {
	v.Least, v.Most = least, most
	return v
}

// readKeys reads a mapping. Its keys have rows of their own.
func readKeys() rowValue {
	return rowValue{Type: "mapping", read: func(s *settings, row Row, path string, n node, t target) {
		s.readMapping(path, row.Key, n, t)
	}}
}

// readList reads a sequence of mappings. item appends an item to the settings.
func readList(item func(target) target) rowValue {
	return rowValue{Type: "list", read: func(s *settings, row Row, path string, n node, t target) {
		s.eachItem(path, n, func(at string, n node) { s.readMapping(at, row.Key+"[]", n, item(t)) })
	}}
}

// appendItem appends an empty item to a list.
func appendItem[T any](items *[]T) *T {
	*items = append(*items, *new(T))
	return &(*items)[len(*items)-1]
}

// readAnything accepts a key with any value.
func readAnything() rowValue {
	return rowValue{Type: "anything", read: func(*settings, Row, string, node, target) {}}
}

// readHeader reads a required key that can have only one value.
func readHeader(want string) rowValue {
	return rowValue{Type: "string", Choices: []string{want}, read: func(s *settings, row Row, path string, n node, _ target) {
		if isNull(n) {
			delete(s.origins, path)
		} else if got, ok := s.scalar(path, n, "!!str", row.Choices); ok && got != want {
			s.fail(s.at(n), path, identity.WithHint("write "+want, "this version of the program does not read %q", got))
		}
	}}
}

// readText reads a string, which is one of the choices if there are any.
func readText[V ~string](part func(target) *V, choices ...V) rowValue {
	v := readParsed(func(text string) (V, error) { return V(text), nil }, part)
	v.Choices = identity.Words(choices)
	return v
}

// readParsed reads a string with a parser. In the file an empty string counts as not set.
func readParsed[V any](parse func(string) (V, error), part func(target) *V) rowValue {
	return readScalar("string", "!!str", parse, part)
}

// readBoolean reads true or false.
func readBoolean(part func(target) *bool) rowValue {
	return readScalar("boolean", "!!bool", strconv.ParseBool, part)
}

// readInteger reads a whole number. The check must reject 0, which means not set.
func readInteger(check func(int) error, part func(target) *int) rowValue {
	return readScalar("integer", "!!int", func(text string) (int, error) {
		number, err := strconv.Atoi(text)
		if err != nil || strconv.Itoa(number) != text {
			return 0, identity.WithHint("write it in decimal digits", "%q is not a whole number", text)
		}
		return number, check(number)
	}, part)
}

// readScalar reads a scalar with the YAML tag. If a flag occurs several times, the last wins.
func readScalar[V any](name, tag string, parse func(string) (V, error), part func(target) *V) rowValue {
	put := func(s *settings, path string, from Origin, text string, t target) {
		v, err := parse(text)
		if err != nil {
			s.fail(from, path, err)
			return
		}
		*part(t) = v
	}
	return rowValue{
		Type: name,
		read: func(s *settings, row Row, path string, n node, t target) {
			if isNull(n) {
				return
			}
			if text, ok := s.scalar(path, n, tag, row.Choices); ok && text != "" {
				put(s, path, s.at(n), text, t)
			}
		},
		set: func(s *settings, path string, from Origin, texts []string, t target) {
			put(s, path, from, lastOf(texts), t)
		},
	}
}

// readParsedTexts reads a sequence of strings with a parser. No flag sets it.
func readParsedTexts[V any](parse func(string) (V, error), part func(target) *[]V) rowValue {
	return rowValue{Type: "strings", read: func(s *settings, _ Row, path string, n node, t target) {
		s.eachItem(path, n, func(at string, item node) {
			text, ok := s.scalar(at, item, "!!str", nil)
			if !ok {
				return
			}
			v, err := parse(text)
			if err != nil {
				s.fail(s.at(item), at, err)
			}
			*part(t) = append(*part(t), v) // an invalid one too, so that the others keep their index
		})
	}}
}

// readTexts reads a sequence of strings. A flag replaces the file's strings and can contain
// several, separated by commas, because no such string contains a comma.
func readTexts(part func(target) *[]string) rowValue {
	return rowValue{
		Type: "strings",
		read: func(s *settings, _ Row, path string, n node, t target) {
			s.eachItem(path, n, func(at string, item node) {
				text, _ := s.scalar(at, item, "!!str", nil)
				*part(t) = append(*part(t), text) // an invalid one too, so that the others keep their index
			})
		},
		set: func(_ *settings, _ string, _ Origin, texts []string, t target) {
			*part(t) = strings.Split(strings.Join(texts, ","), ",")
		},
	}
}

// readEach reads a sequence of strings with a parser. No flag sets it.
func readEach[V any](parse func(string) (V, error), part func(target) *[]V) rowValue {
	return rowValue{Type: "strings", read: func(s *settings, _ Row, path string, n node, t target) {
		s.eachItem(path, n, func(at string, item node) {
			text, ok := s.scalar(at, item, "!!str", nil)
			v, err := parse(text)
			if ok && err != nil {
				s.fail(s.at(item), at, err)
			}
			*part(t) = append(*part(t), v) // an invalid one too, so that the others keep their index
		})
	}}
}

// readCommands reads a sequence of commands. Each is a sequence of strings: a program and
// its arguments.
func readCommands(part func(target) *[][]string) rowValue {
	return rowValue{Type: "commands", read: func(s *settings, _ Row, path string, n node, t target) {
		s.eachItem(path, n, func(at string, command node) {
			var words []string
			s.eachItem(at, command, func(at string, word node) {
				text, _ := s.scalar(at, word, "!!str", nil)
				words = append(words, text) // an invalid one too, so that the others keep their index
			})
			*part(t) = append(*part(t), words)
		})
	}}
}

// readPairs reads a mapping of strings to strings. A flag, KEY=VALUE, adds to the file's.
func readPairs(part func(target) *map[string]string) rowValue {
	put := func(t target, key, text string) {
		if *part(t) == nil {
			*part(t) = map[string]string{}
		}
		(*part(t))[key] = text
	}
	return rowValue{
		Type: "pairs",
		read: func(s *settings, _ Row, path string, n node, t target) {
			s.eachKey(path, n, func(key, item node) {
				below := identity.KeyBelow(path, key.Value)
				s.origins[below] = s.at(key)
				if text, ok := s.scalar(below, item, "!!str", nil); ok {
					put(t, key.Value, text)
				}
			})
		},
		set: func(s *settings, path string, from Origin, texts []string, t target) {
			*part(t) = maps.Clone(*part(t))
			for _, pair := range texts {
				key, text, ok := strings.Cut(pair, "=")
				if !ok {
					s.fail(from, path, identity.WithHint("write KEY=VALUE", "%q has no =", pair))
					continue
				}
				s.replace(identity.KeyBelow(path, key), from)
				put(t, key, text)
			}
		},
	}
}

func lastOf(values []string) string { return values[len(values)-1] }

// How messages name the kinds and types of YAML.
var (
	kindNames = map[yaml.Kind]string{
		yaml.MappingNode: "a mapping (key: value)", yaml.SequenceNode: "a list (- item)", yaml.AliasNode: "an alias",
	}
	tagNames = map[string]string{
		"!!str": "a string", "!!int": "a whole number", "!!float": "a number with a fraction",
		"!!bool": "a boolean", "!!null": "without a value", "!!timestamp": "a date",
	}
)

// typeOf returns the kind or type of the node for a message.
func typeOf(n node) string {
	if kind := kindNames[n.Kind]; kind != "" {
		return kind
	}
	if name := tagNames[n.ShortTag()]; name != "" {
		return name
	}
	return fmt.Sprintf("of the type %s", n.ShortTag())
}

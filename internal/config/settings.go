package config

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// settings holds what was read so far, and where it came from.
type settings struct {
	spec     identity.Settings
	rows     map[string][]Row  // of the file, by the key of the mapping that has them
	file     string            // named in messages; empty if there is no file
	origins  map[string]Origin // by path in the config
	problems []*Problem
}

func newSettings(file string) *settings {
	return &settings{file: file, origins: map[string]Origin{"": {File: file}}}
}

// target returns the settings as a whole.
func (s *settings) target() target { return target{Settings: &s.spec, cluster: &s.spec.Cluster} }

// fail records a problem with the setting at the path.
func (s *settings) fail(at Origin, path string, err error) {
	s.problems = append(s.problems, &Problem{at, path, err})
}

// origin returns where the setting at the path came from. If that is unknown, it returns
// the origin of the nearest setting that contains it.
func (s *settings) origin(path string) Origin {
	for path := range outwards(path) {
		if at, ok := s.origins[path]; ok {
			return at
		}
	}
	return Origin{}
}

// outwards yields the path, then each path that contains it, up to the root.
func outwards(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(path) && path != "" {
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
	}
}

// replace records the new origin of the setting at the path, and removes the problems of
// the value before.
func (s *settings) replace(path string, from Origin) {
	within := func(other string) bool {
		below, ok := strings.CutPrefix(other, path)
		return ok && (below == "" || below[0] == '.' || below[0] == '[')
	}
	maps.DeleteFunc(s.origins, func(at string, _ Origin) bool { return within(at) })
	s.problems = slices.DeleteFunc(s.problems, func(p *Problem) bool { return within(p.Path) })
	s.origins[path] = from
}

// finish returns the Spec, or an [*Error] with all problems. It reports a setting only once,
// and not if it has reported a part of it.
func (s *settings) finish() (identity.Spec, error) {
	wrong := map[string]bool{}
	for _, p := range s.problems {
		for path := range outwards(p.Path) {
			wrong[path] = true
		}
	}
	spec, problems := identity.New(s.spec)
	for _, found := range problems {
		if !wrong[found.Path] {
			wrong[found.Path] = true
			s.fail(s.origin(found.Path), found.Path, found.Err)
		}
	}
	if err := reportAll(s.problems); err != nil {
		return identity.Spec{}, err
	}
	return spec, nil
}

// at returns where the node is in the file.
func (s *settings) at(n node) Origin { return Origin{File: s.file, Line: n.Line, Column: n.Column} }

// readMapping reads the mapping at the path. The rows below the key say how.
func (s *settings) readMapping(path, key string, n node, t target) {
	rows := s.rows[key]
	s.eachKey(path, n, func(name, value node) {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.name() == name.Value })
		if i < 0 {
			s.fail(s.at(name), path, unknownKey(name.Value, rows))
			return
		}
		below := identity.KeyBelow(path, name.Value)
		s.origins[below] = s.at(value)
		rows[i].read(s, rows[i], below, value, t)
	})
}

func unknownKey(key string, rows []Row) error {
	if key == "<<" {
		return identity.WithHint("write the settings out", "merge keys (<<) are not allowed in a config")
	}
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name()
	}
	hint := cmp.Or(identity.DidYouMean(key, names), "the keys here are "+strings.Join(names, ", "))
	return identity.WithHint(hint, "unknown key %q", key)
}

// eachKey visits each key of a mapping once. It reports other keys as problems.
func (s *settings) eachKey(path string, n node, visit func(key, value node)) {
	if !s.expect(path, n, yaml.MappingNode) {
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		line, twice := seen[key.Value]
		switch {
		case key.Kind == yaml.AliasNode:
			s.fail(s.at(key), path, errAlias)
		case key.Kind != yaml.ScalarNode:
			s.fail(s.at(key), path, fmt.Errorf("a key is %s, but must be a string", typeOf(key)))
		case twice:
			s.fail(s.at(key), path, identity.WithHint("keep one", "the key %q occurs twice, first in line %d", key.Value, line))
		default:
			seen[key.Value] = key.Line
			visit(key, value)
		}
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

// errAlias rejects aliases: a config has little to repeat, and nested aliases can expand to
// a billion nodes.
var errAlias = identity.WithHint("write the value out", "aliases (*name) are not allowed in a config")

// expect reports whether the node is of the kind and not null. It reports another kind.
func (s *settings) expect(path string, n node, kind yaml.Kind) bool {
	if !s.isPlain(path, n) || isNull(n) {
		return false
	}
	if n.Kind != kind {
		s.fail(s.at(n), path, fmt.Errorf("is %s, but must be %s", typeOf(n), kindNames[kind]))
	}
	return n.Kind == kind
}

// isPlain reports whether the node is neither an alias nor tagged. Tags are rejected so
// that no value can claim another type. It reports the problem.
func (s *settings) isPlain(path string, n node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		s.fail(s.at(n), path, errAlias)
	case isTagged(n):
		s.fail(s.at(n), path, identity.WithHint("remove it", "has the tag %s, which a config does not need", n.Tag))
	default:
		return true
	}
	return false
}

func isTagged(n node) bool { return n.Style&yaml.TaggedStyle != 0 }

// isNull reports whether there is no value, or null without a tag.
func isNull(n node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && !isTagged(n)
}

// scalar returns the text of a scalar with the tag. YAML reads some words without quotes
// as numbers, booleans or dates. The hint says to quote them, or lists the choices.
func (s *settings) scalar(path string, n node, tag string, choices []string) (string, bool) {
	if !s.isPlain(path, n) {
		return "", false
	}
	switch found := n.ShortTag(); {
	case n.Kind == yaml.ScalarNode && found == tag:
		return n.Value, true
	case n.Kind == yaml.ScalarNode && tag == "!!str" && tagNames[found] != "":
		hint := fmt.Sprintf("write %q", n.Value)
		if len(choices) > 0 {
			hint = "write " + identity.OneOf(choices)
		}
		s.fail(s.at(n), path, identity.WithHint(hint, "is %s, but must be a string", typeOf(n)))
	default:
		must := tagNames[tag]
		if tag == "!!bool" {
			must = "true or false"
		}
		s.fail(s.at(n), path, errors.New("is "+typeOf(n)+", but must be "+must))
	}
	return "", false
}

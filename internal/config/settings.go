package config

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// settings are what was read so far, with where each came from.
type settings struct {
	spec     identity.Settings
	file     string            // named in messages; empty where there is no file
	origins  map[string]Origin // by path in the config
	problems []*Problem
}

func newSettings(file string) *settings {
	return &settings{file: file, origins: map[string]Origin{"": {File: file}}}
}

// fail notes a problem with the setting at the path.
func (s *settings) fail(at Origin, path string, err error) {
	s.problems = append(s.problems, &Problem{at, path, err})
}

// origin is where the setting came from, or the nearest one that holds it.
func (s *settings) origin(path string) Origin {
	for {
		if at, ok := s.origins[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// failed reports whether a problem is known at the path or below.
func (s *settings) failed(path string) bool {
	for _, p := range s.problems {
		below, ok := strings.CutPrefix(p.Path, path)
		if ok && (below == "" || below[0] == '.' || below[0] == '[') {
			return true
		}
	}
	return false
}

// finish fills in the defaults, checks the settings against each other, and
// gives out the Spec or everything that is wrong.
func (s *settings) finish() (identity.Spec, error) {
	spec, problems := identity.New(s.spec)
	for _, found := range problems {
		if !s.failed(found.Path) {
			s.fail(s.origin(found.Path), found.Path, found.Err)
		}
	}
	if err := report(s.problems); err != nil {
		return identity.Spec{}, err
	}
	return spec, nil
}

// decode reads the file's content into settings. What the file's tree holds is
// reported by finish, together with what other sources get wrong; only a file
// that is no tree at all is an error here.
func decode(name string, content []byte) (*settings, error) {
	root, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	s := newSettings(name)
	object(specFields)(s, "", root, &s.spec)
	if root.Kind == yaml.MappingNode {
		s.checkHeader()
	}
	return s, nil
}

// checkHeader asks for apiVersion and kind, which tell the file's form.
func (s *settings) checkHeader() {
	for _, key := range slices.Sorted(maps.Keys(header)) {
		if _, there := s.origins[key]; !there && !s.failed(key) {
			s.fail(Origin{File: s.file, Line: 1, Column: 1}, key, errors.New("is missing: write "+key+": "+header[key]))
		}
	}
}

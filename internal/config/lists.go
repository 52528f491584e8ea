package config

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// readNamespaces reads the host namespaces. An item is the name, or a mapping that also has
// the group and the name of the ControlPlane object. A flag replaces the names of the file.
func readNamespaces() rowValue {
	names := readTexts(func(t target) *[]string { return &t.ControlPlanes.Namespaces })
	return rowValue{
		Type: "strings or mappings",
		read: func(s *settings, row Row, path string, n node, t target) {
			s.eachItem(path, n, func(at string, item node) {
				var plane identity.HostControlPlane
				if item.Kind == yaml.MappingNode {
					s.readMapping(at, row.Key+"[]", item, target{plane: &plane})
				} else {
					plane.HostNamespace, _ = s.scalar(at, item, "!!str", nil)
				}
				s.addNamespace(at, item, plane, &t.ControlPlanes)
			})
		},
		set: names.set,
	}
}

// addNamespace adds an item of the list, an invalid one too, so that the others keep their
// index.
func (s *settings) addNamespace(at string, n node, plane identity.HostControlPlane, to *identity.ControlPlanes) {
	to.Namespaces = append(to.Namespaces, plane.HostNamespace)
	before := to.Names[plane.HostNamespace]
	switch {
	case n.Kind == yaml.MappingNode && plane.HostNamespace == "":
		s.fail(s.at(n), at, identity.WithHint("write name: and the host namespace", "has no name"))
	case plane.IsZero():
	case !before.IsZero() && before != plane.ControlPlaneName:
		s.fail(s.at(n), at, identity.WithHint("list each host namespace once", "%q is already the host namespace of %s", plane.HostNamespace, before))
	default:
		if to.Names == nil {
			to.Names = map[string]identity.ControlPlaneName{}
		}
		to.Names[plane.HostNamespace] = plane.ControlPlaneName
	}
}

// readPolicy reads an IAM policy: a mapping, JSON in a string, or the name of a file with the
// JSON. The name is relative to the working directory.
func readPolicy(part func(target) *iam.Document) rowValue {
	return rowValue{Type: "policy", read: func(s *settings, _ Row, path string, n node, t target) {
		if isNull(n) {
			return
		}
		var text, source string
		var ok bool
		if n.Kind == yaml.MappingNode {
			var value any
			if value, ok = s.plainValue(path, n); ok {
				text = jsonText(value)
			}
		} else if text, ok = s.scalar(path, n, "!!str", nil); ok && !strings.HasPrefix(strings.TrimSpace(text), "{") {
			source = text
			text, ok = s.policyFile(path, n, source)
		}
		if !ok || text == "" {
			return
		}
		doc, err := identity.ParsePermissions(text)
		if err != nil && source != "" {
			err = fmt.Errorf("%s %w", source, err)
		}
		if err != nil {
			s.fail(s.at(n), path, err)
			return
		}
		*part(t) = doc
	}}
}

// policyFile returns the content of the file that a setting names.
func (s *settings) policyFile(path string, n node, file string) (text string, ok bool) {
	if file == "" {
		return "", true
	}
	content, err := os.ReadFile(file)
	if err == nil && len(content) > mostBytes {
		err = fmt.Errorf("%s is larger than %d bytes: this is not a policy", file, mostBytes)
	}
	if err != nil {
		s.fail(s.at(n), path, identity.WithHint("write the name of a file in the working directory or below it, or the policy itself", "cannot read the policy: %w", err))
	}
	return string(content), err == nil
}

// plainValue returns a node as mappings, lists and strings. Every scalar is a string, as it
// is written: YAML would read the version of a policy as a date, and an account as a number.
func (s *settings) plainValue(path string, n node) (value any, ok bool) {
	before := len(s.problems)
	switch {
	case !s.isPlain(path, n):
	case isNull(n):
		s.fail(s.at(n), path, identity.WithHint("write it, or remove the key", "has no value"))
	case n.Kind == yaml.ScalarNode:
		value = n.Value
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		s.eachItem(path, n, func(at string, item node) {
			v, _ := s.plainValue(at, item)
			list = append(list, v)
		})
		value = list
	case n.Kind == yaml.MappingNode:
		members := map[string]any{}
		s.eachKey(path, n, func(key, item node) {
			members[key.Value], _ = s.plainValue(identity.KeyBelow(path, key.Value), item)
		})
		value = members
	}
	return value, len(s.problems) == before
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // mappings, lists and strings: encoding cannot fail
	}
	return string(text)
}

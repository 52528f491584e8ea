package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"spaces-identity.dev/internal/identity"
	"strings"

	"gopkg.in/yaml.v3"
)

// reading is the content of a document as another YAML decoder reads it. Scalars have the
// types that the decoder gives them. Merge keys and aliases are followed.
type reading struct {
	Type   string
	Scalar string
	Fields []readField
	Items  []reading
}

type readField struct{ Key, Value reading }

// readIndependently reads the one document of a text.
func readIndependently(text []byte) (reading, error) {
	all, err := readAll(text)
	if err != nil || len(all) == 0 {
		return reading{Type: "!!null"}, err
	}
	if len(all) > 1 {
		return reading{}, errors.New("more than one document")
	}
	return all[0], nil
}

// readAll reads the documents of a stream.
func readAll(stream []byte) ([]reading, error) {
	var all []reading
	decoder := yaml.NewDecoder(bytes.NewReader(withoutVersion(stream)))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		r := treeReader{}
		all = append(all, r.node(&node))
		if r.err != nil {
			return nil, r.err
		}
	}
}

// treeReader reads a tree. It fails if aliases make the tree too large for a test.
type treeReader struct {
	values int
	err    error
}

const maxReading = 100_000

func (r *treeReader) node(n *yaml.Node) reading {
	if r.values++; r.values > maxReading || r.err != nil {
		r.err = fmt.Errorf("more than %d values", maxReading)
		return reading{}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.node(n.Content[0])
	case yaml.AliasNode:
		return r.node(n.Alias)
	case yaml.SequenceNode:
		read := reading{Type: n.ShortTag()}
		for _, item := range n.Content {
			read.Items = append(read.Items, r.node(item))
		}
		return read
	case yaml.MappingNode:
		return r.mapping(n)
	}
	return reading{Type: n.ShortTag(), Scalar: scalarReading(n)}
}

// scalarReading returns the same text for all the ways to write null.
func scalarReading(n *yaml.Node) string {
	if n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

func (r *treeReader) mapping(n *yaml.Node) reading {
	read := reading{Type: n.ShortTag()}
	var merged []readField
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := r.node(n.Content[i]), r.node(n.Content[i+1])
		if key.Type != "!!merge" {
			read.Fields = append(read.Fields, readField{key, value})
			continue
		}
		for _, source := range append(slices.Clone(value.Items), value) {
			merged = append(merged, source.Fields...)
		}
	}
	for _, f := range merged {
		if !slices.ContainsFunc(read.Fields, func(own readField) bool { return own.Key.String() == f.Key.String() }) {
			read.Fields = append(read.Fields, f)
		}
	}
	read.sort()
	return read
}

// sort sorts the fields by key.
func (r reading) sort() {
	slices.SortStableFunc(r.Fields, func(a, b readField) int { return strings.Compare(a.Key.String(), b.Key.String()) })
}

func (r reading) String() string {
	return fmt.Sprintf("%s %q %v %v", r.Type, r.Scalar, r.Fields, r.Items)
}

func stringReading(s string) reading { return reading{Type: "!!str", Scalar: s} }

// with returns the reading of the same mapping with a string under a key.
func (r reading) with(key, value string) reading {
	r.Fields = append(slices.Clone(r.Fields), readField{stringReading(key), stringReading(value)})
	r.sort()
	return r
}

// index returns the position of a step in the fields or the items, or -1.
func (r reading) index(step identity.Step) int {
	if step.Kind == identity.KeyStep {
		return slices.IndexFunc(r.Fields, func(f readField) bool { return f.Key.Scalar == step.Key && f.Key.Items == nil && f.Key.Fields == nil })
	}
	if step.Item < len(r.Items) {
		return step.Item
	}
	return -1
}

// set returns the reading with a string at a path, and with the mappings that the
// path needs.
func (r reading) set(path identity.Path, value string) reading {
	if len(path) == 0 {
		return stringReading(value)
	}
	step := path[0]
	i := r.index(step)
	switch {
	case step.Kind == identity.ItemStep:
		r.Items = slices.Clone(r.Items)
		r.Items[i] = r.Items[i].set(path[1:], value)
	case i >= 0:
		r.Fields = slices.Clone(r.Fields)
		r.Fields[i].Value = r.Fields[i].Value.set(path[1:], value)
	default:
		made := reading{Type: "!!null"}.set(path[1:], value)
		r.Fields = append(slices.Clone(r.Fields), readField{stringReading(step.Key), made})
		if r.Type == "!!null" {
			r.Type, r.Scalar = "!!map", ""
		}
		r.sort()
	}
	return r
}

package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"spaces-identity.dev/internal/rewrite"
)

// checkDecoded decodes the manifests before and after with kyaml, carries out
// the report's changes on what was before, and compares.
func checkDecoded(t *testing.T, before, after string, changes []rewrite.Finding) {
	t.Helper()
	want, err := expected(before, changes)
	if err != nil {
		t.Fatal(err)
	}
	compareDecoded(t, want, after, changes)
}

// expected decodes manifests and carries out changes on them.
func expected(before string, changes []rewrite.Finding) ([]any, error) {
	want, err := decodeAll(before)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		path, err := steps(change.Path)
		if err != nil {
			return nil, err
		}
		at := change.Document - 1
		if want[at], err = with(want[at], path, change.New); err != nil {
			return nil, fmt.Errorf("%s: %w", change.Path, err)
		}
	}
	return want, nil
}

// compareDecoded decodes the manifests after the changes and compares them.
func compareDecoded(t *testing.T, want []any, after string, changes []rewrite.Finding) {
	t.Helper()
	got, err := decodeAll(after)
	if err != nil {
		t.Fatalf("the output is not valid YAML: %v", err)
	}
	for _, change := range changes {
		path, err := steps(change.Path)
		if err != nil {
			t.Fatal(err)
		}
		at := change.Document - 1
		if got[at], err = opened(got[at], path); err != nil {
			t.Fatalf("%s: %v", change.Path, err)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("kyaml sees other changes than the report says (-want +got):\n%s", d)
	}
}

// decodeAll decodes the documents of a stream. Those without content are nil.
func decodeAll(stream string) ([]any, error) {
	var all []any
	decoder := yaml.NewDecoder(strings.NewReader(stream))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var doc any
		if err := node.Decode(&doc); err != nil {
			return nil, err
		}
		all = append(all, doc)
	}
}

// step is a step of a path in the report: a key, an item, or the way into a
// string.
type step struct {
	key      string
	item     int
	into     bool
	base64   bool
	document int
}

// steps reads a path of the report: a.b[0]["c.d"] → e, or "(base64) →".
func steps(path string) ([]step, error) {
	var all []step
	for path != "" {
		s, rest, err := firstStep(path)
		if err != nil {
			return nil, err
		}
		all, path = append(all, s), rest
	}
	return all, nil
}

func firstStep(path string) (step, string, error) {
	if rest, ok := strings.CutPrefix(path, " (base64) → "); ok {
		s, rest := document(rest)
		s.base64 = true
		return s, rest, nil
	}
	if rest, ok := strings.CutPrefix(path, " → "); ok {
		s, rest := document(rest)
		return s, rest, nil
	}
	if quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(path, "[")); err == nil && path[0] == '[' {
		key, err := strconv.Unquote(quoted)
		return step{key: key}, path[len(quoted)+2:], err
	}
	if rest, ok := strings.CutPrefix(path, "["); ok {
		number, rest, _ := strings.Cut(rest, "]")
		item, err := strconv.Atoi(number)
		return step{item: item}, rest, err
	}
	path = strings.TrimPrefix(path, ".")
	end := strings.IndexAny(path, ".[ ")
	if end < 0 {
		end = len(path)
	}
	return step{key: path[:end]}, path[end:], nil
}

// document is the way into a string, which may hold several documents.
func document(rest string) (step, string) {
	var n int
	if _, err := fmt.Sscanf(rest, "document %d: ", &n); err != nil {
		return step{into: true}, rest
	}
	_, rest, _ = strings.Cut(rest, ": ")
	return step{into: true, document: n - 1}, rest
}

// text is a string that contains documents, decoded.
type text struct {
	Before    string // such as --values=
	Documents []any
}

// open decodes a string on the way of a path. What is decoded stays so.
func open(value any, s step) (text, error) {
	if t, ok := value.(text); ok {
		return t, nil
	}
	content, ok := value.(string)
	if !ok {
		return text{}, fmt.Errorf("%T is no string", value)
	}
	if s.base64 {
		decoded, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			return text{}, err
		}
		content = string(decoded)
	}
	before := ""
	if name, _, ok := strings.Cut(content, "="); ok && !strings.ContainsAny(name, " \n:{\"'") {
		before = name + "="
	}
	documents, err := decodeAll(content[len(before):])
	return text{before, documents}, err
}

// with returns a value with another one at a path, which is added if it is missing.
func with(value any, path []step, leaf any) (any, error) {
	if len(path) == 0 {
		return leaf, nil
	}
	return stepInto(value, path[0], func(inner any) (any, error) { return with(inner, path[1:], leaf) })
}

// opened is a value with the strings on a path decoded.
func opened(value any, path []step) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	return stepInto(value, path[0], func(inner any) (any, error) { return opened(inner, path[1:]) })
}

// stepInto replaces what is one step below a value.
func stepInto(value any, s step, replace func(any) (any, error)) (any, error) {
	var err error
	switch {
	case s.into:
		t, err := open(value, s)
		if err != nil || s.document >= len(t.Documents) {
			return nil, fmt.Errorf("no document %d (%w)", s.document, err)
		}
		t.Documents = slices.Clone(t.Documents)
		t.Documents[s.document], err = replace(t.Documents[s.document])
		return t, err
	case s.key != "":
		mapping, ok := value.(map[string]any)
		if !ok && value != nil {
			return nil, fmt.Errorf("%T has no key %s", value, s.key)
		}
		mapping = maps.Clone(mapping)
		if mapping == nil {
			mapping = map[string]any{}
		}
		mapping[s.key], err = replace(mapping[s.key])
		return mapping, err
	}
	list, ok := value.([]any)
	if !ok || s.item >= len(list) {
		return nil, fmt.Errorf("no item %d", s.item)
	}
	list = slices.Clone(list)
	list[s.item], err = replace(list[s.item])
	return list, err
}
